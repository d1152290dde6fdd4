"""Catch and Squared, whose observations are boards."""

import sys

from puffer.bench.program import main

if __name__ == "__main__":
    sys.exit(main(["ocean-catch", "ocean-squared", *sys.argv[1:]]))
