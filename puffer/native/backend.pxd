cimport numpy as cnp
from libc.stdint cimport uint8_t

from puffer.native.buffers cimport Buffers
from puffer.native.outputs cimport Outputs


cdef class Part:
    """Copies that are sent and received together. See backend.pyx."""
    cdef readonly Py_ssize_t index
    # The copies [first, last), and their rows.
    cdef readonly Py_ssize_t first
    cdef readonly Py_ssize_t last
    cdef readonly object rows
    cdef cnp.ndarray actions
    cdef object observations, rewards, terminations, truncations
    # Where its results are copied to; None if steps write to where they are wanted.
    cdef Outputs outputs
    # Whether it is the whole batch.
    cdef bint is_whole
    # The EpisodeEnds of the step that was finished last, or None where none has ended.
    cdef public object ends
    # Whether recv() returns it as the last reset has left it, and the infos of that reset.
    cdef bint is_fresh
    cdef object reset_info
    # The value of pool_forks when it was sent.
    cdef int forks

    cdef int attach(self, Buffers buffers) except -1


cdef class Backend:
    """Steps the parts of a batch. See backend.pyx."""
    # Whether results are written into a rollout, which keeps them.
    cdef bint is_recording

    cdef Part make_part(self, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last, Py_ssize_t agents)
    cdef int check(self) except -1
    cdef object reset(self, object seed, object options, object copies, object rows)
    cdef int mask_actions(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) except -1
    cdef int start(self, Part part) except -1
    cdef object finish(self, Part part)
    cdef object step(self, Part part)
    cdef Py_ssize_t next_part(self, list pending) except -1
    cdef Py_ssize_t ended_copy(self, Part part) except -2
    cdef bint can_attach(self, Buffers home, Outputs outputs) except -1
    cdef int attach(self, Buffers buffers) except -1
    cdef object stats(self, list parts)
    cdef object get_state(self, object copies)
    cdef int set_state(self, object state, object copies) except -1
    cdef int redraw(self, Py_ssize_t copy) except -1
    cdef object render_copy(self, Py_ssize_t copy)
    cdef object ansi_copy(self, Py_ssize_t copy)
    cdef int close(self) except -1


cdef class BackendBase(Backend):
    """Base of backends written in Python. See backend.pyx."""
