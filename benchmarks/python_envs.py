"""Environments written in Python, here Gymnasium's CartPole, against Gymnasium's own vector environments."""

import sys

from puffer.bench.program import main

if __name__ == "__main__":
    sys.exit(main(["gym-CartPole-v1", "--compare", "gymnasium,gymnasium-async", *sys.argv[1:]]))
