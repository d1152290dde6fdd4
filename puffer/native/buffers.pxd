cdef class Buffers:
    """The arrays of one batch. see buffers.pyx."""
    cdef readonly object observations
    cdef readonly object actions
    cdef readonly object rewards
    cdef readonly object terminations
    cdef readonly object truncations
    cdef readonly object masks
    cdef char* observation_memory
