"""Environments of other systems for the contract tests: one or two of each, in small."""

from typing import Any, NamedTuple

import numpy as np
from gpudrive_scene import scene_files
from gymnasium import spaces
from pokemon_rom import game_boy_rom

import puffer


class SystemCase(NamedTuple):
    """One environment, and what its tests have to know.

    Attributes
    ----------
    name, options
        For `puffer.make`.
    steps : int
        Of the longer tests, which take some seconds.
    settles : float
        Megabytes that it may still take when it has been stepped for a while.
    many : bool
        The system steps many copies itself, and needs no workers.
    seeded : bool
        The system has random numbers, so that games differ.
    """

    name: str
    options: dict[str, Any] = {}
    steps: int = 500
    many: bool = False
    settles: float = 8
    seeded: bool = True

    def __str__(self):
        return self.name

    @property
    def system(self):
        return self.name.partition("-")[0]

    def make(self, num_envs=2, **options):
        # Files are written when they are needed.
        own = {name: value() if callable(value) else value for name, value in self.options.items()}
        return puffer.make(self.name, num_envs, **{"backend": "serial", **own, **options})


SYSTEM_CASES = [
    SystemCase("atari-pong", many=True),
    SystemCase("atari-breakout", {"episodic_life": True, "framestack": 1, "grayscale": False}, many=True),
    SystemCase("procgen-coinrun", many=True),
    SystemCase("minigrid-DoorKey-8x8"),
    SystemCase("minigrid-BabyAI-BossLevel"),
    SystemCase("crafter"),
    SystemCase("nethack-score"),
    SystemCase("nethack-challenge", {"observation_keys": ("glyphs", "blstats", "tty_chars")}),
    SystemCase("minihack-Room-Random-5x5"),
    SystemCase("minihack-MultiRoom-N2", {"observation_keys": ("glyphs", "message")}, steps=200),
    SystemCase("pettingzoo-knights-archers-zombies", {"num_agents": 3}, steps=300),
    SystemCase("pettingzoo-simple-spread"),
    SystemCase("magent-adversarial-pursuit", {"map_size": 16}),
    SystemCase("magent-tiger-deer", {"map_size": 12, "minimap_mode": True}),
    SystemCase("pokemon-red", {"rom": game_boy_rom(), "frames_per_action": 8}),
    SystemCase("griddly-random-butterflies"),
    SystemCase("griddly-robot-tag-4"),
    SystemCase("gpudrive", {"scenes": scene_files}, many=True, seeded=False),
    SystemCase("microrts", {"opponent": "lightRushAI"}, many=True, settles=48, seeded=False),
    SystemCase("microrts", {"map": "basesWorkers8x8", "self_play": True}, many=True, settles=48, seeded=False),
    SystemCase("nmmo", {"num_agents": 4, "size": "small", "num_maps": 2, "config": {"NPC_N": 6}}, steps=200),
]


def legal_actions(env, info, rng):
    """An action for every row, drawn from those that `info["action_mask"]` allows, if there is one."""
    mask = info.get("action_mask")
    if mask is None:
        return sampled(env.action_space, rng)
    space = env.single_action_space
    sizes = np.atleast_1d(space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n).ravel()
    starts = np.cumsum(sizes) - sizes
    mask = mask.reshape(env.num_envs, -1)
    # Where nothing is allowed, the row does not act and any action will do: the first one.
    scores = rng.random(mask.shape) * (mask > 0)
    best = np.repeat(np.maximum.reduceat(scores, starts, axis=1), sizes, axis=1)
    places = np.where(scores == best, np.arange(mask.shape[1]) - np.repeat(starts, sizes), mask.shape[1])
    return np.minimum.reduceat(places, starts, axis=1).reshape(env.num_envs, *space.shape)


def sampled(space, rng):
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.start, space.start + space.nvec)
    return rng.uniform(np.maximum(space.low, -1), np.minimum(space.high, 1)).astype(space.dtype)
