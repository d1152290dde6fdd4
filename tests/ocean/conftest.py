"""Fixtures of the tests that run every environment of the package."""

from itertools import product

import pytest
from cases import CASES, cases_of
from helpers import MODES, NAMES


@pytest.fixture(params=NAMES)
def name(request):
    """The name of an environment."""
    return request.param


@pytest.fixture
def cases(name):
    """The environment with its defaults and with the first of its parameter sets."""
    return cases_of(name)[:2]


@pytest.fixture(params=CASES, ids=str)
def any_case(request):
    """An environment with any of its parameter sets."""
    return request.param


@pytest.fixture
def in_every_mode(cases, subtests):
    """Runs the body of a test for each case in each autoreset mode; a failure names both."""

    def run(body):
        for case, mode in product(cases, MODES):
            with subtests.test(f"{case}, {mode}"):
                body(case, mode)

    return run
