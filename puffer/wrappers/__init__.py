"""Thin adapters between this package and other systems."""
