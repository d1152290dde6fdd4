"""`python -m puffer.new`."""

from puffer.new.program import main
from puffer.programs import run

if __name__ == "__main__":
    run(main)
