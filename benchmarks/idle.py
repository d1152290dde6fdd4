"""What waiting costs: the processor time of the parent while its workers work, and of workers without work."""

import sys
import time

import psutil

import puffer
from puffer.bench.sample_envs import BoxEnv

_SECONDS = 3.0


class SlowEnv(BoxEnv):
    """Takes so long that its parent has to wait, and no processor."""

    def step(self, action):
        time.sleep(_SECONDS)
        return super().step(action)


def _spent(processes):
    """Seconds of processor time so far."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _share(processes, wait):
    """The processor time of `processes` during `wait()`, in percent of a core."""
    before, begin = _spent(processes), time.perf_counter()
    wait()
    return 100 * (_spent(processes) - before) / (time.perf_counter() - begin)


def main():
    """Measure and print. Returns the exit status."""
    parent = psutil.Process()
    env = puffer.emulate(SlowEnv, 4, backend="process", num_workers=4, timeout=60)
    try:
        env.reset(seed=0)
        # With the process that has forked them.
        workers = parent.children(recursive=True)
        env.step([0] * 4)
        print(f"parent that waits for its workers: {_share([parent], lambda: env.step([0] * 4)):.2f} % of a core")
        print(f"four workers that wait for it: {_share(workers, lambda: time.sleep(_SECONDS)):.2f} % of a core")
    finally:
        env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
