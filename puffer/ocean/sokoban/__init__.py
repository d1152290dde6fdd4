"""Boxes to push onto targets, in rooms that are drawn or from files."""
