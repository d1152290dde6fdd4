"""How native environments are compiled, loaded from a `.pyx` file and cached."""
