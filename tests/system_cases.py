"""Environments of other systems for the contract tests: one or two of each, in small."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

import puffer


class SystemCase(NamedTuple):
    """One environment, and what its tests have to know.

    Attributes
    ----------
    name, options
        For `puffer.make`.
    steps : int
        Of the longer tests, which take some seconds.
    many : bool
        The system steps many copies itself, and needs no workers.
    """

    name: str
    options: dict[str, Any] = {}
    steps: int = 500
    many: bool = False

    def __str__(self):
        return self.name

    @property
    def system(self):
        return self.name.partition("-")[0]

    def make(self, num_envs=2, **options):
        return puffer.make(self.name, num_envs, **{"backend": "serial", **self.options, **options})


SYSTEM_CASES = [
    SystemCase("atari-pong", many=True),
    SystemCase("atari-breakout", {"episodic_life": True, "framestack": 1, "grayscale": False}, many=True),
    SystemCase("griddly-random-butterflies"),
    SystemCase("griddly-robot-tag-4"),
    SystemCase("magent-adversarial-pursuit", {"map_size": 16}),
    SystemCase("magent-tiger-deer", {"map_size": 12, "minimap_mode": True}),
    SystemCase("minigrid-DoorKey-8x8"),
    SystemCase("minigrid-BabyAI-BossLevel"),
    SystemCase("nmmo", {"num_agents": 4, "size": "small", "num_maps": 2, "config": {"NPC_N": 6}}, steps=200),
]


def legal_actions(env, info, rng):
    """An action for every row, drawn from those that `info["action_mask"]` allows, if there is one."""
    mask = info.get("action_mask")
    if mask is None:
        return sampled(env.action_space, rng)
    sizes = np.atleast_1d(getattr(env.single_action_space, "nvec", env.single_action_space.n))
    parts = np.split(mask.reshape(env.num_envs, -1), np.cumsum(sizes)[:-1], axis=1)
    # Where nothing is allowed, the row does not act and any action will do.
    chosen = [(rng.random(part.shape) * (part > 0)).argmax(1) for part in parts]
    return np.stack(chosen, 1).reshape(env.num_envs, *env.single_action_space.shape)


def sampled(space, rng):
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.start, space.start + space.nvec)
    return rng.uniform(np.maximum(space.low, -1), np.minimum(space.high, 1)).astype(space.dtype)
