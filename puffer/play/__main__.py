"""`python -m puffer.play`."""

from puffer.play.program import main
from puffer.programs import run

if __name__ == "__main__":
    run(main)
