"""Snakes on a map."""
