"""Fixtures shared by the tests: the native environments of the registry, each under several sets of options."""

import numpy as np
import pytest
from helpers import CASES, FEW_CASES, MODES, NAMES, make


def pytest_addoption(parser):
    group = parser.getgroup("fuzz")
    group.addoption("--fuzz-steps", type=int, default=2400, help="steps of random play for each parameter set")
    group.addoption("--fuzz-seed", type=int, default=0, help="seed of the first script of random play")
    parser.addoption("--system-steps", type=int, default=600, help="steps of the systems whose memory is watched")


@pytest.fixture(params=NAMES)
def name(request):
    """The name of a native environment."""
    return request.param


@pytest.fixture(params=FEW_CASES, ids=str)
def case(request):
    """A native environment with its defaults or the first of its parameter sets."""
    return request.param


@pytest.fixture(params=CASES, ids=str)
def any_case(request):
    """A native environment with any of its parameter sets."""
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
