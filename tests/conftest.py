"""Fixtures shared by the tests: the native environments of the registry, each under several sets of options."""

import numpy as np
import pytest
from helpers import CASES, MODES, NAMES, make


@pytest.fixture(params=NAMES)
def name(request):
    """The name of a native environment."""
    return request.param


@pytest.fixture(params=CASES, ids=str)
def case(request):
    """A native environment with options of its own."""
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
