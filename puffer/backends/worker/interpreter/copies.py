"""One copy of an environment, of Gymnasium, Gym or PettingZoo, as a worker in another interpreter drives it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .attributes import set_attribute
from .messages import pack
from .spaces import describe


class Copy:
    """A copy of an environment: of Gymnasium or any version of Gym, or one of PettingZoo whose agents step at once.

    The results of the latter come with the agents that are left. Raises TypeError for other environments.
    """

    def __init__(self, env: Any) -> None:
        self.agents = None
        if callable(getattr(env, "observation_space", None)):
            env = _at_once(env)
            self.agents = list(getattr(env, "possible_agents", None) or ())
            if not self.agents or len(set(self.agents)) != len(self.agents):
                raise TypeError(f"{env} must have possible_agents, each once: each gets a row; they are {self.agents}")
            self.spaces = [(env.observation_space(agent), env.action_space(agent)) for agent in self.agents]
        else:
            self.spaces = [(env.observation_space, env.action_space)]
        self.env = env
        self._takes_seed = takes_parameter(env.reset, "seed")
        self._takes_options = takes_parameter(env.reset, "options")

    def reset(self, seed: int | None, options: dict[str, Any] | None, parameters: dict[str, Any]) -> Any:
        self.require_options(options)
        for name, value in parameters.items():
            set_attribute(self.env, name, value)
        if not self._takes_seed and seed is not None and hasattr(self.env, "seed"):
            self.env.seed(seed)
        arguments = {"seed": seed} if self._takes_seed else {}
        if self._takes_options and (options is not None or _needs_parameter(self.env.reset, "options")):
            arguments["options"] = options
        return self._told(self.env.reset(**arguments))

    def require_options(self, options: dict[str, Any] | None) -> None:
        if options and not self._takes_options:
            raise TypeError(f"reset() of {self.env} takes no options, got {options!r}")

    def step(self, action: Any) -> Any:
        return self._told(self.env.step(action))

    def _told(self, result: Any) -> Any:
        return result if self.agents is None else (list(self.env.agents), result)


def _at_once(env: Any) -> Any:
    """A PettingZoo environment as one whose agents step at once."""
    if not hasattr(env, "observe"):
        return env
    if not (getattr(env, "metadata", None) or {}).get("is_parallelizable"):
        raise TypeError(f"the agents of {env} take turns, and such environments cannot run in another interpreter")
    return importlib.import_module("pettingzoo.utils").aec_to_parallel(env)


def takes_parameter(function: Callable, parameter: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _needs_parameter(function: Callable, parameter: str) -> bool:
    try:
        own = inspect.signature(function).parameters.get(parameter)
    except (TypeError, ValueError):
        return False
    return own is not None and own.default is own.empty and own.kind is not own.VAR_KEYWORD


def spec_of(copy: Copy, max_steps: int | None) -> dict[str, Any]:
    """What a copy is like, as plain data. The spaces are those that differ, and agents have their indices."""
    indices, spaces = [], ({}, {})
    for pair in copy.spaces:
        descriptions = [describe(space, "") for space in pair]
        indices.append([found.setdefault(pack(one), (len(found), one))[0] for found, one in zip(spaces, descriptions)])
    metadata = getattr(copy.env, "metadata", None)
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return {
        "agents": copy.agents and [agent if isinstance(agent, (str, int)) else str(agent) for agent in copy.agents],
        "indices": indices,
        "observation_spaces": [description for _, description in spaces[0].values()],
        "action_spaces": [description for _, description in spaces[1].values()],
        "max_steps": max_steps,
        "render_modes": list(metadata.get("render_modes") or ()),
        "render_mode": getattr(copy.env, "render_mode", None),
        "render_fps": metadata.get("render_fps") or 30,
    }
