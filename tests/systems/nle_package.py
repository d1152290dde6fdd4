"""nle's own environments, and how a batch is compared with one."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import puffer
from puffer.systems.nethack import clock, start_of_game
from puffer.systems.nethack.library import isolate
from puffer.systems.quiet import undisturbed

CLOCK = """
#include <stdlib.h>
#include <time.h>
time_t time(time_t *out) { time_t now = atol(getenv("TEST_TIME")); if (out) *out = now; return now; }
"""


def printed_at(times, script, folder):
    """What a script prints when the clock shows each of these times, in seconds since 1970."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no compiler for a clock")
    clock = folder / "clock.so"
    (folder / "clock.c").write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", clock, folder / "clock.c"], check=True)
    own = {**os.environ, "LD_PRELOAD": str(clock), "TZ": "UTC", "PYTHONPATH": puffer.get_include()}
    printed = []
    for time in times:
        variables = {**own, "TEST_TIME": str(time)}
        done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    return printed


def bare_task(task, **arguments):
    """nle's own environment."""
    import nle.env.tasks

    with undisturbed():
        made = nle.env.NLE if task == "NetHack" else getattr(nle.env.tasks, task)
        return guarded(made(fix_moon_phase=True, **arguments))


def guarded(task):
    """The task, whose game will not be disturbed by the clock, or by what other tests have loaded, such as Java."""
    clock.show()
    isolate(Path(task.nethack.dlpath), own_clock=True)
    return task


def begin(task, seed):
    # As its own method does, where it has one.
    task.nethack._pynethack.set_initial_seeds(seed, seed, False, None)
    clock.set_time(start_of_game(seed))
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
