"""Rows as values of the environment's own spaces, in the form that Gymnasium gives to a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.padding import branch_space
from puffer.layout.rows import LayoutError
from puffer.layout.walk import ARRAYS, Path, along, array_space, bounds, build, leaves, shortened


class NestedObservations:
    """Observations of a batch as values of the environment's own space.

    Parameters
    ----------
    layout : Layout
        Of the rows.
    own_space : Space, optional
        A space whose arrays have the numbers of a row in their order, in dtypes and shapes of their own; by default the
        space of the layout.

    Attributes
    ----------
    space : Space
        Of one row.
    is_flat : bool
        Whether the rows are these values already.
    """

    def __init__(self, layout: Layout, own_space: Space[Any] | None = None) -> None:
        self.space = layout.space if own_space is None else own_space
        self.is_flat = self.space is layout.flat_space
        self._layout = layout
        self._has_numbers = own_space is not None
        self._has_arrays = all(isinstance(leaf, ARRAYS) for _, leaf in leaves(self.space))

    def of_rows(self, rows: np.ndarray) -> Any:
        """The values of rows, (count, ...): dicts and tuples of arrays, which may be views of the rows.

        Where a space varies in size, a tuple with the value of each row.
        """
        if self.is_flat:
            return rows
        if self._has_numbers:
            return self._of_numbers(rows.reshape(len(rows), -1))
        if self._has_arrays:
            return self._layout.view(rows)
        values = [self._layout.value(row) for row in rows]
        return concatenate(self.space, values, create_empty_array(self.space, len(values)))

    def of_row(self, row: np.ndarray) -> Any:
        """The value of one row."""
        return self.of_each(row[np.newaxis])[0]

    def of_each(self, rows: np.ndarray) -> list[Any]:
        """The value of each of these rows."""
        if self.is_flat:
            return list(rows)
        if not self._has_numbers:
            return [self._layout.value(row) for row in rows]
        # How many there are does not matter to iterate().
        return list(iterate(batch_space(self.space, 1), self._of_numbers(rows.reshape(len(rows), -1))))

    def _of_numbers(self, rows: np.ndarray) -> Any:
        start = 0

        def part(path: Path, leaf: Any) -> np.ndarray:
            nonlocal start
            size = int(np.prod(leaf.shape))
            numbers = rows[:, start : start + size].astype(leaf.dtype)
            start += size
            return numbers.reshape(len(rows), *leaf.shape)

        return build(self.space, part)


class NestedActions:
    """Actions of the environment's own space as rows.

    Parameters
    ----------
    layout : ActionLayout
        Of the rows.

    Attributes
    ----------
    space : Space
        Of one action.
    is_flat : bool
        Whether actions are rows already.
    """

    def __init__(self, layout: ActionLayout) -> None:
        self.space = layout.space
        self.is_flat = layout.is_plain or isinstance(layout.space, spaces.Discrete)
        self._layout = layout

    def space_of(self, count: int, copy_space: Any = None) -> Space:
        """The space of the actions of `count` rows, in the form of Gymnasium's `batch_space`.

        `copy_space` has the flat rows of one copy, where those have bounds of their own.
        """
        if copy_space is None:
            return batch_space(self.space, count)
        low, high = (bound.reshape(len(bound), -1) for bound in bounds(copy_space, "action"))
        starts = iter([leaf.offset // self._layout.flat_space.dtype.itemsize for leaf in self._layout.leaves])

        def leaf_space(path: Path, leaf: Any) -> Space:
            start, shape = next(starts), leaf.shape
            if isinstance(leaf, spaces.MultiBinary):
                return batch_space(leaf, count)
            entries = slice(start, start + int(np.prod(shape, dtype=np.int64)))
            of_rows = (
                np.tile(bound[:, entries], (count // len(bound), 1)).reshape(count, *shape).astype(leaf.dtype)
                for bound in (low, high)
            )
            return array_space(spaces.Box if isinstance(leaf, spaces.Box) else spaces.MultiDiscrete, *of_rows)

        return build(self.space, leaf_space, branch_space)

    def rows_of_one(self, action: Any) -> np.ndarray:
        """The row of one action, (1, ...)."""
        return np.asarray(self._layout.flatten(action))[np.newaxis]

    def of_rows(self, rows: np.ndarray) -> Any:
        """A batch of actions in the form of Gymnasium's `batch_space`, of rows (count, ...)."""
        values = [self._layout.value(row) for row in rows]
        return concatenate(self.space, values, create_empty_array(self.space, len(values)))

    def rows_of(self, actions: Any, count: int) -> Any:
        """Rows, (count, ...), of a batch of `count` actions in the form of Gymnasium's `batch_space`.

        Raises ValueError for actions that nest otherwise or another number of them, LayoutError for one that does not
        fit the space.
        """
        if self.is_flat:
            return actions
        # Not Gymnasium's `iterate`, for which a batch of empty Tuples has no rows.
        columns = [
            _rows_in(part, count, f"actions{path.subscript}") for path, _, part in along(self.space, actions, "actions")
        ]
        return np.stack([self._row_of(row, arrays) for row, arrays in enumerate(zip(*columns, strict=True))])

    def _row_of(self, row: int, arrays: tuple[Any, ...]) -> Any:
        """The row of the action with these arrays."""
        rest = iter(arrays)
        try:
            return self._layout.flatten(build(self.space, lambda path, leaf: next(rest)))
        except LayoutError as error:
            raise LayoutError(f"row {row} of the actions: {error}") from None


def _rows_in(part: Any, count: int, name: str) -> list[Any]:
    """The rows of one array of a batch of actions."""
    try:
        rows = list(part)
    except TypeError:
        raise ValueError(f"{name} must have {count} rows, got {shortened(part)}") from None
    if len(rows) != count:
        raise ValueError(f"{name} must have {count} rows, got {len(rows)}")
    return rows
