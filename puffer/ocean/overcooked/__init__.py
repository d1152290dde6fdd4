"""Overcooked."""
