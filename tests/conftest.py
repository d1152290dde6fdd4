"""Options of the command line, and fixtures of more than one room."""

import numpy as np
import pytest
from helpers import KINDS, MODES, make


def pytest_addoption(parser):
    group = parser.getgroup("fuzz")
    group.addoption("--fuzz-steps", type=int, default=2400, help="steps of random play for each parameter set")
    group.addoption("--fuzz-mode", action="append", choices=MODES, help="autoreset mode; by default all")
    group.addoption("--fuzz-seed", type=int, default=0, help="seed of the first script of random play")
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
def catch():
    """Four copies of Catch, not yet reset."""
    env = make("ocean-catch", 4)
    yield env
    env.close()


@pytest.fixture
def rng():
    """Random numbers for the tests themselves."""
    return np.random.default_rng(7)
