"""Starting: the time to make and to close a batch of many workers, and their memory, against `AsyncVectorEnv`."""

import sys
import time
from functools import partial

import gymnasium
import psutil

import puffer

_ENV = "CartPole-v1"
_ROUNDS = 3


def _with_puffer(workers):
    return puffer.make(f"gym-{_ENV}", workers, backend="process", num_workers=workers)


def _with_gymnasium(workers):
    return gymnasium.vector.AsyncVectorEnv([partial(gymnasium.make, _ENV)] * workers)


def _measure(make, workers):
    """Seconds until the batch is made, and until it is closed again, and the bytes of its processes for each worker."""
    begin = time.perf_counter()
    env = make(workers)
    made = time.perf_counter() - begin
    env.reset(seed=0)
    # What processes share is divided among them.
    memory = sum(child.memory_full_info().pss for child in psutil.Process().children(recursive=True))
    begin = time.perf_counter()
    env.close()
    return made, time.perf_counter() - begin, memory / workers


def measure(workers):
    """By name of the system, the least of several rounds in turns: (seconds to make, to close, bytes of a worker)."""
    systems = {"puffer": _with_puffer, "AsyncVectorEnv": _with_gymnasium}
    rounds = [{name: _measure(make, workers) for name, make in systems.items()} for _ in range(_ROUNDS)]
    return {name: tuple(map(min, zip(*(one[name] for one in rounds), strict=True))) for name in systems}


def main(workers=64):
    """Measure and print. Returns the exit status."""
    for name, (made, closed, memory) in measure(int(workers)).items():
        print(
            f"{workers} workers of {name}: {made:.2f} s to make, {closed:.2f} s to close, {memory / 2**20:.1f} MiB each"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
