"""The properties that all copies of a batch share, since they live in one set of arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete

from puffer.errors import CopiesError
from puffer.layout.action import ActionLayout
from puffer.layout.mixed import MixedBox, rows_space
from puffer.layout.observation import Layout
from puffer.layout.padding import spanning_space
from puffer.layout.walk import leaves
from puffer.rendering import Rendering

# The fields that decide the arrays, and so must agree; the first copy decides the others for the batch.
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
    copy_action_space : MultiDiscrete, Box or None
        The actions of all rows of a copy, shape (agents_per_env, *action_layout.flat_space.shape), where its agents
        have bounds of their own; None where `action_layout` describes every agent.
    max_steps : int or None
        Steps after which the batch truncates an episode, or None for no limit.
    rendering : Rendering
        The render modes that a copy declares, the one it is in, and its frames per second.
    """

    layout: Layout
    action_layout: ActionLayout
    agents_per_env: int
    copy_action_space: MultiDiscrete | Box | None
    max_steps: int | None
    rendering: Rendering

    def spanning(self, other: CopySpec, copy: int, first_copy: int) -> CopySpec:
        """This spec, with spaces that span those of another copy, which shares the arrays of a batch.

        The bounds of observations and of Boxes of actions may differ, and so may time limits and rendering, of which
        these are kept.

        Parameters
        ----------
        other : CopySpec
            Of the copy to compare.
        copy, first_copy : int
            Indices of the other copy and of this one in the batch, for the message.

        Raises
        ------
        puffer.errors.CopiesError
            If the layouts, the number of agents or the action ranges of the agents differ.
        """
        spec = self
        for name in _SHARED:
            expected, got = getattr(self, name), getattr(other, name)
            if got == expected:
                continue
            spans = None
            if name == "copy_action_space":
                spans = _spanning_rows(expected, got)
            elif name != "agents_per_env":
                spans = _spans(expected, got, (first_copy, copy))
            if spans is None:
                raise CopiesError(
                    f"all copies must be alike, but copy {first_copy} has {name.removesuffix('_per_env')} {expected} "
                    f"and copy {copy} has {got}"
                )
            spec = spec._replace(**{name: spans})
        return spec


def _spans(first: Any, other: Any, copies: tuple[int, int]) -> Any:
    """The layout that spans two layouts, or None where they cannot share rows."""
    kind = "action" if isinstance(first, ActionLayout) else "observation"
    if kind == "action" and not _differ_in_boxes(first.space, other.space):
        # An action that the one copy has and the other has not could not be refused.
        return None
    try:
        space = spanning_space(dict(zip(copies, (first.space, other.space), strict=True)), kind)
        spans = ActionLayout(space) if kind == "action" else first.over(space)
    except ValueError:
        return None
    alike = all(one.leaves == spans.leaves and one.flat_space.dtype == spans.flat_space.dtype for one in (first, other))
    return spans if alike else None


def _spanning_rows(first: Any, other: Any) -> Any:
    """The Box that spans the bounds of the agents of two copies, or None where there is none."""
    if not isinstance(first, Box) or type(first) is not type(other) or first.shape != other.shape:
        return None
    bounds = (first.low, other.low), (first.high, other.high)
    if isinstance(first, MixedBox) and any((one[first.whole] != two[first.whole]).any() for one, two in bounds):
        return None
    return rows_space(first, np.minimum(*bounds[0]), np.maximum(*bounds[1]))


def _differ_in_boxes(first: Any, other: Any) -> bool:
    """Whether all leaves but Boxes are equal."""
    others = dict(leaves(other))
    return all(isinstance(leaf, Box) or leaf == others.get(path) for path, leaf in leaves(first))
