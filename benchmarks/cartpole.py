"""CartPole, which every other system has: `--compare` chooses the systems."""

import sys

from puffer.bench.program import main

if __name__ == "__main__":
    sys.exit(main(["ocean-cartpole", *sys.argv[1:]]))
