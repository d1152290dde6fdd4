"""An environment in a package of its own, built against the installed one."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import puffer

SOURCE = '''
"""Counter: press the right button until the counter is full."""
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t

from puffer._core cimport Buffers, Env, import_puffer

import_puffer()

cdef class Counter(Env):
    """Counter(num_envs=1, *, goal=5, **options)
--

Counts presses of button 1.
"""

    cdef int goal
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* count

    def __init__(self, num_envs=1, *, goal=5, **options):
        super().__init__(num_envs, spaces.Box(0, goal, (1,), np.int32), spaces.Discrete(2), **options)
        self.goal = goal
        self.count = <int32_t*>self.new_state(sizeof(int32_t))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.count[i] = 0

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        self.count[i] += self.actions[i] == 1
        self.rewards[i] = self.terminations[i] = self.count[i] == self.goal

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.count[i]
'''

SETUP = """
from puffer.building import native_extensions
from setuptools import setup

setup(name="counter", ext_modules=native_extensions("counter.pyx"))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with the built extension."""
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(SETUP)
    run(folder, "setup.py", "-q", "build_ext", "--inplace")
    return folder


def run(folder, *arguments):
    """Run Python in `folder`, with the tested package on its path; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": puffer.get_include()}
    result = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_outside_environment_runs_like_one_of_the_package(package, monkeypatch):
    monkeypatch.syspath_prepend(str(package))
    puffer.register("counter", "counter:Counter")
    env = puffer.make("counter", num_envs=3, goal=2, num_threads=1)
    observations, _ = env.reset(seed=0)
    assert observations.tolist() == [[0], [0], [0]]
    observations, rewards, terminations, _, _ = env.step(np.array([1, 0, 1]))
    assert observations.tolist() == [[1], [0], [1]]
    observations, rewards, terminations, _, info = env.step(np.array([1, 1, 0]))
    assert terminations.tolist() == [True, False, False]
    assert rewards.tolist() == [1, 0, 0]
    assert info["final_obs"][0].tolist() == [2]
    assert observations.tolist() == [[0], [1], [1]]


def test_an_extension_for_another_binary_interface_is_refused_at_import(package):
    program = """
        import puffer._core
        puffer._core.ABI += 1
        try:
            import counter
        except ImportError as error:
            print(error)
    """
    message = run(package, "-c", textwrap.dedent(program))
    assert "binary interface" in message
    assert f"version {puffer.ABI} " in message
    assert "build the extension again" in message
