"""`python -m puffer.bench`."""

from puffer.bench.program import main
from puffer.programs import run

if __name__ == "__main__":
    run(main)
