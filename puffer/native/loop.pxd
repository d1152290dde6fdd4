from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from puffer.native.rules cimport Rules
from puffer.native.threads cimport part_t

cdef enum autoreset_t:
    NEXT_STEP
    SAME_STEP
    DISABLED


# The seed of the next episode of a copy: the stream of (seed, number) begins with it.
cdef struct next_seed_t:
    uint64_t seed
    uint64_t number
    bint is_set


cdef class Loop:
    """Steps the copies of an environment: episodes, autoreset, time limits. See loop.pyx."""

    cdef bint independent_agents
    cdef bint observes_in_step
    # Whether step_range() may be given copies whose episode has ended.
    cdef bint steps_ended
    # Whether the rules are built with checks; then they are called for one copy at a time, up to the first fault.
    cdef bint is_checked
    # The copy that they were called for last, where that is one.
    cdef Py_ssize_t current
    cdef autoreset_t autoreset
    cdef char* observation_memory
    # Where rows of observations are copied to after they were written; NULL if they stay where they are.
    cdef char* copied_to
    cdef size_t row_size
    cdef Py_ssize_t num_statistics
    cdef uint8_t* alive
    cdef int32_t* elapsed
    cdef double* returns
    # NULL where the seconds of episodes are not measured.
    cdef double* start_times
    # By copy; NULL until one is set.
    cdef next_seed_t* next_seeds
    # Sums over ended episodes, a row for each block of copies: blocks, not threads, fix the order of the additions.
    cdef double[:, ::1] sums
    # Copies in a block, a power of two, and its logarithm.
    cdef Py_ssize_t block
    cdef int block_bits

    cdef int allocate(self, Rules rules, bint with_times) except -1
    cdef int set_next_seed(self, Rules rules, Py_ssize_t i, uint64_t seed, uint64_t number) except -1
    cdef bint is_ended(self, Rules rules, Py_ssize_t i) noexcept nogil
    cdef void copy_rows(self, Py_ssize_t first, Py_ssize_t count) noexcept nogil
    cdef void set_part(self, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last) noexcept
    cdef bint has_fault(self) noexcept nogil


# Begin a new episode in copy i, for all of its agents; of one independent agent.
cdef void start_copy(Loop loop, Rules rules, Py_ssize_t i) noexcept nogil
cdef void start_agent(Loop loop, Rules rules, Py_ssize_t row) noexcept nogil
