cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t

from puffer.native.backend cimport Part
from puffer.native.buffers cimport Buffers
from puffer.native.targets cimport target_t

cdef enum:
    MOST_TARGETS = 9


cdef class Rollout:
    """The arrays of a whole training batch, into which steps are written. See rollout.pyx."""
    cdef readonly Py_ssize_t horizon
    cdef readonly str layout
    cdef readonly object arena
    # By name, and as users see them: NumPy arrays, or tensors.
    cdef dict own
    cdef dict shown
    # Whether memory that is made is torch's, and pinned.
    cdef bint of_torch, pinned
    cdef target_t targets[MOST_TARGETS]
    cdef Py_ssize_t num_rows, agents, group
    cdef bint same_step, next_step
    cdef bint widens_actions
    # By part: steps written, since the last reset or wrap.
    cdef int64_t[::1] counts
    cdef list logs
    # By row: whether it takes part in the next step, and whether an episode begins with the observation before that.
    cdef uint8_t[::1] alive
    cdef uint8_t[::1] begins
    # By row, the first one of each episode's group: whether the next step of it is a reset.
    cdef uint8_t[::1] over
    # Where steps write directly: the buffers of each step, and of the first observations; else None.
    cdef list step_buffers
    cdef Buffers first_buffers

    cdef int require_made(self) except -1
    cdef int lead_to(self, Buffers home) except -1
    cdef int begin(self, Part part, cnp.ndarray action_masks) except -1
    cdef int keep_action_masks(self, cnp.ndarray live) except -1
    cdef int record(self, Part part, Buffers results) except -1
    cdef int restart(self, object rows, Buffers results) except -1
    cdef int see(self, Buffers results) except -1
    cdef int carry_over(self, Py_ssize_t first, Py_ssize_t last) except -1
    cdef int follow(self, Py_ssize_t step, Py_ssize_t first, Py_ssize_t last, const uint8_t* terminations,
                    const uint8_t* truncations, const uint8_t* live) except -1
    cdef int follow_group(self, Py_ssize_t first, const uint8_t* terminations, const uint8_t* truncations,
                          const uint8_t* live, uint8_t* took_part) except -1
