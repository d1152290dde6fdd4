"""The game 2048: its rules, and a kernel that plays 64 games at a time."""
