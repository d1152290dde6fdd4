"""The textures of the package crafter, put together as Crafter's pictures need them.

They are its work (MIT, Copyright (c) 2021 Danijar Hafner); `textures.json` has its licence.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np

UNIT = 7
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


def make_tiles(textures: dict[str, np.ndarray]) -> np.ndarray:
    """Cells, uint8 (13 materials, 15 looks, 3 colours, 49 pixels): 0 is outside of the world, and nothing on it."""
    materials, looks = textures["materials"], textures["things"]
    tiles = np.full((len(materials) + 1, len(looks) + 1, UNIT, UNIT, 3), _OUTSIDE, np.uint8)
    tiles[1:] = materials[:, None]
    tiles[:, 1:] = _blended(tiles[:, 1:], looks)
    return np.ascontiguousarray(tiles.transpose(0, 1, 4, 2, 3)).reshape(*tiles.shape[:2], 3, UNIT * UNIT)


def make_items(textures: dict[str, np.ndarray]) -> np.ndarray:
    """Slots of the inventory, uint8 (16 items, 10 amounts, 7, 7, 3)."""
    items, amounts = textures["items"], textures["amounts"]
    slots = np.zeros((len(items), len(amounts) + 1, UNIT, UNIT, 3), np.uint8)
    slots[:, 1:, :5, :5] = _blended(slots[:, 1:, :5, :5], items[:, None])
    slots[:, 1:, 2:6, 2:6] = _blended(slots[:, 1:, 2:6, 2:6], amounts)
    return slots


def make_vignette(columns: int, rows: int) -> np.ndarray:
    """How much of the noise of the night each pixel has, float64 (rows, columns)."""
    xs, ys = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    return 1 - np.exp(-0.5 * (xs**2 + ys**2) / (0.5**2))


def _blended(below: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """A texture with alpha over what is below it, rounded as the package does."""
    colours, alpha = texture[..., :3].astype(np.float32) / 255, texture[..., 3:].astype(np.float32) / 255
    return (255 * (alpha * colours + (1 - alpha) * (below.astype(np.float32) / 255))).astype(np.uint8)
