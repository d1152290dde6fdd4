"""A weak car in a valley."""
