"""Render modes: how one copy draws itself, and how a batch of copies is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_MODES = ("rgb_array", "ansi", "human")


class Rendering(NamedTuple):
    """What an environment says of its pictures."""

    modes: tuple[str, ...]
    mode: str | None
    fps: float


def rendering_of(env: Any) -> Rendering:
    """What `env` says in its `metadata` and `render_mode`."""
    metadata = getattr(env, "metadata", None)
    if not isinstance(metadata, Mapping):
        metadata = {}
    modes, fps = metadata.get("render_modes"), metadata.get("render_fps")
    return Rendering(tuple(modes or ()), getattr(env, "render_mode", None), fps or 30)


def declared_modes(maker: Any) -> Sequence[str]:
    """The modes that a class of environments declares; all of them for a function, which may make any."""
    return rendering_of(maker).modes or _MODES


def batch_modes(modes: Sequence[str]) -> list[str]:
    """The modes of a batch of copies that have these: a window needs no more than frames."""
    has_window = "rgb_array" in modes
    return [mode for mode in _MODES if mode in modes or (mode == "human" and has_window)]


def copy_mode(mode: str | None, modes: Sequence[str], copy: int) -> str | None:
    """The mode to make a copy in, out of `modes`, for a batch in `mode`.

    In the mode "human" copy 0 shows itself, or makes frames for the window of the batch if it cannot; the others draw
    nothing.
    """
    if mode != "human":
        return mode
    if copy > 0:
        return None
    return "rgb_array" if "rgb_array" in modes and "human" not in modes else "human"


def settled_mode(mode: str | None, first: Rendering) -> str | None:
    """The mode of a batch that is to be in `mode`, or None for that of its copies, whose first one is as described.

    Raises ValueError if the copies are not made for it.
    """
    if mode is None or mode == first.mode:
        return first.mode
    if mode == "human" and first.mode == "rgb_array":
        return mode
    needed = "'human' or 'rgb_array'" if mode == "human" else repr(mode)
    raise ValueError(
        f"render_mode = {mode!r} needs environments made with the render_mode {needed}, these have {first.mode!r}"
    )
