"""What a second thread brings: 65,536 copies of CartPole."""

import sys

from puffer.bench.figures import main

if __name__ == "__main__":
    sys.exit(main("two-threads"))
