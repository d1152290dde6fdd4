"""The infos of a step: as steppers collect them, and merged into the form of Gymnasium's vector environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

# Infos of many rows: the first row, which of the rows from there on have them, and the arrays by name.
Columns = tuple[int, np.ndarray, dict[str, np.ndarray]]
# A row and its value for a key.
_Entry = tuple[int, Any]
_NUMBERS = (int, float, bool)


class Events:
    """The infos of a step; rows count within the copies of the stepper.

    Attributes
    ----------
    infos : list of (row, dict)
        Infos that are not empty.
    final_infos : list of (row, dict)
        Last infos of episodes that ended, in the mode SameStep, if they are not empty.
    columns : list of (row, present, dict)
        Infos of many rows from that row on: arrays by name, and which of the rows they belong to.
    """

    __slots__ = ("columns", "final_infos", "infos")

    def __init__(self) -> None:
        self.infos: list[tuple[int, dict[str, Any]]] = []
        self.final_infos: list[tuple[int, dict[str, Any]]] = []
        self.columns: list[Columns] = []

    def add(self, other: Events, rows: int) -> None:
        """Take over other events, whose row 0 is the row `rows` here."""
        self.infos += [(row + rows, info) for row, info in other.infos]
        self.final_infos += [(row + rows, info) for row, info in other.final_infos]
        self.columns += [(row + rows, present, arrays) for row, present, arrays in other.columns]

    def __bool__(self) -> bool:
        return bool(self.infos or self.final_infos or self.columns)


def merged(
    num_rows: int, infos: Iterable[tuple[int, dict[str, Any]]], columns: Iterable[Columns] = ()
) -> dict[str, Any]:
    """The info of a step or reset of `num_rows` rows: every key k has a bool mask _k. Empty when nothing is to tell.

    `infos` has those that are not empty, with their rows, and `columns` those of many rows at once. The values of a key
    are in one array of the type that holds all of them as they are, and dicts in one dict. An environment's own key _k
    takes the place of the mask of k.
    """
    entries: dict[Any, list[_Entry]] = {}
    for row, one in infos:
        for key, value in one.items():
            entries.setdefault(key, []).append((row, value))
    blocks: dict[Any, list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for first, present, arrays in columns:
        for key, values in arrays.items():
            blocks.setdefault(key, []).append((first, present, values))
    for key in list(blocks):
        if key in entries or len({(values.dtype, values.shape[1:]) for _, _, values in blocks[key]}) > 1:
            entries.setdefault(key, []).extend(_by_row(blocks.pop(key)))
    info: dict[Any, Any] = {}
    masks: dict[str, np.ndarray] = {}
    for key, of_key in entries.items():
        info[key] = _column(num_rows, of_key)
        mask = masks[f"_{key}"] = np.zeros(num_rows, np.bool_)
        mask[[row for row, _ in of_key]] = True
    for key, of_blocks in blocks.items():
        info[key], masks[f"_{key}"] = _joined(num_rows, of_blocks)
    info.update((key, mask) for key, mask in masks.items() if key not in info)
    return info


def _by_row(blocks: list[tuple[int, np.ndarray, np.ndarray]]) -> Iterator[_Entry]:
    for first, present, values in blocks:
        yield from ((first + row, values[row]) for row in present.nonzero()[0].tolist())


def _joined(num_rows: int, blocks: list[tuple[int, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The array of all rows, and its mask, of arrays of one dtype and shape."""
    first, present, values = blocks[0]
    if len(present) == num_rows and present.all():
        return values, present.copy()
    column, mask = np.zeros((num_rows, *values.shape[1:]), values.dtype), np.zeros(num_rows, np.bool_)
    for first, present, values in blocks:
        rows = slice(first, first + len(present))
        column[rows][present] = values[present]
        mask[rows] |= present
    return column, mask


def _column(num_rows: int, entries: list[_Entry]) -> Any:
    """The values of a key: in a dict if all are dicts, else in an array."""
    values = [value for _, value in entries]
    if all(isinstance(value, dict) for value in values):
        return merged(num_rows, entries)
    form = _form_of(values)
    column = np.full(num_rows, None, object) if form is None else np.zeros((num_rows, *form[1]), form[0])
    for row, value in entries:
        column[row] = value
    return column


def _form_of(values: list[Any]) -> tuple[np.dtype, tuple[int, ...]] | None:
    """The dtype and shape of a column that holds each of these values as it is; None if only objects do."""
    if {float} == {type(value) for value in values}:
        return np.dtype(np.float64), ()
    if not all(type(value) in _NUMBERS or isinstance(value, (np.number, np.bool_, np.ndarray)) for value in values):
        return None
    arrays = [np.asarray(value) for value in values]
    dtypes, shapes = {array.dtype for array in arrays}, {array.shape for array in arrays}
    if len(shapes) > 1:
        return None
    if len(dtypes) == 1:
        return dtypes.pop(), shapes.pop()
    kinds = {dtype.kind for dtype in dtypes}
    if kinds not in ({"U"}, {"S"}) and not kinds <= set("biufc"):
        return None
    dtype = np.result_type(*dtypes)
    if dtype.kind in "fc" and any(map(_goes_beyond_floats, arrays)):
        return None
    return dtype, shapes.pop()


def _goes_beyond_floats(array: np.ndarray) -> bool:
    """Whether there are integers that float64 may not hold."""
    return array.dtype.kind in "iu" and array.dtype.itemsize == 8 and bool(((array > 2**53) | (array < -(2**53))).any())
