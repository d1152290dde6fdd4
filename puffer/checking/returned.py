"""What an environment returns to its adapter: the infos, and the dtypes of observations before they are cast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer.layout.walk import NestingError, along
from puffer.wrappers.adapters.adapter import Adapter


class Returned:
    """Watches the observations and infos that `reset` and `step` return.

    Parameters
    ----------
    env
        The environment. An adapter that is made between `begin` and `end` calls it in a watched way.

    Attributes
    ----------
    info
        That of the last call; None where there is none.
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self.info: Any = None
        self._adapter: Adapter | None = None
        # By path of a leaf of floats.
        self._found: dict[str, set[np.dtype]] = {}

    def begin(self) -> None:
        """Put watched methods in front of the environment's own."""
        self._env.reset = self._watched(self._env.reset, self._of_reset)
        self._env.step = self._watched(self._env.step, _of_step)

    def end(self, adapter: Adapter) -> None:
        """Take them away; `adapter` has been made."""
        del self._env.reset, self._env.step
        self._adapter = adapter

    def _of_reset(self, result: Any) -> Any:
        assert self._adapter is not None
        return self._adapter.observation_and_info(result)

    def _watched(self, method: Callable[..., Any], parts_of: Callable[[Any], Any]) -> Callable[..., Any]:
        @wraps(method)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            result = method(*arguments, **keywords)
            observation, self.info = parts_of(result)
            self._note(observation)
            return result

        return watched

    def _note(self, observation: Any) -> None:
        assert self._adapter is not None
        by_agent = list(observation.values()) if isinstance(observation, Mapping) else []
        for one in (observation, *by_agent):
            try:
                for path, leaf, value in along(self._adapter.layout.space, one, ""):
                    if isinstance(leaf, spaces.Box) and leaf.dtype.kind == "f" and isinstance(value, np.ndarray):
                        self._found.setdefault(path.subscript, set()).add(value.dtype)
            except NestingError:
                # Not of one agent, or not right, which others report.
                continue

    def bytes_as_floats(self) -> list[str]:
        """The leaves of floats that only ever got arrays of uint8."""
        return [path for path, dtypes in self._found.items() if dtypes == {np.dtype(np.uint8)}]


def _of_step(result: Any) -> Any:
    return (result[0], result[-1]) if isinstance(result, (tuple, list)) and result else (None, None)
