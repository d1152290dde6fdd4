"""A reference trainer, PPO on torch: `python -m puffer.train NAME`."""
