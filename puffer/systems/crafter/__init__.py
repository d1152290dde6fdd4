"""Crafter, from the package crafter (Hafner 2022, doi:10.48550/arXiv.2109.06780; MIT).

`puffer.make("crafter", num_envs=16)` plays the game of the package, pixel for pixel: a copy with the seed s is
`crafter.Env(seed=s)`, and episodes after the first go on as they do there. Three things differ. Worlds are made about
200 times faster, and pictures about ten times. With equal seeds the package itself plays different games, since it
keeps animals in sets, whose order depends on where in memory they are; here they are in the order in which they came.
And the end of a life is `terminated`, the end of `length` steps is `truncated`.
"""

from __future__ import annotations

from typing import Any

from puffer import checks
from puffer.systems.requirements import require


def creator(name: str, arguments: dict[str, Any]) -> Any:
    """What makes copies. Raises ImportError without crafter, TypeError for arguments that do not exist."""
    require("crafter")
    from puffer.emulation import call_creator
    from puffer.systems.crafter.game import Crafter

    checks.arguments("crafter", arguments, Crafter)
    return call_creator(Crafter, arguments)
