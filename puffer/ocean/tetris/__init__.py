"""Falling pieces."""
