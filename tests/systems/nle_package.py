"""nle's own environments, and how a batch is compared with one."""

from contextlib import closing
from pathlib import Path

import numpy as np

import puffer
from puffer.systems.nethack import bind_symbolically
from puffer.systems.quiet import undisturbed


def bare_task(task, **arguments):
    """nle's own environment."""
    import nle.env.tasks

    with undisturbed():
        made = nle.env.NLE if task == "NetHack" else getattr(nle.env.tasks, task)
        return guarded(made(fix_moon_phase=True, **arguments))


def guarded(task):
    """The task, whose game will not be disturbed by what other tests have loaded, such as Java."""
    bind_symbolically(Path(task.nethack.dlpath))
    return task


def begin(task, seed):
    # As its own method does, where it has one.
    task.nethack._pynethack.set_initial_seeds(seed, seed, False, None)
    if hasattr(task, "minigrid_env"):
        task.minigrid_env.unwrapped.np_random = np.random.default_rng(seed)
    return task.reset()[0]


def make(name, num_envs=1, **options):
    return closing(puffer.make(name, num_envs, **{"backend": "serial", **options}))


def assert_shows(env, row, expected):
    """A row of the batch is what nle returned."""
    shown = env.layout.view(env.unwrapped.buffers.observations)
    assert shown.keys() == expected.keys()
    for key, array in expected.items():
        assert np.array_equal(shown[key][row], array), key
