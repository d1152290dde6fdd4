"""The environments of the package with their parameter sets, as the tests of the whole registry run them."""

from typing import NamedTuple

from helpers import NAMES, make
from parameter_sets import PARAMETER_SETS


class Case(NamedTuple):
    """An environment and its own options; a set of them that is not the defaults has a label."""

    name: str
    options: dict
    label: str = ""

    def __str__(self):
        return f"{self.name}-{self.label}" if self.label else self.name

    def make(self, num_envs=6, **options):
        return make(self.name, num_envs, **self.options, **options)


def cases_of(name):
    """The environment with its defaults, then with each of its parameter sets."""
    sets = {"": {}, **PARAMETER_SETS.get(name, {})}
    return [Case(name, options, label) for label, options in sets.items()]


CASES = [case for name in NAMES for case in cases_of(name)]
