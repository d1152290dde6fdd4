"""What one call of `step()` costs: one copy of CartPole."""

import sys

from puffer.bench.figures import main

if __name__ == "__main__":
    sys.exit(main("call-overhead"))
