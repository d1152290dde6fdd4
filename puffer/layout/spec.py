"""The properties that all copies of a batch share, since they live in one set of arrays."""

from __future__ import annotations

from typing import NamedTuple

from gymnasium.spaces import MultiDiscrete

from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.rendering import Rendering

# The fields that decide the arrays, and so must be equal; the first copy decides the others for the batch.
_SHARED = ("layout", "action_layout", "agents_per_env", "copy_action_space")


class CopySpec(NamedTuple):
    """What all copies of a batch have in common.

    Attributes
    ----------
    layout : Layout
        How an observation of one agent lies in its row.
    action_layout : ActionLayout
        How an action of one agent lies in its row.
    agents_per_env : int
        Rows of one copy, at least 1.
    copy_action_space : MultiDiscrete or None
        The actions of all rows of a copy, shape (agents_per_env, *action_layout.flat_space.shape), where its agents
        have ranges of their own; None where `action_layout` describes every agent.
    max_steps : int or None
        Steps after which the batch truncates an episode, or None for no limit.
    rendering : Rendering
        The render modes that a copy declares, the one it is in, and its frames per second.
    """

    layout: Layout
    action_layout: ActionLayout
    agents_per_env: int
    copy_action_space: MultiDiscrete | None
    max_steps: int | None
    rendering: Rendering

    def require_same(self, other: CopySpec, copy: int, first_copy: int) -> None:
        """Raise unless another copy can share the arrays of a batch with this one.

        Time limits and rendering may differ.

        Parameters
        ----------
        other : CopySpec
            Of the copy to compare.
        copy, first_copy : int
            Indices of the other copy and of this one in the batch, for the message.

        Raises
        ------
        ValueError
            If the layouts, the number of agents or the action ranges of the agents differ.
        """
        for name in _SHARED:
            expected, got = getattr(self, name), getattr(other, name)
            if got != expected:
                raise ValueError(
                    f"all copies must be alike, but copy {first_copy} has {name.removesuffix('_per_env')} {expected} "
                    f"and copy {copy} has {got}"
                )
