"""The nodes of a layout, for the other compiled modules."""
cimport numpy as cnp
from libc.stdint cimport int32_t


cdef class Node:
    cdef readonly str path

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1
    cdef object read(self, char* row, Py_ssize_t index)
    cdef int clear(self, char* row, Py_ssize_t index) except -1


cdef class LeafNode(Node):
    cdef readonly cnp.dtype dtype
    cdef readonly tuple shape
    cdef readonly Py_ssize_t offset
    cdef readonly tuple lead
    cdef readonly bint scalar
    cdef Py_ssize_t size
    cdef Py_ssize_t nbytes
    cdef int code
    cdef int type_num
    cdef int ndim
    cdef cnp.npy_intp[64] dims

    cdef int32_t integer(self, char* row, Py_ssize_t index) noexcept
    cdef bint _has_shape(self, cnp.ndarray array) noexcept
    cdef bint _write_number(self, object value, char* target) except -1
    cdef int _write_array(self, object value, char* target) except -1
    cdef object misfit(self, object value, object index=*)


cdef str brief(object value)
cdef tuple as_nodes(tuple children, Py_ssize_t expected)
cdef tuple as_tuple(Node node, object value)
