from puffer.native.backend cimport Backend, Part
from puffer.native.buffers cimport Buffers
from puffer.native.outputs cimport Outputs
from puffer.native.rollout cimport Rollout


cdef class Results:
    """Where the results of a batch lie. See results.pyx."""
    cdef Backend backend
    # Those of the last results, and those in which the copies live.
    cdef readonly Buffers buffers
    cdef Buffers home
    cdef list parts
    # Whether one part is the whole batch.
    cdef bint is_whole
    # Sets of arrays for results; None if those are the live buffers. Whether steps write into them directly.
    cdef Outputs outputs
    cdef bint is_moving
    # Whether all of the last results were drawn by the batch and have not been returned by a step or a reset. How many
    # references there were to them when the batch turned to them.
    cdef bint is_drawn
    cdef Py_ssize_t references
    cdef Rollout rollout

    cdef int show(self, Buffers buffers) except -1
    cdef int write_to(self, Buffers buffers) except -1
    cdef Buffers written(self)
    cdef Buffers copied(self, Part part)
    cdef int renew(self, bint keep) except -1
    cdef bint is_held(self) noexcept
    cdef Py_ssize_t count_references(self) noexcept
    cdef int keep(self) except -1
    cdef int record(self, Rollout rollout) except -1
