"""The stop-watch, the tables, and `autotune`, for all that measures."""
