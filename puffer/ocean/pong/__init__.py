"""Pong against a scripted opponent."""
