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
    """One copy of a multi-agent environment as a `pettingzoo.ParallelEnv`; see `NamedAgents` for its parameters."""
