"""Native environments are compiled, loaded from `.pyx` files and cached here."""
