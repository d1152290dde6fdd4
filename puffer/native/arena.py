"""The memory of a rollout: one block made here, of NumPy or torch, or arrays that the caller gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer.native.buffers import BUFFER_NAMES, Buffers, adopted_array, aligned_zeros, refuse_overlap

Forms = Mapping[str, tuple[tuple[int, ...], np.dtype]]

# Every array begins on a cache line.
_LINE = 64


def arena_of(forms: Forms, torch: bool, pinned: bool) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
    """One block of memory, the arrays in it, and what users are shown: these arrays, or tensors of torch.

    Raises TypeError for pinned memory without torch, ImportError without the package, and what torch raises if it can
    pin no memory.
    """
    if torch:
        return _arena_of_torch(forms, pinned)
    if pinned:
        raise TypeError("pinned memory is torch's: pass torch=True too")
    arena = aligned_zeros((_size(forms),), np.uint8)
    arrays = _divided(arena, forms)
    return arena, arrays, dict(arrays)


def _arena_of_torch(forms: Forms, pinned: bool) -> tuple[Any, dict[str, np.ndarray], dict[str, Any]]:
    try:
        import torch
    except ImportError:
        raise ImportError("torch=True needs the package torch: pip install torch") from None
    # Tensors on the CPU that may be trained with, whatever device and mode the caller has set.
    with torch.inference_mode(False):
        arena = torch.zeros(_size(forms), dtype=torch.uint8, device="cpu", pin_memory=pinned)
        arrays = _divided(arena.numpy(), forms)
        return arena, arrays, {name: torch.from_numpy(array) for name, array in arrays.items()}


def _bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize


def _lines(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return -(-_bytes(shape, dtype) // _LINE)


def _size(forms: Forms) -> int:
    return _LINE * sum(_lines(*form) for form in forms.values())


def _divided(block: np.ndarray, forms: Forms) -> dict[str, np.ndarray]:
    """The arrays in a block of memory, one after the other."""
    arrays, offset = {}, 0
    for name, (shape, dtype) in forms.items():
        arrays[name] = block[offset : offset + _bytes(shape, dtype)].view(dtype).reshape(shape)
        offset += _LINE * _lines(shape, dtype)
    return arrays


def adopted(forms: Forms, given: Any, batch: Buffers) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays over memory that the caller gives, new ones for what is not given, and what users are shown.

    Raises TypeError or ValueError, with the name, for memory that cannot be used, such as that of the batch.
    """
    try:
        given = dict(given)
    except (TypeError, ValueError):
        raise TypeError(f"buffers must map names to arrays, got {type(given).__name__}") from None
    for name in given:
        if name not in forms:
            raise ValueError(f"buffers has no array {name!r}; its arrays are {', '.join(forms)}")
    arrays = {
        name: np.asarray(adopted_array(f"buffers[{name!r}]", given[name], *form))
        if name in given
        else aligned_zeros(*form)
        for name, form in forms.items()
    }
    refuse_overlap("buffers", {name: arrays[name] for name in given})
    for name in given:
        for own in BUFFER_NAMES:
            if np.may_share_memory(arrays[name], getattr(batch, own)):
                raise ValueError(f"buffers[{name!r}] shares memory with the {own} of the batch; it needs its own")
    # Tensors stay tensors. Others may lack what arrays can do: a memoryview has no slices of several dimensions.
    return arrays, {**arrays, **{name: memory for name, memory in given.items() if hasattr(memory, "numpy")}}
