"""A network that looks at pictures and says what it sees, in NumPy."""
