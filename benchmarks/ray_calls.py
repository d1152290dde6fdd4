"""What a step over Ray costs: 64 CartPoles in two actors, against an empty call to two actors and the work alone."""

import sys
import time

import numpy as np
import ray

import puffer
from puffer.measuring.stopwatch import interleave

_COPIES, _ACTORS = 64, 2
_SECONDS, _REPEATS = 6.0, 15


class _Calls:
    """A contender of `interleave` whose step is a call of a function."""

    rows = 1

    def __init__(self, call):
        self._call = call

    def run(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            self._call()
        return time.perf_counter() - begin


def _empty_call():
    @ray.remote(num_cpus=0)
    class Empty:
        def call(self):
            pass

    actors = [Empty.remote() for _ in range(_ACTORS)]
    return lambda: ray.get([actor.call.remote() for actor in actors])


def _step(copies, **options):
    env = puffer.make("gym-CartPole-v1", copies, **options)
    env.reset(seed=0)
    actions = np.arange(copies) % 2
    return lambda: env.step(actions)


def main():
    """Measure and print. Returns the exit status."""
    step = _step(_COPIES, backend="ray", num_workers=_ACTORS)
    work = _step(_COPIES // _ACTORS, backend="serial")
    contenders = [_Calls(call) for call in (_empty_call(), work, step)]
    series = interleave(contenders, _SECONDS, _REPEATS)
    empty, work, step = (1000 * one.call_seconds.median for one in series)
    print(f"an empty call to {_ACTORS} actors: {empty:.2f} ms")
    print(f"a step of {_COPIES // _ACTORS} copies in this process: {work:.2f} ms")
    print(
        f"a step of {_COPIES} copies in {_ACTORS} actors: {step:.2f} ms, {(step - work) / empty:.2f} empty calls more"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
