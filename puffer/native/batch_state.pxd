from puffer.native.backend cimport Backend, Part
from puffer.native.results cimport Results

# Never reset; to be reset; ready to step; without a worker that is gone for good; closed.
cdef enum status_t:
    NEW
    UNSET
    READY
    BROKEN
    CLOSED


cdef class BatchState:
    """In which order a batch may be called. See batch_state.pyx."""
    cdef readonly Backend backend
    cdef readonly object spec
    cdef readonly object options
    cdef readonly Py_ssize_t num_copies
    cdef readonly Py_ssize_t agents_per_env
    cdef readonly Py_ssize_t num_agents
    cdef readonly bint independent_agents
    cdef status_t status
    # Whether a call is under way: 0, or 1 + the number of forks that led to this process.
    cdef int claimed
    cdef bint is_disabled
    cdef Results results
    cdef list parts
    cdef Py_ssize_t num_parts
    # Parts that wait for actions, and parts that wait for recv(), each in order.
    cdef object awaiting
    cdef list pending

    cdef int claim(self) except -1
    cdef int require_ready(self, str method) except -1
    cdef int require_settled(self, str method) except -1
    cdef int failed(self, object error) except -1
    cdef int drain(self, bint tolerant) except -1
