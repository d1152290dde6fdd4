"""Crafter, from the package crafter (Hafner 2022, doi:10.48550/arXiv.2109.06780; MIT).

`puffer.make("crafter", num_envs=16)` plays the game of the package, pixel for pixel: a copy with the seed s is
`crafter.Env(seed=s)`, and episodes after the first continue as they do there. Three things differ:

- Worlds are generated about 200 times faster, and pictures drawn about ten times faster.
- Equal seeds play equal games. In the package they do not, because it keeps animals in sets, whose order depends on
  their addresses in memory; here animals are kept in the order in which they appeared.
- The end of a life is `terminated`, and the end of `length` steps is `truncated`.

The same game without the package is another environment, `ocean-crafter`.
"""

from __future__ import annotations

from typing import Any

from puffer import checks
from puffer.backends.creator import Creator
from puffer.systems.family import Family
from puffer.systems.requirements import require


def creator(name: str, arguments: dict[str, Any]) -> Creator:
    """The creator of copies. Raises ImportError without crafter, TypeError for an unknown argument."""
    require("crafter")
    # The module imports the package crafter, which takes long.
    from puffer.systems.crafter.game import Crafter

    checks.arguments("crafter", arguments, Crafter)
    return Creator(Crafter, arguments)


FAMILY = Family(creator=creator)
