"""Infos of a batch, in which a column has the values of all rows, as dicts of single rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Of a step in the mode SAME_STEP: entries about the episodes that ended, see `puffer.native.info.Info`.
FINALS = frozenset(("final_obs", "final_info", "episode"))


def spread(info: dict[str, Any], into: Sequence[dict[str, Any]] | Mapping[int, dict[str, Any]]) -> None:
    """Put the entries of a batch's info into the dicts of the rows that have them, the finals left out."""
    for key in info:
        # An entry without a mask is of the batch. A mask has none.
        mask = None if key in FINALS else info.get(f"_{key}")
        if mask is None:
            continue
        values, rows = info[key], np.flatnonzero(mask).tolist()
        if isinstance(values, dict):
            nested: dict[int, dict[str, Any]] = {row: {} for row in rows}
            spread(values, nested)
            values = nested
        for row in rows:
            into[row][key] = values[row]
