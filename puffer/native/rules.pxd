# PUBLIC, as the base of Env in _core.pxd: a change here is a change of the binary interface (see there).
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer.native.buffers cimport Buffers
from puffer.native.raster cimport Canvas
from puffer.rng cimport rng_t

cdef enum:
    MAX_BLOCKS = 24


# Memory of an environment's state: one item of `size` bytes per copy.
cdef struct block_t:
    char* memory
    size_t size


cdef class Rules:
    """What an author of a native environment writes, and what the loop shares with it. See rules.pyx."""

    # ---- For authors: to read ----
    cdef readonly Py_ssize_t num_copies
    cdef readonly Py_ssize_t agents_per_env
    # The rows of the batch: copy i has the rows i * agents_per_env up to (i + 1) * agents_per_env.
    cdef readonly Py_ssize_t num_agents
    # Steps after which an episode is truncated; 2**31 - 1 without a time limit.
    cdef readonly int max_steps
    # One random stream per copy.
    cdef rng_t* rng
    # Steps of the episode of each row: in step_one those before this step, in observe this one included.
    cdef const int32_t* elapsed
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

    # ---- Of the base class ----
    cdef block_t blocks[MAX_BLOCKS]
    cdef int num_blocks
    cdef bint is_complete

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
    # For classes with `masks_actions`.
    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    # Pictures are drawn on request only.
    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1
    cdef object ansi_one(self, Py_ssize_t i)
    # Where a copy has state outside of new_state(): bring it there before a snapshot, and back after one was restored.
    cdef int save_one(self, Py_ssize_t i) except -1
    cdef void load_one(self, Py_ssize_t i) noexcept nogil
    # Give back what lies outside of new_state(); close() calls it.
    cdef void release(self) noexcept

    # ---- To be called by the author ----
    cdef void* new_state(self, size_t size) except NULL

    cdef int attach(self, Buffers buffers) except -1
