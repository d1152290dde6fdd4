"""The arrays that a batch of Python environments lives in, in this process or shared with workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from puffer.native.buffers import BUFFER_NAMES, Buffers

# What a step of some copies writes and whoever asked for it reads, by row and by copy; finals only where an episode
# has ended.
OUTPUTS = ("observations", "rewards", "terminations", "truncations", "masks", "over")
# What the parent writes before a step.
INPUTS = ("actions", "late", "waiting")
_BY_COPY = ("late", "waiting", "over")

Form = tuple[tuple[int, ...], np.dtype]


@dataclass(frozen=True)
class RowsForm:
    """The sizes that the shapes of the arrays follow from. Travels to workers."""

    copies: int
    agents_per_env: int
    observation: Form
    action: Form

    def arrays(self) -> dict[str, Form]:
        """The shape and dtype of each array, by name."""
        rows, flag = self.copies * self.agents_per_env, np.dtype(np.bool_)
        observations = ((rows, *self.observation[0]), self.observation[1])
        return {
            "observations": observations,
            "actions": ((rows, *self.action[0]), self.action[1]),
            "rewards": ((rows,), np.dtype(np.float32)),
            **dict.fromkeys(("terminations", "truncations", "masks"), ((rows,), flag)),
            "finals": observations,
            **dict.fromkeys(_BY_COPY, ((self.copies,), flag)),
        }


class Rows:
    """The arrays of some copies.

    Attributes
    ----------
    form : RowsForm
    buffers : Buffers
        Observations, actions, rewards, terminations, truncations and masks.
    finals : (rows, ...)
        In the mode SameStep the last observation of each episode that ended in the last step.
    late : (copies,) bool
        Whether the coming step is the last that the time limit allows: the stepper truncates the copy.
    waiting : (copies,) bool
        Whether the episode of a copy has ended, so that its next step is the reset.
    over : (copies,) bool
        Whether the last step has ended the episode of a copy.
    """

    def __init__(self, form: RowsForm, given: Mapping[str, np.ndarray] | None = None) -> None:
        given = given or {}
        rows = form.copies * form.agents_per_env
        own = {name: given[name] for name in BUFFER_NAMES if name in given}
        self.form = form
        self.buffers = Buffers(rows, *form.observation, *form.action, own)
        rest = {
            name: given[name] if name in given else np.zeros(*array)
            for name, array in form.arrays().items()
            if name not in BUFFER_NAMES
        }
        self.finals, self.late, self.waiting, self.over = (rest[name] for name in ("finals", *_BY_COPY))

    def array(self, name: str) -> np.ndarray:
        """The array of that name."""
        return getattr(self.buffers if name in BUFFER_NAMES else self, name)

    def views(self, first: int, last: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Some of the arrays, as far as they belong to the copies first to last - 1."""
        agents = self.form.agents_per_env
        rows = slice(first * agents, last * agents)
        return {name: self.array(name)[first:last] if name in _BY_COPY else self.array(name)[rows] for name in names}

    def to_bytes(self, names: Sequence[str]) -> bytes:
        """The contents of some of the arrays."""
        return b"".join([self.array(name).tobytes() for name in names])

    def read_bytes(self, names: Sequence[str], message: bytes, start: int) -> int:
        """Fill some of the arrays with their contents in a message, from `start` on; returns where these end."""
        for name in names:
            array = self.array(name)
            array[...] = np.ndarray(array.shape, array.dtype, message, start)
            start += array.nbytes
        return start

    def part(self, first: int, last: int) -> Rows:
        """The rows of the copies first to last - 1."""
        return Rows(replace(self.form, copies=last - first), self.views(first, last, tuple(self.form.arrays())))
