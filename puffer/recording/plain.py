"""Arguments as JSON, without pickles: whoever opens a recording runs nothing of the stranger who made it."""

from __future__ import annotations

from typing import Any

import numpy as np

_ARRAY = "array of"


def to_plain(value: Any) -> Any:
    """`value` in the types of JSON: numbers, texts, lists, dicts with keys of text, and NumPy arrays of numbers.

    Raises TypeError for anything else.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "values": value.ravel().tolist()}
    if isinstance(value, (list, tuple, range)):
        return [to_plain(one) for one in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value) and _ARRAY not in value:
        return {key: to_plain(one) for key, one in value.items()}
    raise TypeError(f"a recording holds numbers, texts, lists, dicts and arrays, not {type(value).__name__}")


def from_plain(value: Any) -> Any:
    """The value of which `to_plain` made this."""
    if isinstance(value, dict):
        if _ARRAY in value:
            return np.array(value["values"], np.dtype(value[_ARRAY])).reshape(value["shape"])
        return {key: from_plain(one) for key, one in value.items()}
    return [from_plain(one) for one in value] if isinstance(value, list) else value
