"""A warehouse of robots."""
