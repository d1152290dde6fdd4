"""`assert_same_env`, which compares two versions of an environment."""

from __future__ import annotations

from typing import Any

from puffer import checks
from puffer.testing.actions import ActionSampler
from puffer.testing.batches import called, opened, seeds_of
from puffer.testing.results import Player, first_difference
from puffer.vector import VectorEnv


def assert_same_env(
    first: Any,
    second: Any,
    *,
    num_envs: int | None = None,
    steps: int = 1000,
    seed: int = 0,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Step two environments side by side, and raise AssertionError at the first difference.

    Both are reset once, with the list of seeds seed, seed + 1, ... for their copies. They get the same random actions,
    and play on when episodes end. The function compares spaces, observations including final ones, rewards, flags and
    masks, but not infos. Actions respect the masks that `action_sequences` describes.

    An environment in Python can equal a native one bit for bit: after a reset with a list of seeds, copy i of a native
    environment draws from the stream `puffer.Random(seeds[i])`, and one in Python gets seeds[i]. After a reset with one
    int, the native copy i would draw from `puffer.Random(seed, i)`, and the copy in Python would get seed + i.

    Parameters
    ----------
    first, second
        Each a name or path that `puffer.make` takes; a subclass of `puffer.Env`, or a `functools.partial` of one;
        anything that `puffer.emulate` takes; or a batch, which stays open.
    num_envs : int, optional
        Number of copies; 4 by default, or that of a given batch.
    steps : int
        Steps of each copy, at least 1.
    seed : int
        Seed of copy 0 and of the actions.
    rtol, atol : float
        Allowed distance of numbers, relative to those of the second and absolute. 0 by default.

    Raises
    ------
    AssertionError
        At the first difference, with the step, the row, the array and the actions of the step.
    """
    steps = checks.integer("steps", steps, 1)
    copies = [env.num_copies for env in (first, second) if isinstance(env, VectorEnv)]
    num_envs = copies[0] if copies and num_envs is None else num_envs
    with opened(first, num_envs) as one, opened(second, num_envs) as other:
        names = f"{called(first)} and {called(second)}"
        _require_alike(one, other, names)
        players = [Player(one), Player(other)]
        seeds = seeds_of(one, seed)
        sampler = ActionSampler(one, seed)
        actions = None
        for step in range(steps + 1):
            results = [player.reset(seeds) if actions is None else player.step(actions) for player in players]
            found = first_difference(one.layout, *results, rtol, atol)
            if found:
                call = f"step {step}" if step else "reset"
                of = "" if actions is None else f", with the actions {actions.tolist()}"
                raise AssertionError(f"{names} differ in {call}, {found}; after reset(seed={seeds}){of}")
            actions = sampler.sample(players[0])


def _require_alike(one: VectorEnv, other: VectorEnv, names: str) -> None:
    for name, mine, theirs in (
        ("observation space", one.layout.space, other.layout.space),
        ("flat observation space", one.single_observation_space, other.single_observation_space),
        ("action space", one.action_layout.space, other.action_layout.space),
        ("batch action space", one.action_space, other.action_space),
        ("agents_per_env", one.agents_per_env, other.agents_per_env),
        ("num_copies", one.num_copies, other.num_copies),
        ("autoreset mode", one.metadata["autoreset_mode"], other.metadata["autoreset_mode"]),
    ):
        if mine != theirs:
            raise AssertionError(f"{names} differ: {name} is {mine} and {theirs}")
