"""Three readers who write every function rightly, each in a way of their own."""
