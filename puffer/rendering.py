"""Render modes of single copies and of batches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_MODES = ("rgb_array", "ansi", "human")


class Rendering(NamedTuple):
    """The render modes that an environment declares, its own mode, and its frames per second."""

    modes: tuple[str, ...]
    mode: str | None
    fps: float


def rendering_of(env: Any) -> Rendering:
    """The rendering that `env` declares in its `metadata` and `render_mode`."""
    metadata = getattr(env, "metadata", None)
    if not isinstance(metadata, Mapping):
        metadata = {}
    modes, fps = metadata.get("render_modes"), metadata.get("render_fps")
    return Rendering(tuple(modes or ()), getattr(env, "render_mode", None), fps or 30)


def declared_modes(maker: Any) -> Sequence[str]:
    """The modes that a class of environments declares; all modes for a function, which may make any environment."""
    return rendering_of(maker).modes or _MODES


def batch_modes(modes: Sequence[str]) -> list[str]:
    """The modes of a batch whose copies have `modes`. "human" needs only the frames of "rgb_array"."""
    has_window = "rgb_array" in modes
    return [mode for mode in _MODES if mode in modes or (mode == "human" and has_window)]


def copy_mode(mode: str | None, modes: Sequence[str], copy: int) -> str | None:
    """The mode, out of `modes`, of a copy in a batch with the mode `mode`.

    In the mode "human", copy 0 shows itself, or draws frames for the window of the batch if it cannot. The other copies
    draw nothing.
    """
    if mode != "human":
        return mode
    if copy > 0:
        return None
    return "rgb_array" if "rgb_array" in modes and "human" not in modes else "human"


def warn_of_no_mode(name: str, modes: Sequence[str], call: str) -> None:
    """Warn that render() of an environment without a mode shows nothing; `call` makes one, but for its last argument.

    `modes` are those that it could have.
    """
    remedy = f"give the mode when you make it: {call}, render_mode={modes[0]!r})" if modes else "it declares no modes"
    warnings.warn(f"render() of {name} shows nothing without a render mode; {remedy}", stacklevel=3)


def settled_mode(mode: str | None, first: Rendering) -> str | None:
    """The mode of a batch: `mode`, or that of its copies for None. `first` describes the first copy.

    Raises ValueError if the copies were made with another mode.
    """
    if mode is None or mode == first.mode:
        return first.mode
    if mode == "human" and first.mode == "rgb_array":
        return mode
    needed = "'human' or 'rgb_array'" if mode == "human" else repr(mode)
    raise ValueError(
        f"render_mode = {mode!r} needs environments made with render_mode {needed}, these were made with {first.mode!r}"
    )
