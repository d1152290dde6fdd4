"""An environment in a package of its own, built against the installed one."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import build, run_python

import puffer

SOURCE = '''
"""Counter: press the right button until the counter is full."""
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t

from puffer._core cimport Buffers, Env

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
from puffer.authoring.building import native_extensions
from setuptools import setup

setup(name="counter", ext_modules=native_extensions("counter.pyx"))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with the built extension."""
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(SETUP)
    run_python("setup.py", "-q", "build_ext", "--inplace", cwd=folder)
    return folder


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


IMPORT = """
import warnings
warnings.simplefilter("error")
try:
    import counter
except Exception as error:
    print(type(error).__name__, error)
"""


def test_an_extension_for_another_binary_interface_is_refused_at_import(package):
    message = run_python("-c", f"import puffer._core\npuffer._core.ABI += 1\n{IMPORT}", cwd=package)
    assert message == (
        f"ImportError this extension was built for version {puffer.ABI} of puffer's binary interface, and the "
        f"installed puffer has version {puffer.ABI + 1}: build the extension again\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    cdef readonly object batch\n", "    cdef readonly object batch\n    cdef long long more[4]\n"),
        ("    cdef readonly object batch\n", ""),
        ("cdef class Env(Rules):", "cdef class Absent:\n    cdef int field\n\n\ncdef class Env(Rules):"),
    ],
    ids=["a smaller Env", "a larger Env", "a class less"],
)
def test_what_else_differs_does_not_come_first(tmp_path, before, after):
    """Not even Cython's own complaints about the sizes of types."""
    other = tmp_path / "puffer"
    shutil.copytree(Path(puffer.__file__).parent, other, ignore=shutil.ignore_patterns("__pycache__", "ocean"))
    (other / "ocean").mkdir()
    (other / "ocean" / "__init__.py").touch()
    (other / "ocean" / "specs.json").write_text("{}")
    for name, old, new in (
        ("_core.pxd", before, after),
        ("native/abi.h", f"ABI {puffer.ABI}", f"ABI {puffer.ABI + 1}"),
    ):
        text = (other / name).read_text()
        assert old in text
        (other / name).write_text(text.replace(old, new))
    build(tmp_path, "counter", SOURCE, path=tmp_path)
    other.rename(tmp_path / "away")
    message = run_python("-c", IMPORT, cwd=tmp_path)
    assert message.startswith(f"ImportError this extension was built for version {puffer.ABI + 1} of puffer's binary")
