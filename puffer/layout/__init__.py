"""How values of any space lie in one flat row, and come back from it."""
