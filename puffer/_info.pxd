cimport numpy as cnp
from libc.stdint cimport int32_t, uint8_t

cdef class EpisodeEnds:
    """What a step recorded about the episodes that ended in it. See _info.pyx."""
    cdef cnp.ndarray mask_array, observation_array, return_array, length_array, time_array
    # The memory of these arrays, for the step loop; final_observations and times are NULL where not recorded.
    cdef uint8_t* mask
    cdef char* final_observations
    cdef double* returns
    cdef int32_t* lengths
    cdef double* times
    cdef Py_ssize_t rows
    cdef bint record_episodes

cdef class Info(dict):
    """The info of a step. See _info.pyx."""
    cdef EpisodeEnds ends

    @staticmethod
    cdef Info over(EpisodeEnds ends)
    cdef int fill(self) except -1
