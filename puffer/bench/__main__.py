"""`python -m puffer.bench`."""

import sys

from puffer.bench.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
