"""Crafter, and the score of its paper."""

from __future__ import annotations

import math
from collections.abc import Mapping

ACHIEVEMENTS = (
    *("collect_coal", "collect_diamond", "collect_drink", "collect_iron", "collect_sapling", "collect_stone"),
    *("collect_wood", "defeat_skeleton", "defeat_zombie", "eat_cow", "eat_plant", "make_iron_pickaxe"),
    *("make_iron_sword", "make_stone_pickaxe", "make_stone_sword", "make_wood_pickaxe", "make_wood_sword"),
    *("place_furnace", "place_plant", "place_stone", "place_table", "wake_up"),
)


def score(stats: Mapping[str, float]) -> float:
    """The score of Crafter's paper: the geometric mean of the success rates of the 22 achievements.

    Parameters
    ----------
    stats : mapping
        What `stats()` of a batch of Crafter returns: the share of episodes that unlocked each achievement, 0 to 1.

    Returns
    -------
    float
        In percent, 0 to 100: exp(mean(log(1 + rate))) - 1 of the rates in percent.

    Raises
    ------
    KeyError
        For statistics without the achievements, such as those of a batch that has ended no episode.
    """
    return math.exp(sum(math.log1p(100 * stats[name]) for name in ACHIEVEMENTS) / len(ACHIEVEMENTS)) - 1
