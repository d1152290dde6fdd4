"""A chain of two links."""
