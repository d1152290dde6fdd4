"""Environments written in Python: what the work around them costs, against Gymnasium's own vector environments."""

import sys

from puffer.bench.figures import main
from puffer.bench.python_figures import DEFINITIONS

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, *sys.argv[1:]))
