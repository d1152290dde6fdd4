"""Comparison of values: whether they lie in a space, differ, or share memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.layout.walk import NestingError, along, shortened


def why_outside(space: Space, value: Any, name: str = "observation") -> str | None:
    """How `value` breaks `space`, in words that begin with its name; None if it lies in the space."""
    try:
        reasons = (_why_outside_leaf(leaf, one, name + path.subscript) for path, leaf, one in along(space, value, name))
        return next(filter(None, reasons), None)
    except NestingError as error:
        return str(error)


def _why_outside_leaf(space: Space, value: Any, name: str) -> str | None:
    if isinstance(space, spaces.Box):
        return _why_outside_box(space, value, name)
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)) and has_other_form(space, value):
        return f"{name} is {_form(value)}, and the space {space.dtype} of shape {space.shape}"
    return None if space.contains(value) else f"{name} is {shortened(value)}, which is not in {shortened(space)}"


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
            limit = "" if bound is None else f" {bound[index]}"
            return f"{_element(name, index)} is {value[index]}, {relation}{limit}"
    return None


def has_other_form(space: Space, value: Any) -> bool:
    """Whether `value` is an array whose shape differs from `space`, or whose dtype cannot be cast to it."""
    return isinstance(value, (np.ndarray, np.generic)) and (
        value.shape != space.shape or not np.can_cast(value.dtype, space.dtype)
    )


def _element(name: str, index: tuple[int, ...]) -> str:
    return f"{name}{list(index)}" if index else name


def _form(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}"


def copied(value: Any) -> Any:
    """A copy that shares no array, dict, list or set with `value`."""
    if isinstance(value, Mapping):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [copied(one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, (set, bytearray)):
        return value.copy()
    if not isinstance(value, np.ndarray):
        return value
    copy = value.copy()
    if value.dtype == object:
        copy.ravel()[:] = [copied(one) for one in value.ravel()]
    return copy


def difference(first: Any, second: Any, name: str = "", rtol: float = 0.0, atol: float = 0.0) -> str | None:
    """Where two nested values differ, in words that begin with `name`; None if they do not.

    Numbers of arrays that lie within `rtol`, relative to the second, and `atol` of each other are the same; with 0 for
    both, only equal ones. NaN equals NaN.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if set(first) != set(second):
            return f"{name} has the keys {sorted(map(str, first))} and {sorted(map(str, second))}"
        parts = [(first[key], second[key], f"{name}[{key!r}]") for key in first]
    elif isinstance(first, (tuple, list)) and isinstance(second, (tuple, list)) and len(first) == len(second):
        parts = [(one, other, f"{name}[{k}]") for k, (one, other) in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return _array_difference(first, second, name, rtol, atol)
    elif isinstance(first, (np.number, np.bool_)) and type(first) is type(second):
        return _array_difference(np.asarray(first), np.asarray(second), name, rtol, atol)
    else:
        is_same = first is second or (type(first) is type(second) and bool(np.all(first == second)))
        # Two NaN are equal.
        is_same = is_same or (first != first and second != second)
        return None if is_same else f"{name} is {shortened(first)} and {shortened(second)}"
    return next(filter(None, (difference(*part, rtol, atol) for part in parts)), None)


def _array_difference(first: np.ndarray, second: np.ndarray, name: str, rtol: float, atol: float) -> str | None:
    if first.shape != second.shape or first.dtype != second.dtype:
        return f"{name} is {_form(first)} and {_form(second)}"
    if first.dtype == object:
        return difference(first.tolist(), second.tolist(), name, rtol, atol)
    if first.tobytes() == second.tobytes():
        return None
    same = (first == second) | ((first != first) & (second != second))
    if rtol or atol:
        same |= np.isclose(first, second, rtol, atol, equal_nan=True)
    unequal = np.argwhere(~same)
    if not len(unequal):
        return None
    index = tuple(map(int, unequal[0]))
    return f"{_element(name, index)} is {first[index]} and {second[index]}"


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
