"""Prints the oldest version of every package that puffer needs in this Python, as requirements for pip."""

import re
from importlib.metadata import requires

from packaging.requirements import Requirement

for requirement in map(Requirement, requires("puffer-envs") or ()):
    # Without an extra.
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        print(f"{requirement.name}=={re.search('>=([^,]+)', str(requirement.specifier))[1]}")
