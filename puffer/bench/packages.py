"""The packages of other authors in the plainest loops, to compare systems with: `name(spec)` makes a Contender.

Each package plays as its own documentation shows, set up for the same game as ours: nothing is converted, copied or
kept. The entries of a spec that count are "num_envs" and "num_threads".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from puffer.bench.contenders import Contender, Spec, action_batches
from puffer.systems.quiet import silent, undisturbed


def atari(spec: Spec) -> Contender:
    """ale-py's own vector environment, in the autoreset mode that ours has by default."""
    with undisturbed():
        from ale_py import ALEInterface, LoggerMode
        from ale_py.vector_env import AtariVectorEnv

        ALEInterface.setLoggerMode(LoggerMode.Error)
        env = AtariVectorEnv("pong", spec["num_envs"], num_threads=spec["num_threads"], autoreset_mode="SameStep")
    env.reset(seed=0)
    return Contender(env.step, action_batches(env.single_action_space, env.num_envs), env.num_envs)


def procgen(spec: Spec) -> Contender:
    """Coinrun in the package's compiled library, on one core."""
    from puffer.bench.procgen_library import Game

    game = Game("coinrun", 0, spec["num_envs"])
    return Contender(game.step, _discrete(15, spec["num_envs"]), spec["num_envs"], game.close)


def minigrid(spec: Spec) -> Contender:
    """Copies of `MiniGrid-DoorKey-8x8-v0`."""
    with undisturbed():
        import gymnasium
        import minigrid

        if "MiniGrid-DoorKey-8x8-v0" not in gymnasium.registry:
            minigrid.register_minigrid_envs()
        envs = [gymnasium.make("MiniGrid-DoorKey-8x8-v0").unwrapped for _ in range(spec["num_envs"])]
    return _current(envs)


def crafter(spec: Spec) -> Contender:
    """Copies of crafter.Env, which returns a single `done`."""
    with undisturbed():
        import crafter

    envs = [crafter.Env(seed=copy) for copy in range(spec["num_envs"])]
    for env in envs:
        env.reset()

    def step(actions: Any) -> None:
        for env, action in zip(envs, actions, strict=True):
            _, _, done, _ = env.step(action)
            if done:
                env.reset()

    return Contender(step, _discrete(17, len(envs)), len(envs))


def nethack(spec: Spec) -> Contender:
    """Copies of `NetHackScore-v0`, seeded before each reset as its documentation says."""
    with undisturbed():
        import gymnasium
        import nle  # noqa: F401

        envs = [gymnasium.make("NetHackScore-v0").unwrapped for _ in range(spec["num_envs"])]

    def reset(env: Any) -> None:
        env.seed(1, 2, reseed=False)
        env.reset()

    return _current(envs, reset)


def magent(spec: Spec) -> Contender:
    """Copies of battle_v4 with dicts by agent."""
    with undisturbed():
        from magent2.environments import battle_v4

        envs = [battle_v4.parallel_env() for _ in range(spec["num_envs"])]
    for env in envs:
        env.reset(seed=0)
    agents = len(envs[0].possible_agents)
    index_of = {agent: index for index, agent in enumerate(envs[0].possible_agents)}

    def step(actions: Any) -> None:
        for env, own in zip(envs, actions.reshape(len(envs), agents), strict=True):
            env.step({agent: own[index_of[agent]] for agent in env.agents})
            if not env.agents:
                env.reset()

    return Contender(step, _discrete(21, len(envs) * agents), len(envs) * agents)


def _current(envs: list[Any], reset: Callable[[Any], Any] | None = None) -> Contender:
    """Copies with the methods of Gymnasium."""
    restart = reset or (lambda env: env.reset())
    with silent():
        for env in envs:
            restart(env)

    def step(actions: Any) -> None:
        for env, action in zip(envs, actions, strict=True):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                restart(env)

    return Contender(step, _discrete(int(envs[0].action_space.n), len(envs)), len(envs))


def _discrete(count: int, rows: int) -> list[np.ndarray]:
    from gymnasium.spaces import Discrete

    return action_batches(Discrete(count), rows)
