"""Options of the command line, and fixtures of more than one room."""

import os
from itertools import product

# The processes of the tests share the cores, and so do those that they start: before anything imports NumPy or torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from helpers import KINDS, MODES, make


def pytest_addoption(parser):
    group = parser.getgroup("fuzz")
    group.addoption("--fuzz-steps", type=int, default=2400, help="steps of random play for each parameter set")
    group.addoption("--fuzz-mode", action="append", choices=MODES, help="autoreset mode; by default all")
    group.addoption("--fuzz-seed", type=int, default=0, help="seed of the first script of random play")
    parser.addoption("--package-steps", type=int, default=1000, help="steps of games that are compared with a package")
    parser.addoption("--system-steps", type=int, default=600, help="steps of the systems whose memory is watched")


@pytest.fixture(params=KINDS)
def kind(request):
    """The name of one of a few native environments that differ in kind."""
    return request.param


@pytest.fixture(params=MODES)
def mode(request):
    """An autoreset mode."""
    return request.param


@pytest.fixture
def in_every_mode(cases, subtests):
    """A decorator that runs the body of a test, `body(case, mode)`, for each of the `cases` in each autoreset mode.

    A failure names the two.
    """

    def run(body):
        for case, mode in product(cases, MODES):
            with subtests.test(f"{case}, {mode}"):
                body(case, mode)

    return run


@pytest.fixture
def catch():
    """Four copies of Catch, not yet reset."""
    env = make("ocean-catch", 4)
    yield env
    env.close()


@pytest.fixture
def rng():
    """Random numbers for the tests themselves."""
    return np.random.default_rng(7)
