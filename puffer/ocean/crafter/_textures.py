"""The textures of the package crafter, put together as Crafter's pictures need them.

They are its work (MIT, Copyright (c) 2021 Danijar Hafner); `textures.json` has its licence.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np

# Pixels of a cell: in the observation, and in the pictures of `render`, where textures have their own size.
UNIT, LARGE_UNIT = 7, 16
# What the cells outside of the world look like.
_OUTSIDE = 127


def read_textures() -> dict[str, np.ndarray]:
    """The textures by group, uint8 (count, size, size, channels)."""
    groups = json.loads(Path(__file__).with_name("textures.json").read_text("utf-8"))
    return {
        name: np.frombuffer(zlib.decompress(b64decode(group["data"])), np.uint8).reshape(group["shape"])
        for name, group in groups.items()
        if isinstance(group, dict)
    }


def make_tiles(textures: dict[str, np.ndarray], unit: int) -> np.ndarray:
    """Cells, uint8 (13 materials, 15 looks, 3 colours, unit * unit): 0 is outside of the world, and nothing on it."""
    materials, looks = _resized(textures["materials"], unit), _resized(textures["things"], unit)
    tiles = np.full((len(materials) + 1, len(looks) + 1, unit, unit, 3), _OUTSIDE, np.uint8)
    tiles[1:] = materials[:, None]
    tiles[:, 1:] = _blended(tiles[:, 1:], looks)
    return np.ascontiguousarray(tiles.transpose(0, 1, 4, 2, 3)).reshape(*tiles.shape[:2], 3, unit * unit)


def make_items(textures: dict[str, np.ndarray], unit: int) -> np.ndarray:
    """Slots of the inventory, uint8 (16 items, 10 amounts, unit, unit, 3)."""
    slots = np.zeros((len(textures["items"]), len(textures["amounts"]) + 1, unit, unit, 3), np.uint8)
    for name, first, size in ("items", 0.1, 0.8), ("amounts", 0.4, 0.6):
        texture = _resized(textures[name], int(size * unit))
        part = slice(int(first * unit), int(first * unit) + int(size * unit))
        slots[:, 1:, part, part] = _blended(slots[:, 1:, part, part], texture[:, None] if name == "items" else texture)
    return slots


def make_vignette(columns: int, rows: int) -> np.ndarray:
    """How much of the noise of the night each pixel has, float64 (rows, columns)."""
    xs, ys = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    return 1 - np.exp(-0.5 * (xs**2 + ys**2) / (0.5**2))


def _resized(textures: np.ndarray, size: int) -> np.ndarray:
    """Textures of another size, by the nearest pixel, which Pillow finds by adding up."""
    step = textures.shape[1] / size
    nearest = np.cumsum([step / 2] + [step] * (size - 1)).astype(int)
    return textures[:, nearest][:, :, nearest]


def _blended(below: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """A texture with alpha over what is below it, rounded as the package does."""
    colours, alpha = texture[..., :3].astype(np.float32) / 255, texture[..., 3:].astype(np.float32) / 255
    return (255 * (alpha * colours + (1 - alpha) * (below.astype(np.float32) / 255))).astype(np.uint8)
