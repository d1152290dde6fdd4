from libc.stdint cimport int64_t, uint8_t

from puffer.native.backend cimport Backend
from puffer.native.buffers cimport Buffers

# Where masks come from: written by the rules of a native environment, or parts of observations, or of infos.
cdef enum source_t:
    RULES
    OBSERVATIONS
    INFOS


cdef class ActionMasks:
    """The legal actions of every row of a batch. See action_masks.pyx."""
    # bool (rows, columns); None until somebody asks, or an info has brought some.
    cdef readonly object array
    # Whether resets and steps call `update`.
    cdef readonly bint is_followed
    cdef readonly source_t source
    cdef Backend backend
    cdef object spec
    cdef object space
    cdef Py_ssize_t num_rows, agents, columns
    # The array as bytes.
    cdef object octets
    cdef uint8_t[:, ::1] marks
    # By agent of a copy: the actions in its range.
    cdef uint8_t[:, ::1] allowed
    cdef bint has_ranges
    # By number in an action: where its columns end.
    cdef int64_t[::1] bounds
    cdef object starts
    cdef str problem

    cdef int follow(self) except -1
    cdef object shown(self)
    cdef int update(self, Py_ssize_t first, Py_ssize_t last, Buffers results, object info, object rows) except -1
    cdef int take(self, object values, Py_ssize_t first, Py_ssize_t count, object chosen) except -1
    cdef int take_info(self, object info, Py_ssize_t first, Py_ssize_t count, object rows) except -1
    cdef void complete(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef object draw(self, Py_ssize_t first, Py_ssize_t last, object generator)
