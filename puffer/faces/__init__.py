"""Batches of puffer as other libraries want them, a module each."""
