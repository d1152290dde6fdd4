"""CartPole, which every other system has: `--compare` chooses the systems."""

from puffer.bench.program import main
from puffer.programs import run

if __name__ == "__main__":
    run(main, "ocean-cartpole")
