"""The rows of a layout, for the other compiled modules."""
cimport numpy as cnp

from puffer.layout.rows cimport Node


cdef class RowPlan:
    cdef readonly cnp.dtype dtype
    cdef readonly Py_ssize_t row_size
    cdef Node _root
    cdef tuple _gaps
    cdef int _flat_type

    cdef int write_row(self, object value, char* row) except -1
    cdef cnp.ndarray _memory(self, object rows, Py_ssize_t nbytes)
    cdef int _write(self, object value, cnp.ndarray memory, Py_ssize_t start) except -1
