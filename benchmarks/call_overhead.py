"""What one call of `step()` costs: one copy of CartPole."""

import sys

from puffer.bench.figures import DEFINITIONS, main

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, "call-overhead"))
