cimport numpy as cnp
from cpython.object cimport PyObject

from puffer.native.buffers cimport Buffers


cdef class OutputSet(Buffers):
    """The arrays that one step returns. See outputs.pyx."""


cdef class Outputs:
    """Sets of arrays for the results of steps. See outputs.pyx."""
    cdef Buffers home
    cdef object rows
    cdef Py_ssize_t num_rows
    cdef list sets
    # Of an array of a set, while it is looked at.
    cdef cnp.npy_intp[cnp.NPY_MAXDIMS] shape

    cdef bint is_unused(self, OutputSet one) noexcept
    cdef bint has_form(self, PyObject* array, cnp.ndarray like) noexcept
    cdef OutputSet take(self)
    cdef OutputSet make(self)
    cdef OutputSet filled(self, Buffers source)
