"""Bricks, a ball and a paddle."""
