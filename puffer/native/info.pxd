from puffer.native.ends cimport EpisodeEnds


cdef class Info(dict):
    """The info of a step. See info.pyx."""
    # What the entries that have not been made are made of.
    cdef EpisodeEnds ends
    cdef object final_info
    cdef object values_of
    # What a class tells of rows: a function that makes it, or what that has made; and of which rows, None for all.
    cdef object told
    cdef object told_rows

    @staticmethod
    cdef Info over(EpisodeEnds ends, bint has_finals, bint has_episodes)
    cdef int tell(self, tuple names, object told, object rows) except -1
    cdef object told_value(self, str key)
    cdef object made(self, object key)
    cdef object value_of(self, object key)
    cdef int complete(self) except -1
