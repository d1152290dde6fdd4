"""A picture in a terminal: each character is two pixels, one above the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

_HALF = "▀"


class HalfBlocks:
    """A picture, (height, width, 3) uint8, in at most `columns` x `rows` characters; rich prints it."""

    def __init__(self, picture: np.ndarray, columns: int, rows: int) -> None:
        self._small = _reduced(picture, max(1, columns), 2 * max(1, rows))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        small = self._small
        if len(small) % 2:
            small = np.concatenate([small, np.zeros_like(small[:1])])
        for above, below in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
            for upper, lower in zip(above, below, strict=True):
                yield Segment(_HALF, _style(tuple(upper), tuple(lower)))
            yield Segment.line()


def _reduced(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture in at most this size, in its own proportions; each pixel is the mean of those that it stands for."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    sums = picture.astype(np.float64)
    for axis, size in ((0, picture.shape[0]), (1, picture.shape[1])):
        count = max(1, int(size * scale))
        if scale >= 1:
            sums = sums.repeat(int(scale), axis=axis)
            continue
        starts = np.arange(count) * size // count
        spans = np.diff([*starts, size]).reshape([-1, *([1] * (2 - axis))])
        sums = np.add.reduceat(sums, starts, axis=axis) / spans
    # Few shades: the terminal is sent fewer changes of colour.
    return (sums // 8 * 8).astype(np.uint8)


@lru_cache(maxsize=65536)
def _style(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
