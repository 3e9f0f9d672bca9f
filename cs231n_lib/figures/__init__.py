"""What the chapters draw."""
