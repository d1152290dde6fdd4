"""Pictures of environments put side by side, enlarged, captioned and encoded. Pillow draws the text and writes PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

# Shades of the background of a grid and a caption, and of its text.
_DARK, _LIGHT = 24, 230
_TEXT_SIZE = 14
PIP_LINE = 'pip install "puffer-envs[record]"'


def can_draw() -> bool:
    """Whether Pillow is installed."""
    return find_spec("PIL") is not None


def as_picture(frame: Any, name: str = "the environment") -> np.ndarray:
    """A frame of any environment as a picture, (height, width, 3) uint8.

    Grey pictures get three equal channels, and a fourth channel is dropped.

    Raises TypeError for anything that is not a picture.
    """
    array = np.asarray(frame)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise TypeError(f"render() of {name} gave {type(frame).__name__} of shape {array.shape}, not a picture")
    array = np.clip(array, 0, 255).astype(np.uint8)[..., :3]
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def enlarged(picture: np.ndarray, least: int) -> np.ndarray:
    """The picture with every pixel repeated, so that its longer side has at least `least` pixels."""
    times = math.ceil(least / max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else picture


def grid(pictures: Sequence[np.ndarray], columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Pictures in a grid about as high as it is wide; smaller ones are in the middle of their cells."""
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), _DARK, np.uint8)
    for k, picture in enumerate(pictures):
        top = k // columns * (height + gap) + (height - picture.shape[0]) // 2
        left = k % columns * (width + gap) + (width - picture.shape[1]) // 2
        whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return whole


def captioned(picture: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """The picture with lines of text under it. Words that are too long for its width go on in the next line.

    Raises ImportError without Pillow.
    """
    draw_module, font = _pillow()
    width = picture.shape[1]
    wrapped = [part for line in lines for part in _wrapped(line, font, width - 8)]
    bar = draw_module[0].new("RGB", (width, (_TEXT_SIZE + 4) * len(wrapped) + 6), (_DARK,) * 3)
    pen = draw_module[1].Draw(bar)
    for k, line in enumerate(wrapped):
        pen.text((4, 3 + k * (_TEXT_SIZE + 4)), line, font=font, fill=(_LIGHT,) * 3)
    return np.concatenate([picture, np.asarray(bar)])


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ImportError(f"captions and pictures need Pillow: {PIP_LINE}") from None
    return (Image, ImageDraw), ImageFont.load_default(_TEXT_SIZE)


def _wrapped(line: str, font: Any, width: int) -> list[str]:
    """A line in as many as it takes for this width in pixels."""
    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".lstrip(" ")
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def as_png(picture: np.ndarray) -> bytes:
    """The picture as the content of a PNG file. Raises ImportError without Pillow."""
    (image, _), _ = _pillow()
    content = io.BytesIO()
    image.fromarray(picture).save(content, "PNG", optimize=True)
    return content.getvalue()
