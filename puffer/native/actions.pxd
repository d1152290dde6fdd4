cimport numpy as cnp
from libc.stdint cimport int32_t, uint32_t

cdef cnp.ndarray as_array(object actions)


cdef class ActionReader:
    """Checks a batch of actions and copies it to the action buffer. see actions.pyx."""
    cdef readonly object space
    cdef readonly object copy_space
    cdef readonly object dtype
    cdef readonly tuple shape
    cdef readonly bint check
    cdef bint native
    # Whether the rows have a dtype, and the space bounds, that the vectorised pass knows.
    cdef bint fast
    cdef bint discrete
    cdef Py_ssize_t columns
    cdef int32_t[::1] low
    cdef uint32_t[::1] count

    cdef int take(self, cnp.ndarray actions, cnp.ndarray target) except -1
    cdef bint fits(self, cnp.ndarray actions, cnp.ndarray target) noexcept
    cdef bint take_array(self, cnp.ndarray actions, cnp.ndarray target, bint* good) noexcept
    cdef int take_slowly(self, cnp.ndarray actions, cnp.ndarray target) except -1
