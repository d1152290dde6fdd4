"""The block of memory that a batch and its workers share, and how its arrays lie in it."""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass

import numpy as np

from puffer.backends.books import Books
from puffer.native.buffers import Buffers

_ALIGNMENT = 64
# Each worker has a cache line of counters, and so has the parent.
LINE = 16


@dataclass(frozen=True)
class BlockShape:
    """What determines the arrays of a block. Travels to the workers."""

    workers: int
    copies: int
    agents_per_env: int
    observation_shape: tuple[int, ...]
    observation_dtype: np.dtype
    action_shape: tuple[int, ...]
    action_dtype: np.dtype

    def arrays(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Shape and dtype of each array."""
        rows = self.copies * self.agents_per_env
        flags = np.dtype(np.bool_)
        return {
            "counters": (((self.workers + 1) * LINE,), np.dtype(np.uint32)),
            "observations": ((rows, *self.observation_shape), self.observation_dtype),
            "actions": ((rows, *self.action_shape), self.action_dtype),
            "rewards": ((rows,), np.dtype(np.float32)),
            "terminations": ((rows,), flags),
            "truncations": ((rows,), flags),
            "masks": ((rows,), flags),
            **Books.forms(self.copies, ((rows, *self.observation_shape), self.observation_dtype)),
        }


class Block:
    """The arrays of a `BlockShape` in memory that other processes can map, given its file descriptor.

    The memory has no name, so it is gone with the last process that maps it, however that ends.

    Attributes
    ----------
    shape : BlockShape
    size : int
        Bytes.
    descriptor : int
    arrays : dict of str to array
    places : dict of str to int
        Where each array begins, in bytes.
    """

    def __init__(self, shape: BlockShape, descriptor: int | None = None) -> None:
        places, size = {}, 0
        for name, (array_shape, dtype) in shape.arrays().items():
            places[name] = size
            size += -(-int(np.prod(array_shape, dtype=np.int64)) * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT
        self.shape = shape
        self.size = size
        self.places = places
        self.descriptor = _nameless_file(size) if descriptor is None else descriptor
        self._memory = mmap.mmap(self.descriptor, size)
        self.arrays = {
            name: np.frombuffer(self._memory, dtype, int(np.prod(array_shape, dtype=np.int64)), places[name]).reshape(
                array_shape
            )
            for name, (array_shape, dtype) in shape.arrays().items()
        }

    def buffers(self, copies: slice) -> Buffers:
        """The buffers of a stretch of copies."""
        agents = self.shape.agents_per_env
        rows = slice(copies.start * agents, copies.stop * agents)
        names = ("observations", "actions", "rewards", "terminations", "truncations", "masks")
        shape = self.shape
        return Buffers(
            rows.stop - rows.start,
            shape.observation_shape,
            shape.observation_dtype,
            shape.action_shape,
            shape.action_dtype,
            {name: self.arrays[name][rows] for name in names},
        )

    def books(self) -> Books:
        """The books of all copies."""
        return Books(**{name: self.arrays[name] for name in Books._fields})

    def close(self) -> None:
        """Give the descriptor back. The memory goes when the last array over it does."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _nameless_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("puffer", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
