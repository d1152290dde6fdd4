"""The five games of MinAtar."""
