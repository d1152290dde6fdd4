"""Stop-watch, tables and contenders, for every program that measures."""
