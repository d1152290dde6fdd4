"""Golden traces: what each native environment does from a fixed seed, written down once and never changed silently.

A change of behaviour raises the environment's `version` and records its trace again:

    PYTHONPATH=tests python tests/ocean/test_golden.py --record [name ...]
"""

import random
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from gymnasium import spaces
from helpers import NAMES, make

from puffer.registry import find

FOLDER = Path(__file__).parent / "golden"
SEED, COPIES, STEPS = 2024, 2, 48
COMMAND = "PYTHONPATH=tests python tests/ocean/test_golden.py --record"
# Longer arrays are written as their sum and the CRC-32 of their bytes.
FEW = 12
# Of batches with more rows, the first row of each copy is written out, and all rows together as one line.
MANY_ROWS = 16


def choose(space, rng):
    """A random action, from numbers that are the same in every version of Python and NumPy."""
    if isinstance(space, spaces.Discrete):
        return int(space.start) + int(rng.random() * int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        return (space.start + [int(rng.random() * count) for count in space.nvec.ravel()]).reshape(space.shape).tolist()
    return [round(2 * rng.random() - 1, 3) for _ in range(int(np.prod(space.shape)))]


def number(value):
    """The shortest text that gives the same number again."""
    return str(value).removesuffix(".0")


def shown(array):
    """The numbers of a short array, the sum and the CRC-32 of a longer one."""
    if array.size <= FEW:
        return " ".join(number(value) for value in array.ravel())
    digest = crc32(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
    return f"sum {number(array.sum(dtype=np.float64))} crc {digest:08x}"


def ending(terminated, truncated):
    return {(0, 0): "-", (1, 0): "terminated", (0, 1): "truncated", (1, 1): "both"}[int(terminated), int(truncated)]


def pictures(env):
    if "ansi" not in env.unwrapped.native_env.render_modes:
        return []
    return ["", *(f"| {line}".rstrip() for line in env.unwrapped.ansi_copy(0).splitlines()), ""]


def trace(name):
    """The trace of an environment as text: a header, then a line for every row of every step."""
    env = make(name, COPIES)
    rng = random.Random(SEED)
    has_many = env.num_envs > MANY_ROWS
    rows = range(0, env.num_envs, env.agents_per_env if has_many else 1)
    lines = [
        f"# {name}, version {find(name).version}: {COPIES} copies, seed {SEED}, autoreset SameStep",
        f"# Recorded by: {COMMAND} {name}",
        "# step row: action | reward | end | observation",
    ]
    if has_many:
        lines.append("# step all: actions | rewards | ends | observations")
    observations, _ = env.reset(seed=SEED)
    lines += [f"reset {row}: {shown(observations[row])}" for row in rows]
    if has_many:
        lines.append(f"reset all: {shown(observations)}")
    lines += pictures(env)
    for step in range(1, STEPS + 1):
        actions = [choose(env.single_action_space, rng) for _ in range(env.num_envs)]
        batch = np.array(actions, _dtype(env))
        observations, rewards, terminations, truncations, _ = env.step(batch)
        for row in rows:
            end = ending(terminations[row], truncations[row])
            lines.append(f"{step} {row}: {actions[row]} | {number(rewards[row])} | {end} | {shown(observations[row])}")
        if has_many:
            ends = f"{terminations.sum()} terminated, {truncations.sum()} truncated"
            lines.append(f"{step} all: {shown(batch)} | {shown(rewards)} | {ends} | {shown(observations)}")
    lines += pictures(env)
    stats = {key: round(value, 6) for key, value in env.stats().items()}
    lines.append("stats: " + ", ".join(f"{key} {number(value)}" for key, value in stats.items()))
    return "\n".join(lines) + "\n"


def _dtype(env):
    return env.unwrapped.buffers.actions.dtype


def path(name):
    return FOLDER / f"{name.removeprefix('ocean-')}.txt"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ocean-")])
def test_the_trace_is_the_recorded_one(name):
    command = f"{COMMAND} {name}"
    assert path(name).exists(), f"{name} has no golden trace; record it with: {command}"
    recorded = path(name).read_text()
    version = f"{name}, version {find(name).version}:"
    assert version in recorded.splitlines()[0], f"the version has changed; record the trace again with: {command}"
    assert trace(name).splitlines() == recorded.splitlines(), (
        f"{name} behaves differently: raise its version and record its trace again with: {command}"
    )


def test_every_trace_belongs_to_an_environment():
    assert {file.name for file in FOLDER.glob("*")} <= {path(name).name for name in NAMES}


def main(arguments):
    """Record the traces of the named environments, or of all."""
    if arguments[:1] != ["--record"]:
        sys.exit(f"usage: {COMMAND} [name ...]")
    FOLDER.mkdir(exist_ok=True)
    for name in arguments[1:] or [name for name in NAMES if name.startswith("ocean-")]:
        if name not in NAMES:
            sys.exit(f"there is no native environment called {name}; there are {', '.join(NAMES)}")
        path(name).write_text(trace(name))
        print(f"wrote {path(name)}")


if __name__ == "__main__":
    main(sys.argv[1:])
