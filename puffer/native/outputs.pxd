cimport numpy as cnp

from puffer.native.buffers cimport Buffers


cdef class OutputSet(Buffers):
    """The arrays that one step returns. See outputs.pyx."""

    cdef bint is_held(self) noexcept


cdef class Outputs:
    """Sets of arrays for the results of steps. See outputs.pyx."""
    cdef Buffers home
    cdef object rows
    cdef list sets

    cdef OutputSet take(self)
    cdef OutputSet make(self)
    cdef OutputSet filled(self, Buffers source)
