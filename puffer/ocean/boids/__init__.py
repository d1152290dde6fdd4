"""A flock of agents."""
