"""Which actions the rows of a batch may take now, from the masks that environments give with observations or infos."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from puffer.layout.observation import Layout
from puffer.layout.walk import bounds

KEY = "action_mask"


class Choices:
    """The numbers that an action consists of, and what can be chosen for each.

    Parameters
    ----------
    space : Discrete or MultiDiscrete
        The action space of a row.
    batch_space : gymnasium.Space or None
        That of all rows, if their ranges differ.

    Attributes
    ----------
    width : int
        The entries of a mask: one for each choice, the numbers of a MultiDiscrete one after the other.

    """

    def __init__(self, space: Space, batch_space: Space | None) -> None:
        sizes = np.atleast_1d(space.n if isinstance(space, spaces.Discrete) else space.nvec).ravel()
        self._shape, self._dtype = space.shape, space.dtype
        self._start = np.atleast_1d(space.start).ravel()
        self.width = int(sizes.sum())
        # The entries of each number, and for shorter ones an entry after the last.
        places = np.arange(sizes.max())
        self._table = np.where(places < sizes[:, None], (np.cumsum(sizes) - sizes)[:, None] + places, self.width)
        self.ranges = None if batch_space is None else self._ranges(sizes, batch_space)

    def _ranges(self, sizes: np.ndarray, batch_space: Space) -> np.ndarray:
        """Which choices are in the ranges of each row, bool (rows, width)."""
        number = np.repeat(np.arange(len(sizes)), sizes)
        action = np.arange(self.width) - (np.cumsum(sizes) - sizes)[number] + self._start[number]
        low, high = (bound.reshape(-1, len(sizes))[:, number] for bound in bounds(batch_space, "action"))
        return (low <= action) & (action <= high)

    def sample(self, masks: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Random actions, one for each row: legal ones, and any of its range where a row has no legal one."""
        scores = np.full((len(masks), self.width + 1), -1.0, np.float32)
        scores[:, :-1] = random.random(masks.shape, np.float32) + masks
        if self.ranges is not None:
            scores[:, :-1][~self.ranges] = -1
        actions = scores[:, self._table].argmax(axis=2) + self._start
        return actions.reshape(len(masks), *self._shape).astype(self._dtype)


def can_have_masks(space: Space) -> bool:
    """Whether there are masks for actions of this space."""
    return isinstance(space, (spaces.Discrete, spaces.MultiDiscrete))


def observed(layout: Layout, observations: np.ndarray, choices: Choices) -> np.ndarray | None:
    """The masks that are an entry of the observations, or None. Live, if they have a byte for each action."""
    space = layout.space
    if not (isinstance(space, spaces.Dict) and KEY in space.spaces):
        return None
    values = layout.view(observations)[KEY]
    values = values.reshape(len(values), -1)
    if values.shape[1] != choices.width:
        raise ValueError(f"{KEY} of an observation must have {choices.width} entries, got {values.shape[1]}")
    low, high = bounds(space.spaces[KEY], "observation")
    is_flag = values.itemsize == 1 and (low >= 0).all() and (high <= 1).all()
    return values.view(np.bool_) if is_flag else values != 0


class ToldMasks:
    """The masks of all rows where infos have them. They are read when somebody asks.

    Parameters
    ----------
    rows : int
    choices : Choices
    """

    def __init__(self, rows: int, choices: Choices) -> None:
        self._masks = np.ones((rows, choices.width), np.bool_)
        self._choices = choices
        # By the first row of a part, or None, what has not been read: the rows of the info and those it is about.
        self._unread: dict[Any, tuple[Any, Any, Any, Any]] = {}

    def begin(self, info: dict[str, Any], rows: np.ndarray | None = None) -> None:
        """Take the info of a reset of these rows of the batch, or of all."""
        if rows is None:
            self._keep(None, slice(None), slice(None), info)
            return
        self._keep(object(), slice(None), rows, info)
        # So that they do not pile up. Whoever asks for the masks is told what is wrong with them.
        with contextlib.suppress(ValueError):
            self.read()

    def take(self, info: dict[str, Any]) -> None:
        """Take the info of a step, of the batch or of a part; or that of a reset which `recv` returns."""
        part = info.get("env_id")
        self._keep(None if part is None else int(part[0]), slice(None) if part is None else part, slice(None), info)

    def _keep(self, key: Any, part: np.ndarray | slice, about: np.ndarray | slice, info: dict[str, Any]) -> None:
        # What is about the same rows is not needed any more.
        if key is None:
            self._unread.clear()
        self._unread.pop(key, None)
        self._unread[key] = part, about, info.get(KEY), info.get(f"_{KEY}")

    def read(self) -> np.ndarray:
        """The masks as last told, bool (rows, width), live; True in rows whose last info had none.

        Raises ValueError for masks of another size.
        """
        for key, (part, about, values, present) in list(self._unread.items()):
            masks, ranges = self._masks[part], None if self._choices.ranges is None else self._choices.ranges[part]
            masks[about] = True if ranges is None else ranges[about]
            if isinstance(values, np.ndarray) and values.dtype != object and values[0].size == self._choices.width:
                masks[present] = values[present].reshape(-1, self._choices.width) != 0
            elif values is not None:
                for row in np.flatnonzero(present).tolist():
                    masks[row] = self._of_row(values[row], None if ranges is None else ranges[row])
            # Of a part it was a copy.
            self._masks[part] = masks
            del self._unread[key]
        return self._masks

    def _of_row(self, value: Any, choices: np.ndarray | None) -> np.ndarray:
        """The mask of a row that has these choices."""
        # A MultiDiscrete may have an array for each of its numbers.
        parts = value if isinstance(value, (tuple, list)) else [value]
        flat = np.concatenate([np.ravel(one) for one in parts]) != 0
        if len(flat) == self._choices.width:
            return flat
        mask = np.zeros(self._choices.width, np.bool_)
        # Agents with fewer actions may have shorter masks.
        if choices is None or len(flat) != choices.sum():
            raise ValueError(f"{KEY} of an info must have {self._choices.width} entries, got {len(flat)}")
        mask[choices] = flat
        return mask
