"""A block of memory that several processes share, and the arrays in it."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping

import numpy as np

_ALIGNMENT = 64


class Block:
    """Arrays in memory that other processes can map, given its file descriptor.

    The memory has no name, so it is gone with the last process that maps it, however that ends.

    Parameters
    ----------
    forms : mapping of str to (shape, dtype)
        The arrays.
    descriptor : int, optional
        Of a block with the same arrays; by default a new one is made.

    Attributes
    ----------
    descriptor : int
    arrays : dict of str to array
    """

    def __init__(self, forms: Mapping[str, tuple[tuple[int, ...], np.dtype]], descriptor: int | None = None) -> None:
        offsets, size = {}, 0
        for name, (shape, dtype) in forms.items():
            offsets[name] = size
            size += -(-_count(shape) * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT
        self.descriptor = _nameless_file(size) if descriptor is None else descriptor
        memory = mmap.mmap(self.descriptor, size)
        self.arrays = {
            name: np.frombuffer(memory, dtype, _count(shape), offsets[name]).reshape(shape)
            for name, (shape, dtype) in forms.items()
        }

    def close(self) -> None:
        """Give the descriptor back. The memory goes when the last array over it does."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _nameless_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("puffer", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
