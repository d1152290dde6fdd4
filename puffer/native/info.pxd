from libc.stdint cimport int32_t, int64_t


# A stretch of the arrays of EpisodeEnds that one thread wrote: entries [start, start + count).
cdef struct stretch_t:
    int64_t start
    int64_t count


cdef class EpisodeEnds:
    """What a step recorded about the episodes that ended in it. see info.pyx."""
    cdef object row_array, observation_array, return_array, length_array, time_array
    # The memory of these arrays, for the step loop; final_observations and times are NULL where not recorded.
    cdef int64_t* rows
    cdef char* final_observations
    cdef double* returns
    cdef int32_t* lengths
    cdef double* times
    cdef Py_ssize_t num_rows
    cdef list stretches
    # Whether somebody may hold views of these arrays, so that they must not be written again.
    cdef readonly bint is_out

    cdef int take(self, Py_ssize_t first_row, stretch_t* stretches, int count) except -1


cdef class Info(dict):
    """The info of a step. see info.pyx."""
    cdef EpisodeEnds ends
    # A function that makes the infos of rows, or None, and the mask of these rows, or None for all.
    cdef object of_rows
    cdef object mask

    @staticmethod
    cdef Info over(EpisodeEnds ends, object of_rows, object mask)
    cdef int fill(self) except -1
