"""Systems of other authors, a module each with its `Family`; `requirements` lists the packages that they need."""
