"""`python -m puffer.train`."""

from puffer.programs import run
from puffer.train.program import main

if __name__ == "__main__":
    run(main)
