"""Systems of other authors: against their packages alone, and what two workers bring."""

import sys

from puffer.bench.figures import main
from puffer.bench.system_figures import DEFINITIONS

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, *sys.argv[1:]))
