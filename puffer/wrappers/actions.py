"""Wrappers that change actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from puffer.wrappers.wrapper import Wrapper


class ClipAction(Wrapper):
    """Clip actions to the bounds of `env`. The action space of the wrapper is unbounded.

    Parameters
    ----------
    env
        An environment with actions in a Box of floats.

    Raises
    ------
    TypeError
        If `env` has other actions.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._box = _float_box(self)
        self.single_action_space = spaces.Box(-np.inf, np.inf, self._box.shape, self._box.dtype.type)

    def change_actions(self, actions: np.ndarray) -> None:
        np.clip(actions, self._box.low, self._box.high, out=self.env_rows.actions)


class RescaleAction(Wrapper):
    """Map actions linearly from low .. high to the bounds of `env`.

    Parameters
    ----------
    env
        An environment with actions in a bounded Box of floats.
    low, high : float or array of the shape of an action
        Bounds of the wrapper's action space, finite, low less than high.

    Raises
    ------
    TypeError
        If `env` has other actions.
    ValueError
        If the actions of `env` are unbounded, or for bad bounds.
    """

    def __init__(self, env: Any, low: float | np.ndarray, high: float | np.ndarray) -> None:
        super().__init__(env)
        self._box = box = _float_box(self)
        if not box.is_bounded("both"):
            raise ValueError(f"RescaleAction needs bounded actions, and {env} has the action space {box}")
        own = spaces.Box(_bound("low", low, box), _bound("high", high, box), dtype=box.dtype.type)
        if not (own.low < own.high).all():
            raise ValueError(f"low must be less than high, got low = {low} and high = {high}")
        self.single_action_space = own
        # In float64, because the span of a float32 Box may overflow in float32.
        self._low = own.low.astype(np.float64)
        self._slope = (box.high.astype(np.float64) - box.low) / (own.high.astype(np.float64) - own.low)

    def change_actions(self, actions: np.ndarray) -> None:
        scaled = (actions - self._low) * self._slope + self._box.low
        # Rounding may exceed a bound.
        np.clip(scaled, self._box.low, self._box.high, out=self.env_rows.actions, casting="same_kind")


def _float_box(wrapper: Wrapper) -> spaces.Box:
    space = wrapper.single_action_space
    if not isinstance(space, spaces.Box) or space.dtype.kind != "f":
        raise TypeError(
            f"{type(wrapper).__name__} needs actions in a Box of floats, and {wrapper.env} has the action space {space}"
        )
    return space


def _bound(name: str, value: Any, box: spaces.Box) -> np.ndarray:
    """A bound as an array of the shape and dtype of `box`."""
    given = np.asarray(value)
    if given.shape in ((), box.shape) and given.dtype.kind in "iuf":
        with np.errstate(over="ignore"):
            bound = np.broadcast_to(given, box.shape).astype(box.dtype)
        if np.isfinite(bound).all():
            return bound
    raise ValueError(
        f"{name} must be a finite number, or an array of them of shape {box.shape}, that {box.dtype} can hold, got "
        f"{value!r}"
    )
