"""The memory of a rollout: one block made here, of NumPy or torch, or arrays that the caller gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer.native.buffers import adopted_array, aligned_zeros, refuse_overlap

Forms = Mapping[str, tuple[tuple[int, ...], np.dtype]]

# Every array begins on a cache line.
_LINE = 64


def arena_of(forms: Forms, torch: bool, pinned: bool) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
    """One block of memory, the arrays in it, and what users are shown: these arrays, or tensors of torch.

    Raises TypeError for pinned memory without torch, ImportError without the package, and what torch raises if it can
    pin no memory.
    """
    if pinned and not torch:
        raise TypeError("pinned memory is torch's: pass torch=True too")
    offsets, size = {}, 0
    for name, (shape, dtype) in forms.items():
        offsets[name] = size
        size += -(-int(np.prod(shape, dtype=np.int64)) * dtype.itemsize // _LINE) * _LINE
    arena = _tensor(size, pinned) if torch else aligned_zeros((size,), np.uint8)
    block = arena.numpy() if torch else arena
    arrays = {
        name: block[offsets[name] :][: int(np.prod(shape, dtype=np.int64)) * dtype.itemsize].view(dtype).reshape(shape)
        for name, (shape, dtype) in forms.items()
    }
    return arena, arrays, {name: _as_tensor(array) for name, array in arrays.items()} if torch else dict(arrays)


def _tensor(size: int, pinned: bool) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError("torch=True needs the package torch: pip install torch") from None
    return torch.zeros(size, dtype=torch.uint8, pin_memory=pinned)


def _as_tensor(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(array)


def adopted(forms: Forms, given: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays over memory that the caller gives, new ones for what is not given, and what users are shown.

    Raises TypeError or ValueError, with the name, for memory that cannot be used.
    """
    try:
        given = dict(given)
    except (TypeError, ValueError):
        raise TypeError(f"buffers must map names to arrays, got {type(given).__name__}") from None
    for name in given:
        if name not in forms:
            raise ValueError(f"buffers has no array {name!r}; its arrays are {', '.join(forms)}")
    arrays = {
        name: adopted_array(f"buffers[{name!r}]", given[name], *form) if name in given else aligned_zeros(*form)
        for name, form in forms.items()
    }
    refuse_overlap("buffers", {name: arrays[name] for name in given})
    return arrays, {**arrays, **given}
