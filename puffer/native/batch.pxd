cimport numpy as cnp

from puffer.native.actions cimport ActionReader
from puffer.native.buffers cimport Buffers

# Never reset; to be reset; ready to step; without a worker that is gone for good; closed.
cdef enum status_t:
    NEW
    UNSET
    READY
    BROKEN
    CLOSED


cdef class Part:
    """Copies that are sent and received together. See batch.pyx."""
    cdef readonly Py_ssize_t index
    # The copies [first, last), and their rows.
    cdef readonly Py_ssize_t first
    cdef readonly Py_ssize_t last
    cdef readonly object rows
    cdef cnp.ndarray actions
    cdef object observations, rewards, terminations, truncations
    # Whether recv() returns it as the last reset has left it.
    cdef bint is_fresh
    # The value of pool_forks when it was sent.
    cdef int forks

    cdef int attach(self, Buffers buffers) except -1


cdef class Backend:
    """Steps the parts of a batch. See batch.pyx."""

    cdef Part make_part(self, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last, Py_ssize_t agents)
    cdef int check(self) except -1
    cdef object reset(self, object seed, object copies, object rows)
    cdef int start(self, Part part) except -1
    cdef object finish(self, Part part)
    cdef object step(self, Part part)
    cdef Py_ssize_t next_part(self, list pending) except -1
    cdef Py_ssize_t ended_copy(self, Part part) except -2
    cdef int attach(self, Buffers buffers) except -1
    cdef object stats(self, list parts)
    cdef object get_state(self, list copies)
    cdef int set_state(self, object state, list copies) except -1
    cdef object render_copy(self, Py_ssize_t copy)
    cdef object ansi_copy(self, Py_ssize_t copy)
    cdef int close(self) except -1


cdef class BackendBase(Backend):
    """Base of backends written in Python. See batch.pyx."""


cdef class Batch:
    """Resets and steps a batch, whatever steps its copies. See batch.pyx."""
    cdef readonly Backend backend
    cdef readonly object spec
    cdef readonly object options
    cdef readonly Buffers buffers
    cdef readonly Py_ssize_t num_copies
    cdef readonly Py_ssize_t agents_per_env
    cdef readonly Py_ssize_t num_agents
    cdef readonly bint independent_agents
    cdef status_t status
    # Whether a call is under way: 0, or 1 + the number of forks that led to this process.
    cdef int claimed
    cdef bint is_disabled
    cdef ActionReader reader
    cdef object action_layout
    cdef object rollout
    cdef list parts
    cdef Py_ssize_t num_parts
    # Parts that wait for actions, and parts that wait for recv(), each in order.
    cdef object awaiting
    cdef list pending

    cdef int show(self, Buffers buffers) except -1
    cdef int claim(self) except -1
    cdef int require_ready(self, str method) except -1
    cdef int require_settled(self, str method) except -1
    cdef Part prepare(self, object actions)
    cdef int send_part(self, object actions) except -1
    cdef tuple receive_part(self)
    cdef int drain(self, bint tolerant) except -1
    cdef int failed(self, object error) except -1
