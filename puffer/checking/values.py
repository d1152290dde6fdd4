"""Comparison of values: whether they lie in a space, differ, or share memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces


def why_outside(space: Space, value: Any, name: str = "observation") -> str | None:
    """The reason why `value` is not in `space`, beginning with `name`; None if it is in the space."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping):
            return f"{name} is of type {type(value).__name__}, and the space is a Dict"
        if set(value) != set(space.spaces):
            return f"{name} has the keys {sorted(map(str, value))}, and the space {sorted(map(str, space.spaces))}"
        parts = [(child, value[key], f"{name}[{key!r}]") for key, child in space.spaces.items()]
        return _first_reason(parts)
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(space.spaces):
            return f"{name} is {_short(value)}, and the space a Tuple of {len(space.spaces)}"
        parts = [(child, one, f"{name}[{k}]") for k, (child, one) in enumerate(zip(space.spaces, value, strict=True))]
        return _first_reason(parts)
    if isinstance(space, spaces.Box):
        return _why_outside_box(space, value, name)
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)) and has_other_form(space, value):
        return f"{name} is {_form(value)}, and the space {space.dtype} of shape {space.shape}"
    return None if space.contains(value) else f"{name} is {_short(value)}, which is not in {_short(space)}"


def _first_reason(parts: list[tuple[Space, Any, str]]) -> str | None:
    return next(filter(None, (why_outside(*part) for part in parts)), None)


def _why_outside_box(space: spaces.Box, value: Any, name: str) -> str | None:
    if not isinstance(value, np.ndarray) and not isinstance(value, np.generic):
        return f"{name} is of type {type(value).__name__}, and the space holds arrays of {space.dtype}"
    if has_other_form(space, value):
        return f"{name} is {_form(value)}, and the space {space.dtype} of shape {space.shape}"
    for outside, relation, bound in (
        (np.isnan(value), "not a number", None),
        (value < space.low, "below", space.low),
        (value > space.high, "above", space.high),
    ):
        if outside.any():
            index = tuple(map(int, np.argwhere(outside)[0]))
            place = f"{name}{list(index)}" if index else name
            limit = "" if bound is None else f" {bound[index]}"
            return f"{place} is {value[index]}, {relation}{limit}"
    return None


def has_other_form(space: Space, value: Any) -> bool:
    """Whether `value` is an array whose shape differs from `space`, or whose dtype cannot be cast to it."""
    return isinstance(value, (np.ndarray, np.generic)) and (
        value.shape != space.shape or not np.can_cast(value.dtype, space.dtype)
    )


def _form(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def copied(value: Any) -> Any:
    """A copy that shares no array, dict or list with `value`."""
    if isinstance(value, Mapping):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [copied(one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if not isinstance(value, np.ndarray):
        return value
    copy = value.copy()
    if value.dtype == object:
        copy.ravel()[:] = [copied(one) for one in value.ravel()]
    return copy


def difference(first: Any, second: Any, name: str = "") -> str | None:
    """The first difference of two values, beginning with `name`; None if they are equal bit for bit."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if set(first) != set(second):
            return f"{name} has the keys {sorted(map(str, first))} and {sorted(map(str, second))}"
        parts = [(first[key], second[key], f"{name}[{key!r}]") for key in first]
    elif isinstance(first, (tuple, list)) and isinstance(second, (tuple, list)) and len(first) == len(second):
        parts = [(one, other, f"{name}[{k}]") for k, (one, other) in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return _array_difference(first, second, name)
    else:
        is_same = first is second or (type(first) is type(second) and bool(np.all(first == second)))
        # Two NaN are equal.
        is_same = is_same or (first != first and second != second)
        return None if is_same else f"{name} is {_short(first)} and {_short(second)}"
    return next(filter(None, (difference(*part) for part in parts)), None)


def _array_difference(first: np.ndarray, second: np.ndarray, name: str) -> str | None:
    if first.shape != second.shape or first.dtype != second.dtype:
        return f"{name} is {_form(first)} and {_form(second)}"
    if first.dtype == object:
        return difference(first.tolist(), second.tolist(), name)
    if first.tobytes() == second.tobytes():
        return None
    unequal = np.argwhere(~((first == second) | ((first != first) & (second != second))))
    if not len(unequal):
        return None
    index = tuple(map(int, unequal[0]))
    place = f"{name}{list(index)}" if index else name
    return f"{place} is {first[index]} and {second[index]}"


def arrays(value: Any) -> Iterator[np.ndarray]:
    """The arrays in a nested value."""
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            for one in value.ravel():
                yield from arrays(one)
        else:
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from arrays(one)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from arrays(one)


def share_memory(first: Any, second: Any) -> bool:
    """Whether an array of one nested value shares memory with an array of the other."""
    return any(np.shares_memory(one, other) for one in arrays(first) for other in arrays(second))


def is_zero(value: Any) -> bool:
    """Whether every number in a nested value is zero."""
    if isinstance(value, (int, float, np.number)):
        return value == 0
    found = list(arrays(value))
    return bool(found) and not any(array.any() for array in found)
