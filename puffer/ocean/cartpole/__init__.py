"""A pole on a cart."""
