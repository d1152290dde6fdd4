"""One copy of a multi-agent environment as a `pettingzoo.ParallelEnv`."""

from __future__ import annotations

from puffer.faces.agents import NamedAgents

try:
    import pettingzoo
except ModuleNotFoundError as error:
    if error.name != "pettingzoo":
        raise
    raise ImportError("puffer.faces.pettingzoo needs PettingZoo: pip install pettingzoo") from None


class ParallelEnv(NamedAgents, pettingzoo.ParallelEnv):
    """One copy of a multi-agent environment as a `pettingzoo.ParallelEnv`; see `NamedAgents`, which has the parameters.

    An agent whose episode ends leaves `agents`, and the episode is over when none is left. Where agents have episodes
    of their own, an agent that left is born again in the world of the others, who still meet it: until they have left
    too, it takes the least action of discrete ones, and of others zero or the bound next to it.
    """
