"""What a second thread brings: 65,536 copies of CartPole."""

import sys

from puffer.bench.figures import DEFINITIONS, main

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, "two-threads"))
