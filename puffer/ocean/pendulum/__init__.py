"""A pendulum with a weak motor."""
