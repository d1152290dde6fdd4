"""The arrays that a batch lives in: allocated here, or adopted from the caller after checking them."""
import itertools

import numpy as np

from libc.stdint cimport uintptr_t

# One cache line, which is also the widest vector register.
_ALIGNMENT = 64
_shifts = itertools.cycle(range(0, 4096, 576))
BUFFER_NAMES = ("observations", "actions", "rewards", "terminations", "truncations", "masks")


def aligned_zeros(shape, dtype):
    """A zeroed C-contiguous array whose memory starts on a cache line."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    # Arrays of a power-of-two size tend to lie a multiple of the page size apart. Shifted against each other, so that
    # the same rows of all of them do not compete for the same few sets of the first-level cache.
    shift = next(_shifts)
    block = np.zeros(size + _ALIGNMENT + shift, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT + shift
    return block[start:start + size].view(dtype).reshape(shape)


cdef class Buffers:
    """Buffers(rows, observation_shape, observation_dtype, action_shape, action_dtype, buf=None)
--

The arrays of one batch of `rows` rows.

Attributes
----------
observations : (rows, *observation_shape) of observation_dtype
actions : (rows, *action_shape) of action_dtype
rewards : (rows,) float32
terminations, truncations : (rows,) bool
masks : (rows,) bool
    True where the row's agent is alive.

`buf` maps any of these names to an array to use instead of new memory: a NumPy array, or something that shares
memory with one (a CPU torch tensor, an object with the buffer protocol). Its old contents are overwritten.

Raises TypeError for a `buf` that is no mapping or an entry that shares no memory with NumPy, ValueError for an
unknown name, a wrong dtype, shape or memory order, a read-only array, or two entries that overlap.
"""

    def __repr__(self):
        arrays = [(name, getattr(self, name)) for name in BUFFER_NAMES]
        shown = ", ".join([f"{name} {array.dtype}" for name, array in arrays])
        return f"<Buffers of {len(self.rewards)} rows: {shown}>"

    def __init__(self, Py_ssize_t rows, observation_shape, observation_dtype, action_shape, action_dtype, buf=None):
        specifications = {
            "observations": ((rows, *observation_shape), observation_dtype),
            "actions": ((rows, *action_shape), action_dtype),
            "rewards": ((rows,), np.float32),
            "terminations": ((rows,), np.bool_),
            "truncations": ((rows,), np.bool_),
            "masks": ((rows,), np.bool_),
        }
        given = _as_mapping(buf)
        arrays = {
            name: adopted_array(f"buf[{name!r}]", given[name], *form) if name in given else aligned_zeros(*form)
            for name, form in specifications.items()
        }
        refuse_overlap("buf", {name: arrays[name] for name in given})
        self.observations = arrays["observations"]
        self.actions = arrays["actions"]
        self.rewards = arrays["rewards"]
        self.terminations = arrays["terminations"]
        self.truncations = arrays["truncations"]
        self.masks = arrays["masks"]
        self.observation_memory = <char*><uintptr_t>self.observations.ctypes.data

    def rows(self, where):
        """The arrays of a slice of the rows, as a mapping for `buf`."""
        return {name: getattr(self, name)[where] for name in BUFFER_NAMES}


def _as_mapping(buf):
    if buf is None:
        return {}
    if isinstance(buf, Buffers):
        return {name: getattr(buf, name) for name in BUFFER_NAMES}
    try:
        given = dict(buf)
    except (TypeError, ValueError):
        raise TypeError(f"buf must map buffer names to arrays, got {type(buf).__name__}") from None
    for name in given:
        if name not in BUFFER_NAMES:
            raise ValueError(f"buf has no buffer {name!r}; its buffers are {', '.join(BUFFER_NAMES)}")
    return given


def _shared_array(name, given):
    """`given` as an array over the same memory."""
    if isinstance(given, np.ndarray):
        return given
    try:
        if hasattr(given, "numpy"):
            return given.numpy()
        if hasattr(given, "__dlpack__"):
            return np.from_dlpack(given)
        return np.asarray(memoryview(given))
    except (TypeError, RuntimeError, ValueError, BufferError) as error:
        raise TypeError(
            f"{name} must be an array or share memory with one, got {type(given).__name__} ({error})"
        ) from None


def adopted_array(name, given, shape, dtype):
    """`given` as an array of this shape and dtype over the same memory; the errors call it `name`."""
    array = _shared_array(name, given)
    dtype = np.dtype(dtype)
    if array.dtype != dtype:
        raise ValueError(f"{name} must have dtype {dtype}, got {array.dtype}")
    if array.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {array.shape}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous, got strides {array.strides} for shape {array.shape}")
    if not array.flags.aligned:
        raise ValueError(f"{name} must be aligned to its dtype {dtype}")
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writable, got a read-only array")
    return array


def refuse_overlap(what, arrays):
    """Raise ValueError if two of the arrays, which are entries of `what`, share memory."""
    names = list(arrays)
    for index, first in enumerate(names):
        for second in names[:index]:
            if np.shares_memory(arrays[first], arrays[second]):
                raise ValueError(f"{what}[{second!r}] and {what}[{first!r}] share memory; each needs its own")
