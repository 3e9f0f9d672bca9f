"""Looking into a network that sees, with PyTorch."""
