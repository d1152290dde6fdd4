# Points in the plane that agents push: actions of two kinds, and positions that come from Python. For boids and spread.
from libc.stdint cimport int32_t

from puffer._core cimport Buffers

# The actions of a batch, Discrete or Box; the other pointer is NULL.
cdef struct Actions:
    const int32_t* discrete
    const float* continuous


cdef inline Actions actions_of(Buffers buffers) except *:
    """The action buffer of a batch: one number per row if it is Discrete, several if it is a Box."""
    cdef Actions actions = Actions(discrete=NULL, continuous=NULL)
    cdef int32_t[::1] discrete
    cdef float[:, ::1] continuous
    if buffers.actions.ndim == 1:
        discrete = buffers.actions
        actions.discrete = &discrete[0]
    else:
        continuous = buffers.actions
        actions.continuous = &continuous[0, 0]
    return actions


cdef inline Actions from_row(Actions actions, Py_ssize_t row, int width) noexcept nogil:
    """The actions from a row on; `width` is the length of a Box action."""
    if actions.discrete != NULL:
        actions.discrete += row
    else:
        actions.continuous += width * row
    return actions


cdef inline object finite_pairs(str name, object value, int count, double limit):
    """`value` as an array of `count` pairs x, y, each smaller than `limit` in magnitude. Raises ValueError."""
    import numpy as np
    pairs = np.asarray(value)
    if pairs.shape != (count, 2) or pairs.dtype.kind not in "fiu" or not (np.abs(pairs) < limit).all():
        raise ValueError(f"{name} must be finite numbers of shape {(count, 2)}, got {pairs!r}")
    return pairs
