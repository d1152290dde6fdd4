"""Catch and Squared, whose observations are boards."""

from puffer.bench.program import main
from puffer.programs import run

if __name__ == "__main__":
    run(main, "ocean-catch", "ocean-squared")
