"""What checking the actions costs: 4,096 copies of CartPole."""

import sys

from puffer.bench.figures import DEFINITIONS, main

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, "checked-actions"))
