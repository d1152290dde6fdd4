"""Native environments for Gymnasium, as `gymnasium.make("puffer/Catch-v0")` and `gymnasium.make_vec(...)` make them.

Gymnasium's tools keep references to the arrays that an environment returns, so both return new arrays.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from puffer import ocean
from puffer._core import Env
from puffer.layout.nested import NestedActions, NestedObservations
from puffer.options import MOST
from puffer.registry import find, make
from puffer.rendering import warn_of_no_mode
from puffer.vector import VectorEnv


def gymnasium_id(cls: type[Env]) -> str:
    """The id under which Gymnasium knows a native environment."""
    return f"puffer/{cls.__name__}-v{cls.version}"


def register_with_gymnasium() -> None:
    """Register the package's native environments with Gymnasium, single and vector, and import none of them."""
    for name, spec in _specs().items():
        gymnasium.register(
            **spec,
            entry_point="puffer.faces.gymnasium:make_single",
            vector_entry_point="puffer.faces.gymnasium:make_vector",
            # With "ocean-", because a system of another author's may have the rest as its name.
            kwargs={"name": f"ocean-{name}"},
        )


@cache
def _specs() -> dict[str, dict[str, Any]]:
    """By name the ids of the native environments, time limits and reward thresholds; the build writes the file."""
    return json.loads(Path(ocean.__file__).with_name("specs.json").read_text())


def make_vector(num_envs: int = 1, *, name: str, max_episode_steps: int | None = None, **options: Any) -> VectorEnv:
    """The entry point of `gymnasium.make_vec`: `num_envs` copies of the environment called `name`."""
    # Gymnasium's own default, which libraries that use make_vec count on.
    options.setdefault("autoreset_mode", "NextStep")
    options.setdefault("flat", False)
    options.setdefault("max_steps", max_episode_steps)
    _tell_as_gymnasium(name, options)
    return make(name, num_envs, **options)


def make_single(*, name: str, **options: Any) -> SingleEnv:
    """The entry point of `gymnasium.make`.

    The time limit of Gymnasium's spec is kept by Gymnasium's wrapper, which `max_episode_steps` changes.

    Raises TypeError for `max_steps`, if there is such a limit.
    """
    limit = _specs()[name.removeprefix("ocean-")]["max_episode_steps"]
    if limit is not None:
        if "max_steps" in options:
            raise TypeError(
                f"{name} as a single environment has the time limit of Gymnasium, {limit} steps; pass "
                f"max_episode_steps={options['max_steps']!r} instead of max_steps"
            )
        options["max_steps"] = MOST
    _tell_as_gymnasium(name, options)
    return SingleEnv(name, **options)


def _tell_as_gymnasium(name: str, options: dict[str, Any]) -> None:
    """Ask for the infos that Gymnasium's own environment of that name has: those of toy text are."""
    cls = find(name)
    if "prob" in inspect.signature(cls).parameters:
        options.setdefault("prob", True)
        options.setdefault("action_masks", cls.masks_actions)


class SingleEnv(gymnasium.Env):
    """One copy of a native environment with one agent, as a `gymnasium.Env`.

    Parameters
    ----------
    name : str
        As in `puffer.make`.
    render_mode : "rgb_array", "ansi", "human", optional
    **options
        Options of `puffer.make` and of the environment, except num_envs, batch_size, record_episodes, num_threads,
        autoreset_mode, copy and flat.

    Raises
    ------
    TypeError
        For one of these options.
    ValueError
        For an environment with several agents.
    """

    def __init__(self, name: str, *, render_mode: str | None = None, **options: Any) -> None:
        fixed = {"num_threads": 1, "autoreset_mode": "Disabled", "copy": True, "flat": True}
        for option in ("num_envs", "batch_size", "record_episodes", *fixed):
            if option in options:
                raise TypeError(f"{name} as a single environment has no option {option!r}; use gymnasium.make_vec")
        self._batch = make(name, 1, render_mode=render_mode, **fixed, **options)
        if self._batch.num_agents != 1:
            raise ValueError(
                f"{name} has {self._batch.num_agents} agents, and a gymnasium.Env has one; use gymnasium.make_vec or "
                f"puffer.make, or make the environment with one agent"
            )
        self._actions = NestedActions(self._batch.action_layout)
        self._observations = NestedObservations(self._batch.layout, self._batch.native_env.own_observation_space)
        self.observation_space = self._observations.space
        self.action_space = self._actions.space
        self.render_mode = render_mode
        self.metadata = {key: value for key, value in self._batch.metadata.items() if key != "autoreset_mode"}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a new episode. Raises ValueError for an entry of `options`: there is none."""
        for option in options or ():
            raise ValueError(f"options has no entry {option!r}; a native environment takes none as a single one")
        super().reset(seed=seed)
        observations, info = self._batch.reset(seed=seed)
        self._show()
        return self._observations.of_row(observations[0]), _of_one_row(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step. Raises ResetNeeded after the end of an episode."""
        rows = np.asarray(action)[np.newaxis] if self._actions.is_flat else self._actions.rows_of_one(action)
        try:
            observations, rewards, terminations, truncations, info = self._batch.step(rows)
        except ResetNeeded:
            message = "step() before the first reset() or after the end of an episode: call reset() first"
            raise ResetNeeded(message) from None
        self._show()
        observation = self._observations.of_row(observations[0])
        return observation, float(rewards[0]), bool(terminations[0]), bool(truncations[0]), _of_one_row(info)

    def _show(self) -> None:
        if self.render_mode == "human":
            self._batch.render()

    def render(self) -> Any:
        """A picture, (height, width, 3) uint8, in the mode "rgb_array"; text in the mode "ansi".

        Without a mode, None and a UserWarning that has the line to type.
        """
        if self.render_mode is None:
            call = f"gymnasium.make({gymnasium_id(type(self._batch.native_env))!r}"
            warn_of_no_mode(type(self._batch.native_env).__name__, self.metadata["render_modes"], call)
            return None
        frames = self._batch.render()
        return None if frames is None else frames[0]

    @property
    def action_masks(self) -> Callable[[], np.ndarray]:
        """A method that returns the legal actions, bool (choices,), as sb3-contrib's MaskablePPO calls it.

        An environment without masks has no such attribute.
        """
        if self._batch.action_masks is None:
            raise AttributeError(f"{type(self._batch.native_env).__name__} has no action masks")
        return lambda: self._batch.action_masks[0].copy()

    def get_state(self) -> np.ndarray:
        """A snapshot of the environment, for `set_state`."""
        return self._batch.get_state()

    def set_state(self, state: np.ndarray) -> None:
        """Restore a snapshot."""
        self._batch.set_state(state)

    def close(self) -> None:
        """Close the environment and its window. Another call does nothing."""
        self._batch.close()


def _of_one_row(info: dict[str, Any]) -> dict[str, Any]:
    """The info of the only row of a batch."""
    return {name: values[0] for name, values in info.items() if f"_{name}" in info} if info else {}
