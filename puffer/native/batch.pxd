from puffer.native.actions cimport ActionReader
from puffer.native.backend cimport Backend, Part
from puffer.native.buffers cimport Buffers
from puffer.native.outputs cimport Outputs
from puffer.native.rollout cimport Rollout

# Never reset; to be reset; ready to step; without a worker that is gone for good; closed.
cdef enum status_t:
    NEW
    UNSET
    READY
    BROKEN
    CLOSED


cdef class Batch:
    """Resets and steps a batch, whatever steps its copies. See batch.pyx."""
    cdef readonly Backend backend
    cdef readonly object spec
    cdef readonly object options
    # Those of the last results, and those in which the copies live.
    cdef readonly Buffers buffers
    cdef Buffers home
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
    cdef Rollout rollout
    # Sets of arrays for results; None if those are the live buffers. Whether steps write into them directly.
    cdef Outputs outputs
    cdef bint is_moving
    # Whether rows may show agents of their copy as they were before these were reset.
    cdef bint is_outdated
    cdef list parts
    cdef Py_ssize_t num_parts
    # Parts that wait for actions, and parts that wait for recv(), each in order.
    cdef object awaiting
    cdef list pending
    # What `ends` shows; None where no episode has ended, until somebody asks.
    cdef object last_ends
    cdef object last_rows

    cdef int show(self, Buffers buffers) except -1
    cdef int write_to(self, Buffers buffers) except -1
    cdef int record(self, Rollout rollout) except -1
    cdef int renew(self, bint keep) except -1
    cdef int redraw_but(self, object written) except -1
    cdef Buffers copied(self, Part part)
    cdef tuple result(self, Part part, object info, bint is_stepped)
    cdef Buffers written(self)
    cdef int seen(self) except -1
    cdef int claim(self) except -1
    cdef int require_ready(self, str method) except -1
    cdef int require_settled(self, str method) except -1
    cdef Part prepare(self, object actions)
    cdef int send_part(self, object actions) except -1
    cdef tuple receive_part(self)
    cdef int drain(self, bint tolerant) except -1
    cdef int failed(self, object error) except -1
