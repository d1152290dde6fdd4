"""`action_sequences`, a Hypothesis strategy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer import checks
from puffer.layout.walk import bounds
from puffer.testing.actions import legal_actions
from puffer.testing.batches import opened, seeds_of
from puffer.testing.results import Player
from puffer.vector import VectorEnv

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


def action_sequences(
    env: Any, max_steps: int = 20, *, num_envs: int | None = None, seed: int = 0
) -> SearchStrategy[list[np.ndarray]]:
    """A Hypothesis strategy for lists of 1 to `max_steps` batches of legal actions, one batch for each `step`.

    A batch has a row for each agent. The row is flat if the action space nests, and `env.action_layout.value(row)` is
    the action. Numbers respect bounds, and are finite where a Box has none. If observations or infos have an
    "action_mask" for a Discrete action space, the strategy steps an environment with the actions, and draws only
    actions that the mask allows. That environment is reset with the list of seeds seed, seed + 1, ... for its copies.

    Parameters
    ----------
    env, num_envs, seed
        As in `assert_same_env`.
    max_steps : int
        Largest number of batches, at least 1.

    Raises
    ------
    ModuleNotFoundError
        If Hypothesis is missing: `pip install hypothesis`.
    """
    # Imported here, because nothing else needs Hypothesis.
    from hypothesis import strategies

    max_steps = checks.integer("max_steps", max_steps, 1)
    with opened(env, num_envs) as batch:
        player = Player(batch)
        player.reset(seeds_of(batch, seed))
        is_masked = legal_actions(player) is not None
        space, elements = batch.action_space, list(_elements(batch))

    def batch_of(row_elements: list[SearchStrategy]) -> SearchStrategy[np.ndarray]:
        values = strategies.tuples(*row_elements)
        return values.map(lambda numbers: np.array(numbers, space.dtype).reshape(space.shape))

    @strategies.composite
    def played(draw: DrawFn) -> list[np.ndarray]:
        sequence = []
        with opened(env, num_envs) as batch:
            player = Player(batch)
            player.reset(seeds_of(batch, seed))
            for _ in range(draw(strategies.integers(1, max_steps))):
                legal, start = legal_actions(player), int(batch.single_action_space.start)
                rows = elements
                if legal is not None:
                    rows = [strategies.sampled_from((start + np.flatnonzero(row)).tolist()) for row in legal]
                sequence.append(draw(batch_of(rows)))
                player.step(sequence[-1])
        return sequence

    return played() if is_masked else strategies.lists(batch_of(elements), min_size=1, max_size=max_steps)


def _elements(env: VectorEnv) -> Iterator[SearchStrategy]:
    """A strategy for each number of a batch of flat actions."""
    from hypothesis import strategies

    space = env.action_space
    width = 8 * space.dtype.itemsize

    @cache
    def element(least: Any, most: Any, is_whole: bool) -> SearchStrategy:
        if is_whole:
            return strategies.integers(int(least), int(most))
        ends = [None if np.isinf(bound) else float(bound) for bound in (least, most)]
        return strategies.floats(*ends, width=width, allow_nan=False, allow_infinity=False)

    whole = env.action_layout.whole.ravel()
    low, high = (bound.ravel().tolist() for bound in bounds(space, "action"))
    for k, (least, most) in enumerate(zip(low, high, strict=True)):
        yield element(least, most, bool(whole[k % len(whole)]))
