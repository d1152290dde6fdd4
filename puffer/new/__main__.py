"""`python -m puffer.new`."""

import sys

from puffer.new.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
