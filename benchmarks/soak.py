"""Steps batches of every backend for a long time, and prints the memory of this process and its workers.

    python benchmarks/soak.py [SECONDS]

for 600 seconds by default. The exit status is 1 if the memory has grown by more than 2 % after the first tenth.
"""

import sys
import time

import numpy as np
import psutil

import puffer
from puffer.bench.sample_envs import InPlaceEnv, NestedEnv, ThreeKeyEnv

_REPORTS = 20
_GROWTH = 1.02


def _batches():
    """A batch of every kind, by name."""
    workers = {"backend": "process", "num_workers": 2}
    return {
        "native": puffer.make("ocean-cartpole", 256, num_threads=2, record_episodes=True),
        "native, copies": puffer.make("ocean-snake", 4, copy=True),
        "serial": puffer.emulate(NestedEnv, 8, backend="serial", record_episodes=True),
        "serial, in place": puffer.emulate(InPlaceEnv, 8, backend="serial"),
        "process": puffer.emulate(ThreeKeyEnv, 8, **workers, record_episodes=True),
        "process, parts": puffer.make("gym-CartPole-v1", 8, **workers, batch_size=4),
    }


def _play(env, steps):
    rows = env.num_envs // (env.num_copies // env.unwrapped.backend.batch_size)
    layout = env.action_layout
    if layout.space != layout.flat_space:
        actions = np.stack([layout.flatten(layout.space.sample()) for _ in range(rows)])
    else:
        actions = np.stack([env.single_action_space.sample() for _ in range(rows)])
    for _ in range(steps):
        env.send(actions)
        env.recv()
    env.stats()


def _memory():
    """Bytes that this process and its children hold, each page counted once."""
    parent = psutil.Process()
    return sum(process.memory_full_info().uss for process in [parent, *parent.children(recursive=True)])


def main(seconds=600.0):
    """Soak for so many seconds. Returns the exit status."""
    batches = _batches()
    for env in batches.values():
        env.reset(seed=0)
    begin, steps, at_tenth, memory = time.perf_counter(), 0, None, 0
    for report in range(1, _REPORTS + 1):
        while time.perf_counter() - begin < seconds * report / _REPORTS:
            for env in batches.values():
                _play(env, 200)
            steps += 200
        memory = _memory()
        at_tenth = memory if report <= _REPORTS // 10 else at_tenth
        print(f"{time.perf_counter() - begin:6.0f} s  {steps:9,} steps of each  {memory / 2**20:8.2f} MiB", flush=True)
    for env in batches.values():
        env.close()
    print(f"after the first tenth the memory has grown by {100 * (memory / at_tenth - 1):.2f} %")
    return int(memory > at_tenth * _GROWTH)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
