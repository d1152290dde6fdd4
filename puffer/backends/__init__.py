"""Where the copies of environments in Python are stepped: in this process, or in workers."""
