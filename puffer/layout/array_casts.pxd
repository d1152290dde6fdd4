"""Checked casts of whole arrays, for the other compiled modules."""
cimport numpy as cnp


cdef int code_of(object dtype) except -1
cdef object exact(object values, object array)
cdef Py_ssize_t cast_array(cnp.ndarray array, int code, char* target) except -2
