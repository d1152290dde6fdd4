cimport numpy as cnp

from puffer.native.buffers cimport Buffers
from puffer.native.info cimport EpisodeEnds
from puffer.native.loop cimport part_t
from puffer.native.pool cimport pool_job


cdef class Part:
    """Copies that are sent and received together. see part.pyx."""
    cdef part_t c
    cdef pool_job job
    # The value of pool_forks when it was sent, and the threads that its step is split over: 0 if it was not stepped.
    cdef int forks
    cdef int slices
    cdef readonly object rows
    cdef cnp.ndarray actions
    cdef object observations, rewards, terminations, truncations
    cdef list spare
    cdef EpisodeEnds ends

    cdef int attach(self, Buffers buffers) except -1
    cdef int use(self, EpisodeEnds ends) except -1
    cdef EpisodeEnds ended(self)
    cdef EpisodeEnds take_spare(self)
