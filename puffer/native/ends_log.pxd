from libc.stdint cimport int64_t

from puffer.native.ends cimport EndsForm, EpisodeEnds, end_t


cdef class EndsLog:
    """The episodes that ended in the steps of a rollout. See ends_log.pyx."""
    cdef EndsForm form
    cdef Py_ssize_t count, room
    cdef int64_t* steps
    cdef end_t* entries
    cdef char* observations

    cdef int add(self, Py_ssize_t step, EpisodeEnds ends) except -1
    cdef int grow(self, Py_ssize_t room) except -1
