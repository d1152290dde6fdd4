"""What stepping straight into rollout buffers saves against copying every step: 4,096 copies of CartPole."""

import sys

from puffer.bench.figures import DEFINITIONS, main

if __name__ == "__main__":
    sys.exit(main(DEFINITIONS, "rollout-copies"))
