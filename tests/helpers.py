"""Shared by the tests of all rooms: random play, comparison, a tally of episodes, scripts in processes of their own."""

import importlib
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import pytest
from gymnasium import spaces

import puffer

MODES = ("SameStep", "NextStep", "Disabled")

# The package's own environments; those of others have contract tests of their own.
NAMES = [name for name in puffer.list_envs() if name.startswith("ocean-")]
# Environments of different kinds, for what the base class does for all: one agent; agents that share an episode; agents
# with episodes of their own; a board game.
KINDS = ("ocean-catch", "ocean-spread", "ocean-snake", "ocean-connect_four")


# Where the rows of the defaults are too many to keep those of hundreds of steps.
SMALL = {"ocean-battle": {"map_size": 17, "compact": True}}


def make(name, num_envs=6, **options):
    """`puffer.make` on one thread, and small, unless asked otherwise."""
    return puffer.make(name, num_envs, **{"num_threads": 1, **SMALL.get(name, {}), **options})


def random_actions(env, steps, seed=1):
    """Actions of `steps` steps for every row, in the dtype of the action buffer, or of its nested space."""
    if isinstance(env.single_action_space, (spaces.Dict, spaces.Tuple)):
        env.action_space.seed(seed)
        return [env.action_space.sample() for _ in range(steps)]
    rng = np.random.default_rng(seed)
    space, shape = env.single_action_space, (steps, env.num_envs, *env.single_action_space.shape)
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n, shape, dtype=np.int32)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.start, space.start + space.nvec, shape, dtype=np.int32)
    return rng.uniform(np.maximum(space.low, -1), np.minimum(space.high, 1), shape).astype(np.float32)


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
    return (*deepcopy(arrays), plain(info))


def ended_rows(result):
    return result[2] | result[3]


class Tally:
    """Counts the episodes of a batch on its own, from what the steps return.

    After `add`, `lengths` and `returns` are those of the episodes that the step belonged to, `alive` tells which rows
    took part in it, and `restart` which rows begin a new episode in (SameStep), or after, the step.
    """

    def __init__(self, env):
        self.mode = env.metadata["autoreset_mode"].value
        self.agents = 1 if env.unwrapped.independent_agents else env.agents_per_env
        self.alive = np.ones(env.num_envs, np.bool_)
        self.going = self.alive.copy()
        self.restart = np.zeros(env.num_envs, np.bool_)
        self.lengths = np.zeros(env.num_envs, np.int64)
        self.returns = np.zeros(env.num_envs, np.float64)
        self.episodes = []

    def add(self, result):
        rewards, ended = result[1], ended_rows(result)
        self.lengths[self.restart] = 0
        self.returns[self.restart] = 0
        self.alive = self.going | (self.restart & (self.mode != "NextStep"))
        self.lengths[self.alive] += 1
        self.returns[self.alive] += rewards[self.alive]
        self.episodes += [(self.returns[row], self.lengths[row]) for row in np.flatnonzero(ended)]
        self.going = (self.going | self.restart) & ~ended
        self.restart = np.repeat(~self.going.reshape(-1, self.agents).any(axis=1), self.agents)


def drive(env, actions, tally=None):
    """Step with each of `actions` and return the copied results.

    With autoreset disabled, what has ended is reset by mask before a step. `tally` knows the episodes so far, if they
    are not all new.
    """
    results, tally = [], Tally(env) if tally is None else tally
    for action in actions:
        if tally.mode == "Disabled" and tally.restart.any():
            env.reset(options={"reset_mask": tally.restart})
        results.append(snapshot(env.step(action)))
        tally.add(results[-1])
    return results


def play(env, actions, seed=0):
    """Reset and `drive`; the result of reset() comes first."""
    return [snapshot(env.reset(seed=seed)), *drive(env, actions)]


def play_at_random(env, steps, seed=0):
    return play(env, random_actions(env, steps), seed)


def play_in_parts(env, actions, seed=0):
    """As `play`, with every part under way at once; puts the parts of a step together."""
    parts = env.num_copies // env.batch_size
    env.async_reset(seed=seed)
    order = [env.recv()[4]["env_id"] for _ in range(parts)]
    results = []
    for action in actions:
        for rows in order:
            env.send(action[rows])
        received = []
        for rows in order:
            received.append(snapshot(env.recv()))
            assert np.array_equal(received[-1][4].pop("env_id"), rows)
        arrays = [np.concatenate(pieces) for pieces in list(zip(*received, strict=True))[:4]]
        results.append((*arrays, [part[4].get("final_obs", [None] * len(order[0])) for part in received]))
    return results


def assert_parts_make_the_whole(whole, parts):
    """What `play` returned is what `play_in_parts` did, final observations included."""
    for one, other in zip(whole[1:], parts, strict=True):
        assert_same(one[:4], other[:4])
        finals = [final for part in other[4] for final in part]
        assert_same(list(one[4].get("final_obs", [None] * len(one[0]))), finals)


def assert_same(first, second, where="result"):
    """Both are equal bit for bit, in type and dtype too, whatever nesting they have."""
    if isinstance(first, dict):
        assert isinstance(second, dict), where
        assert list(first) == list(second), where
        for key in first:
            assert_same(first[key], second[key], f"{where}[{key!r}]")
    elif isinstance(first, (tuple, list)) or (isinstance(first, np.ndarray) and first.dtype == object):
        assert len(first) == len(second), where
        for k, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{k}]")
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype, where
        assert first.shape == second.shape, where
        assert first.tobytes() == second.tobytes(), where
    else:
        assert first == second, where


def label(value):
    """A name for a test of `value`: what stands for it in code, without the address that objects show."""
    return re.sub(r" at 0x\w+", "", repr(value))


def assert_inside(space, observations):
    """Every row lies in the Box `space`."""
    assert observations.dtype == space.dtype
    assert observations.shape[1:] == space.shape
    assert not np.isnan(observations).any()
    assert (observations >= space.low).all()
    assert (observations <= space.high).all()


def rows_of(results, rows):
    """What `play` returned for some rows, without the infos."""
    return [tuple(array[rows] for array in arrays) for *arrays, _ in results]


_SETUP = """
from puffer.authoring.building import native_extensions
from setuptools import setup

extensions = native_extensions({source!r}, variant="release")
for extension in extensions:
    # Of several, the last counts: a test that steps a few copies has no use for fast code that takes long to compile.
    extension.extra_compile_args.append("-O0")
setup(name="tested", ext_modules=extensions)
"""


def build(folder, module, source, path=None):
    """Compile the Cython source of a module into a folder, against the puffer in `path`, by default this one."""
    (folder / f"{module}.pyx").write_text(source)
    (folder / "setup.py").write_text(_SETUP.format(source=f"{module}.pyx"))
    run_python("setup.py", "-q", "build_ext", "--inplace", cwd=folder, path=path)


@contextmanager
def compiled(folder, module, source):
    """The module of a Cython source, compiled in a folder, for as long as the with-block lasts."""
    build(folder, module, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(module)


def run_python(*arguments, cwd, path=None, timeout=300):
    """Run Python in a folder, with the puffer in `path`, by default this one; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(path or puffer.get_include())}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Exception ignored" not in done.stderr, done.stderr
    return done.stdout


def run_script(script, timeout=60):
    """Run Python code in a process of its own with this puffer; returns what it printed, fails if it failed."""
    return run_python("-X", "faulthandler", "-c", script, cwd=puffer.get_include(), timeout=timeout)
