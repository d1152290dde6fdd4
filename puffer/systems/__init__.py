"""Systems of other authors, a module each; `requirements` says what they need."""
