"""What the tests of native environments share: the cases to run, random play, comparison, scripts of their own."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

import puffer
from puffer.registry import find

MODES = ("SameStep", "NextStep", "Disabled")


def is_native(name):
    try:
        return issubclass(find(name), puffer.Env)
    except ImportError:
        return False  # of a third party whose package is missing


NAMES = [name for name in puffer.list_envs() if is_native(name)]


class Case(NamedTuple):
    """An environment and its own options."""

    name: str
    options: dict

    def __str__(self):
        return "-".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def make(self, num_envs=6, **options):
        return make(self.name, num_envs, **self.options, **options)


# Every environment with its defaults; the smallest and an uneven size of those that have sizes.
CASES = [Case(name, {}) for name in NAMES] + [
    Case("ocean-catch", {"rows": 2, "columns": 1}),
    Case("ocean-catch", {"rows": 7, "columns": 12}),
    Case("ocean-squared", {"size": 3}),
]


def make(name, num_envs=6, **options):
    """`puffer.make` on one thread, unless asked otherwise."""
    return puffer.make(name, num_envs, **{"num_threads": 1, **options})


def single_agent_names():
    return [name for name in NAMES if make(name, 1).agents_per_env == 1]


def sample_actions(env, rng, rows=None):
    """A batch of random actions, in the dtype of the action buffer."""
    space, rows = env.single_action_space, env.num_envs if rows is None else rows
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n, rows, dtype=np.int32)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.start, space.start + space.nvec, (rows, *space.shape), dtype=np.int32)
    low, high = np.maximum(space.low, -1), np.minimum(space.high, 1)
    return rng.uniform(low, high, (rows, *space.shape)).astype(np.float32)


def plain(info):
    """A copy of an info that later steps cannot touch."""
    if isinstance(info, dict):
        return {key: plain(value) for key, value in info.items()}
    if isinstance(info, np.ndarray) and info.dtype == object:
        copy = np.empty_like(info)
        copy[:] = [plain(value) for value in info]
        return copy
    return np.copy(info) if isinstance(info, np.ndarray) else info


def snapshot(result):
    """A copy of what reset(), step() or recv() returned."""
    *arrays, info = result
    return (*(array.copy() for array in arrays), plain(info))


def ended_rows(result):
    return result[2] | result[3]


def whole_copies(env, rows):
    """The mask of all rows of those copies that have no row alive; `rows` are the rows that are not."""
    return np.repeat(rows.reshape(env.num_copies, env.agents_per_env).all(axis=1), env.agents_per_env)


def play(env, steps, seed=0, action_seed=1):
    """Reset and play at random; the copied results of reset() and of every step, with the masks behind each.

    With autoreset disabled, copies that have ended are reset by mask before the next step.
    """
    rng = np.random.default_rng(action_seed)
    results = [(*snapshot(env.reset(seed=seed)), env.masks.copy())]
    finished = np.zeros(env.num_envs, np.bool_)
    for _ in range(steps):
        result = env.step(sample_actions(env, rng))
        results.append((*snapshot(result), env.masks.copy()))
        finished |= ended_rows(result)
        if env.metadata["autoreset_mode"].value == "Disabled":
            restart = whole_copies(env, finished)
            if restart.any():
                env.reset(options={"reset_mask": restart})
                finished &= ~restart
    return results


def assert_same(first, second, where="result"):
    """Both are equal bit for bit, in type and dtype too, whatever nesting they have."""
    if isinstance(first, dict):
        assert isinstance(second, dict), where
        assert list(first) == list(second), where
        for key in first:
            assert_same(first[key], second[key], f"{where}[{key!r}]")
    elif isinstance(first, (tuple, list)) or (isinstance(first, np.ndarray) and first.dtype == object):
        assert len(first) == len(second), where
        for k, (one, other) in enumerate(zip(first, second)):
            assert_same(one, other, f"{where}[{k}]")
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype, where
        assert first.shape == second.shape, where
        assert first.tobytes() == second.tobytes(), where
    else:
        assert first == second, where


def rows_of(result, rows):
    """What `rows` (a slice) of a result of `play` are, without the info."""
    return tuple(part[rows] for part in result if isinstance(part, np.ndarray))


def run_script(script, timeout=60):
    """Run Python code in a process of its own with this puffer; returns what it printed, fails if it failed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", script],
        cwd=Path(puffer.__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Exception ignored" not in done.stderr, done.stderr
    return done.stdout
