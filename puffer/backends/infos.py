"""The infos of a step: as steppers collect them, and merged into the form of Gymnasium's vector environments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


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
        self.columns: list[tuple[int, np.ndarray, dict[str, np.ndarray]]] = []

    def add(self, other: Events, rows: int) -> None:
        """Take over other events, whose row 0 is the row `rows` here."""
        self.infos += [(row + rows, info) for row, info in other.infos]
        self.final_infos += [(row + rows, info) for row, info in other.final_infos]
        self.columns += [(row + rows, present, arrays) for row, present, arrays in other.columns]

    def __bool__(self) -> bool:
        return bool(self.infos or self.final_infos or self.columns)


def merged(
    num_rows: int,
    infos: Iterable[tuple[int, dict[str, Any]]],
    columns: Iterable[tuple[int, np.ndarray, dict[str, np.ndarray]]] = (),
) -> dict[str, Any]:
    """The info of a step or reset of `num_rows` rows: every key k has a bool mask _k. Empty when nothing is to tell.

    `infos` has those that are not empty, with their rows. `columns` has infos of many rows at once: the first row,
    which of the rows from there on have them, and the arrays.
    """
    info: dict[str, Any] = {}
    for row, one in infos:
        _add(info, one, row, num_rows)
    for first, present, arrays in columns:
        _add_columns(info, arrays, slice(first, first + len(present)), present, num_rows)
    return info


def add_finals(
    info: dict[str, Any], ended: np.ndarray, finals: np.ndarray, final_infos: Iterable[tuple[int, dict[str, Any]]]
) -> None:
    """Put the last observations, copies of those rows of `finals` that are True in `ended`, and infos into `info`."""
    observations = np.full(len(ended), None, object)
    for row in ended.nonzero()[0]:
        observations[row] = finals[row].copy()
    info["final_obs"] = observations
    info["_final_obs"] = ended
    info["final_info"] = merged(len(ended), final_infos)
    info["_final_info"] = ended.copy()


def add_episodes(info: dict[str, Any], ended: np.ndarray, episodes: np.ndarray) -> None:
    """Put the returns, lengths and seconds, (rows, 3), of the episodes of rows that are True in `ended` into `info`."""
    known = ended & ~np.isnan(episodes[:, 0])
    # An environment wrapped in RecordEpisodeStatistics reports its own.
    if "episode" in info or not known.any():
        return
    returns, lengths, seconds = np.where(known[:, np.newaxis], episodes, 0).T
    info["episode"] = {"r": returns, "l": lengths.astype(np.int64), "t": seconds.round(6)}
    info["_episode"] = known


def _add(info: dict[str, Any], one: dict[str, Any], row: int, num_rows: int) -> None:
    for key, value in one.items():
        mask_key = f"_{key}"
        if mask_key not in info:
            info[key] = _empty(value, num_rows)
            info[mask_key] = np.zeros(num_rows, np.bool_)
        column = info[key]
        if isinstance(value, dict) and isinstance(column, dict):
            _add(column, value, row, num_rows)
        elif isinstance(column, np.ndarray) and _fits(column, value):
            column[row] = value
        else:
            info[key] = _widened(column, value, info[mask_key])
            info[key][row] = value
        info[mask_key][row] = True


def _add_columns(
    info: dict[str, Any], arrays: dict[str, np.ndarray], rows: slice, present: np.ndarray, num_rows: int
) -> None:
    has_all = len(present) == num_rows and present.all()
    for key, values in arrays.items():
        if has_all and key not in info:
            info[key], info[f"_{key}"] = values, present.copy()
            continue
        if key not in info:
            info[key] = np.zeros((num_rows, *values.shape[1:]), values.dtype)
            info[f"_{key}"] = np.zeros(num_rows, np.bool_)
        info[key][rows][present] = values[present]
        info[f"_{key}"][rows] |= present


def _empty(value: Any, num_rows: int) -> Any:
    """What holds the values of a key of which `value` is the first."""
    if isinstance(value, dict):
        return {}
    if type(value) in (int, float, bool) or isinstance(value, (np.number, np.bool_)):
        return np.zeros(num_rows, type(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return np.zeros((num_rows, *value.shape), value.dtype)
    return np.full(num_rows, None, object)


def _fits(column: np.ndarray, value: Any) -> bool:
    """Whether a column can take a value as it is; a later row may hold something else than the first."""
    if column.dtype == object:
        return True
    if isinstance(value, np.ndarray):
        # Longer strings would lose their ends.
        casting: Any = "same_kind" if value.dtype.kind in "iufc" else "safe"
        return value.shape == column.shape[1:] and np.can_cast(value.dtype, column.dtype, casting)
    if type(value) not in (int, float, bool) and not isinstance(value, (np.number, np.bool_)):
        return False
    if column.dtype.kind == "i" and not isinstance(value, (bool, np.bool_)) and abs(value) > np.iinfo(column.dtype).max:
        return False
    return column.ndim == 1 and np.can_cast(np.asarray(value).dtype, column.dtype, "same_kind")


def _widened(column: Any, value: Any, mask: np.ndarray) -> np.ndarray:
    """A column that can take `value` as well: a float after integers must not lose its fraction."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "iu" and isinstance(value, (float, np.floating)):
        return column.astype(np.float64)
    return _as_objects(column, mask)


def _as_objects(column: Any, mask: np.ndarray) -> np.ndarray:
    """A column as one of objects."""
    objects = np.full(len(mask), None, object)
    for row in np.flatnonzero(mask):
        objects[row] = _of_row(column, row)
    return objects


def _of_row(column: Any, row: int) -> Any:
    """The value of a row, as its environment gave it."""
    if not isinstance(column, dict):
        return column[row]
    masks = {key: column.get(f"_{key}") for key in column}
    return {
        key: _of_row(values, row)
        for key, values in column.items()
        if isinstance(masks[key], np.ndarray) and masks[key].dtype == np.bool_ and masks[key][row]
    }
