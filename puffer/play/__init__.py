"""`python -m puffer.play NAME`: play an environment by the keyboard, in a window or a terminal."""
