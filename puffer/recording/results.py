"""What a step has written: its checksum, and whether there is a NaN in it."""

from __future__ import annotations

import zlib

import numpy as np

from puffer.layout.observation import Layout
from puffer.layout.walk import along
from puffer.native.buffers import Buffers

_RESULTS = ("observations", "rewards", "terminations", "truncations", "masks")


def digest(buffers: Buffers) -> int:
    """A checksum of everything that the last step or reset has written."""
    value = 0
    for name in _RESULTS:
        value = zlib.crc32(np.ascontiguousarray(getattr(buffers, name)).view(np.uint8).data, value)
    return value


def has_nan(layout: Layout, buffers: Buffers) -> bool:
    """Whether an observation or a reward of the last step is a NaN."""
    observations = buffers.observations
    # Rows of several dtypes are bytes, and there is no look into them but through the layout.
    is_mixed = layout.flat_space is not layout.space and observations.dtype.kind != "f"
    parts = [part for _, _, part in along(layout.space, layout.view(observations))] if is_mixed else [observations]
    return any(_has_nan(part) for part in (*parts, buffers.rewards))


def _has_nan(array: np.ndarray) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f" and bool(np.isnan(array).any())
