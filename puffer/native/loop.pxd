# PUBLIC, as the base of Env in _core.pxd: a change here is a change of the binary interface (see there).
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer.native.buffers cimport Buffers
from puffer.native.info cimport stretch_t
from puffer.rng cimport rng_t

cdef enum:
    MAX_THREADS = 256
    MAX_STATES = 24

cdef enum autoreset_t:
    NEXT_STEP
    SAME_STEP
    DISABLED


# Memory of an environment's state: one item of `size` bytes per copy.
cdef struct state_t:
    char* memory
    size_t size


# The copies [first, last) that are stepped together, and the arrays in which their step records the episodes that end
# (of EpisodeEnds; final_observations and final_times may be NULL). stretches: what each thread wrote there.
cdef struct part_t

# Steps the copies [first, last) of a part of `loop`, a Loop as a plain pointer: references need the GIL.
ctypedef void (*advance_t)(void* loop, part_t* part, Py_ssize_t first, Py_ssize_t last,
                           stretch_t* stretch) noexcept nogil

cdef struct part_t:
    Py_ssize_t first
    Py_ssize_t last
    int64_t* ended_rows
    char* final_observations
    double* final_returns
    int32_t* final_lengths
    double* final_times
    double now
    stretch_t stretches[MAX_THREADS]
    Py_ssize_t block
    void* loop
    advance_t advance
    void* job


cdef class Loop:
    """Steps the copies of an environment: episodes, autoreset, time limits, threads. see loop.pyx."""

    # ---- For authors: to read ----
    cdef readonly Py_ssize_t num_copies
    cdef readonly Py_ssize_t agents_per_env
    # The rows of the batch: copy i has the rows i * agents_per_env up to (i + 1) * agents_per_env.
    cdef readonly Py_ssize_t num_agents
    # One random stream per copy.
    cdef rng_t* rng
    # True while the row of an agent is alive; step_one and observe leave the other rows alone.
    cdef uint8_t[::1] masks
    # True while the observation rows still hold what observe() wrote last, so that it may write only what changed.
    cdef bint retained

    # ---- For authors: to write in step_one; zeroed before every step ----
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations
    cdef uint8_t[::1] truncations
    # (rows, statistics of the class); zeroed when the row's episode begins, counted when it ends.
    cdef double[:, ::1] statistics

    # ---- Of the loop ----
    cdef readonly int max_steps
    cdef readonly bint independent_agents
    cdef bint observes_in_step
    cdef autoreset_t autoreset
    cdef char* observation_memory
    cdef size_t row_size
    cdef state_t states[MAX_STATES]
    cdef int num_states
    cdef bint is_complete
    cdef Py_ssize_t num_statistics
    cdef uint8_t* alive
    cdef int32_t* elapsed
    cdef double* returns
    cdef double* start_times
    # Sums over ended episodes, a row for each block of copies: blocks, not threads, fix the order of the additions.
    cdef double[:, ::1] sums
    # Copies in a block, a power of two, and its logarithm.
    cdef Py_ssize_t block
    cdef int block_bits
    cdef void* pool

    # ---- To be written by the author ----
    cdef int bind(self, Buffers buffers) except -1
    cdef void reset_one(self, Py_ssize_t i) noexcept nogil
    cdef void step_one(self, Py_ssize_t i) noexcept nogil
    cdef void observe(self, Py_ssize_t i) noexcept nogil
    # For environments with independent_agents.
    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil
    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil
    # Bulk versions, where a measurement says they pay.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil

    # ---- To be called by the author ----
    cdef void* new_state(self, size_t size) except NULL

    # ---- Of the loop ----
    cdef int attach(self, Buffers buffers) except -1
    cdef void start_copy(self, Py_ssize_t i) noexcept nogil
    cdef void start_agent(self, Py_ssize_t row) noexcept nogil
    cdef bint is_ended(self, Py_ssize_t i) noexcept nogil
    cdef void set_part(self, part_t* part, Py_ssize_t first, Py_ssize_t last) noexcept
    cdef int make_pool(self, int workers, int parts) except -1
    cdef void free_pool(self) noexcept
    cdef void run(self, part_t* part, bint threaded) noexcept nogil
    cdef void submit(self, part_t* part) noexcept nogil
    cdef void wait(self, part_t* part) noexcept nogil
