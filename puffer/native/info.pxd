from puffer.native.ends cimport EpisodeEnds


cdef class Info(dict):
    """The info of a step. See info.pyx."""
    # What the entries that have not been made are made of.
    cdef EpisodeEnds ends
    cdef object final_info
    cdef object values_of

    @staticmethod
    cdef Info over(EpisodeEnds ends, bint has_finals, bint has_episodes)
    cdef object made(self, object key)
    cdef object value_of(self, object key)
    cdef int complete(self) except -1
