"""Particle environments."""
