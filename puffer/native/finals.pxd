cimport numpy as cnp
from libc.stdint cimport int64_t

from puffer.native.ends cimport EpisodeEnds


cdef class FinalObjects:
    """The arrays of a `final_obs`, which are used again. See finals.pyx."""
    cdef cnp.ndarray objects
    cdef object object_dtype
    cdef cnp.npy_intp length
    cdef list arrays
    cdef Py_ssize_t most_arrays
    # The elements of `objects` that were filled last, and how many they are.
    cdef cnp.ndarray filled_array
    cdef int64_t* filled
    cdef Py_ssize_t count

    cdef bint is_free(self)
    cdef int clear(self) except -1
    cdef cnp.ndarray fill(self, EpisodeEnds ends)


cdef object final_objects(EpisodeEnds ends)
cdef object final_values(EpisodeEnds ends, object values_of)
