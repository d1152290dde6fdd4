"""Between Gymnasium and this package, both ways.

`gymnasium.make("puffer/Catch-v0")` and `gymnasium.make_vec(...)` make native environments; Gymnasium's tools keep
references to what an environment returns, so both return fresh arrays. `GymnasiumCreator` makes copies of an
environment that is registered with Gymnasium.
"""

from __future__ import annotations

import copy as copying
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator

import puffer
from puffer import checks
from puffer._python import GymAdapter
from puffer.rendering import copy_mode, declared_modes
from puffer.vector import VectorEnv


def make_vector(num_envs: int = 1, *, name: str, max_episode_steps: int | None = None, **options: Any) -> VectorEnv:
    """The vector entry point: `num_envs` copies of the environment called `name`."""
    options.setdefault("copy", True)
    options.setdefault("max_steps", max_episode_steps)
    return puffer.make(name, num_envs, **options)


def make_single(*, name: str, **options: Any) -> SingleEnv:
    """The entry point of `gymnasium.make`."""
    return SingleEnv(name, **options)


class SingleEnv(gymnasium.Env):
    """One copy of a native environment with one agent, as a `gymnasium.Env`.

    Takes the name and the options of `puffer.make`. Raises ValueError for an environment with several agents.
    """

    def __init__(self, name: str, *, render_mode: str | None = None, **options: Any) -> None:
        fixed = {"num_threads": 1, "autoreset_mode": "Disabled", "copy": True}
        for option in ("num_envs", "batch_size", "record_episodes", *fixed):
            if option in options:
                raise TypeError(f"{name} as a single environment has no option {option!r}; use gymnasium.make_vec")
        self._batch = puffer.make(name, 1, render_mode=render_mode, **fixed, **options)
        if self._batch.num_agents != 1:
            raise ValueError(
                f"{name} has {self._batch.num_agents} agents and gymnasium.Env has one: use gymnasium.make_vec or "
                f"puffer.make, or give the environment one agent"
            )
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space
        self.render_mode = render_mode
        self.metadata = {key: value for key, value in self._batch.metadata.items() if key != "autoreset_mode"}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a new episode."""
        super().reset(seed=seed)
        observations, _ = self._batch.reset(seed=seed)
        self._show()
        return observations[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step; raises ResetNeeded after the end of an episode."""
        observations, rewards, terminations, truncations, _ = self._batch.step(np.asarray(action)[np.newaxis])
        self._show()
        return observations[0], float(rewards[0]), bool(terminations[0]), bool(truncations[0]), {}

    def _show(self) -> None:
        if self.render_mode == "human":
            self._batch.render()

    def render(self) -> Any:
        """A frame (height, width, 3) in the mode "rgb_array", text in the mode "ansi"."""
        frames = self._batch.render()
        return None if frames is None else frames[0]

    def get_state(self) -> np.ndarray:
        """A snapshot of the environment, for `set_state`."""
        return self._batch.get_state()

    def set_state(self, state: np.ndarray) -> None:
        """Restore a snapshot."""
        self._batch.set_state(state)

    def close(self) -> None:
        """Close the environment and its window; closing twice is fine."""
        self._batch.close()


def names() -> list[str]:
    """The ids that Gymnasium can make one copy of, but for this package's own."""
    return [id for id, spec in gymnasium.registry.items() if spec.entry_point and not id.startswith("puffer/")]


def knows(id: str) -> bool:
    """Whether `id` is one of `names()`."""
    return id in names()


def creator(id: str, arguments: dict[str, Any]) -> GymnasiumCreator:
    """The creator of `puffer.make("gym-<id>", **arguments)`. Raises ValueError for an unknown render mode."""
    spec, mode = gymnasium.spec(id), arguments.get("render_mode")
    if mode is not None:
        checks.render_mode(mode, _render_modes(spec))
    # The spec travels: a worker knows only what the modules that it imports have registered.
    return GymnasiumCreator(spec, arguments)


def _render_modes(spec: EnvSpec) -> Sequence[str]:
    made_by = spec.entry_point
    return declared_modes(load_env_creator(made_by) if isinstance(made_by, str) else made_by)


@dataclass(frozen=True)
class GymnasiumCreator:
    """Makes copies of the environment with this Gymnasium spec.

    Gymnasium's own wrappers for checking, order and time limits are left off: the batch does their work.
    """

    spec: EnvSpec
    arguments: dict[str, Any] = field(default_factory=dict)

    def __call__(self, copy: int) -> GymAdapter:
        arguments = dict(self.arguments)
        spec = copying.deepcopy(self.spec)
        max_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
        spec.max_episode_steps = None
        spec.order_enforce = False
        mode = arguments.get("render_mode", spec.kwargs.get("render_mode"))
        if mode is not None:
            arguments["render_mode"] = copy_mode(mode, _render_modes(spec), copy)
        return GymAdapter(gymnasium.make(spec, disable_env_checker=True, **arguments), max_steps)
