"""Agents that cover landmarks together."""
