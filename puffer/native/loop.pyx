"""The step loop: episodes, autoreset, time limits and statistics of all copies of an environment, over threads.

An *episode* belongs to a copy, or, in an environment with `independent_agents`, to each agent. The loop works in
tiles of about 256 rows, so that what one pass writes is still in the first-level cache for the next: zero the
outputs, step, keep the books, restart what ended, observe.

The loop holds these per copy, all in the memory that a snapshot copies: the author's state, the random stream, and
for the rows of the copy

- alive: whether the row takes part in the next step. `masks` is what the caller sees: whether it took part in this one.
- elapsed: steps of the row's episode (in an environment whose agents share their episode, the same for all rows).
- returns, statistics: sums of the row's episode so far.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from puffer.native.buffers cimport Buffers
from puffer.native.info cimport stretch_t
from puffer.native.pool cimport (
    pool_free,
    pool_is_alive,
    pool_job,
    pool_new,
    pool_run,
    pool_submit,
    pool_t,
    pool_wait,
    pool_watch_forks,
    pool_function,
)

cdef extern from "puffer/native/episodes.h" nogil:
    enum:
        ACCOUNT_BLOCK
    void episodes_init()
    int account_rows(Py_ssize_t n, const float* rewards, const uint8_t* terminations, uint8_t* truncations,
                     double* returns, int32_t* elapsed, int32_t max_steps, uint8_t* ended)

cdef extern from "puffer/native/sanitizer.h" nogil:
    void puffer_forbid(void* memory, size_t size)

episodes_init()
pool_watch_forks()

# Steps that the ended episode of an independent agent seems to have behind it while it waits for its reset: it can
# never reach max_steps.
cdef enum:
    WAITING = -(1 << 30)

# Columns of Loop.sums.
cdef enum:
    EPISODES
    RETURNS
    LENGTHS
    STATISTICS

cdef class Loop:
    """Loop()
--

Base of `puffer.Env`; not made by itself.
"""

    def __del__(self):
        # Before anything that the threads may still use is taken apart.
        self.free_pool()

    def __dealloc__(self):
        cdef int k
        for k in range(self.num_states):
            free((<void**>(self.states[k].memory - 64))[0])

    # ---- Defaults of the author's methods ----

    cdef int bind(self, Buffers buffers) except -1:
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        pass

    cdef void reset_agent(self, Py_ssize_t row) noexcept nogil:
        pass

    cdef void observe_agent(self, Py_ssize_t row) noexcept nogil:
        pass

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    # ---- Memory ----

    cdef void* new_state(self, size_t size) except NULL:
        """Zeroed memory of `size` bytes per copy, one after the other, aligned to 64 bytes.

        The base class owns it, frees it, and makes it part of the snapshots. Call it after `Env.__init__`.
        """
        cdef char* block
        cdef uintptr_t start
        cdef size_t room
        if self.num_copies <= 0:
            raise RuntimeError("new_state() must come after Env.__init__()")
        # Until it has succeeded, the environment cannot be used.
        self.is_complete = False
        if self.num_states == MAX_STATES:
            raise MemoryError(f"an environment has at most {MAX_STATES} blocks of state")
        room = self.num_copies * (size if size else 1) + 128 + MAX_STATES * 1024
        block = <char*>calloc(room, 1)
        if block == NULL:
            raise MemoryError(f"no memory for the state of {self.num_copies} copies of {size} bytes")
        start = (<uintptr_t>block + 64 + 63) & ~<uintptr_t>63
        # Large blocks begin at the start of a page. Moved apart, so that the same rows of all blocks do not compete for
        # the same few sets of the first-level cache.
        start += self.num_states * 1024
        # The pointer to free lies in the cache line in front.
        (<void**>(start - 64))[0] = block
        puffer_forbid(<void*>(start - 56), 56)
        puffer_forbid(<void*>(start + self.num_copies * size), <uintptr_t>block + room - start - self.num_copies * size)
        self.states[self.num_states].memory = <char*>start
        self.states[self.num_states].size = size
        self.num_states += 1
        self.is_complete = True
        return <void*>start

    cdef int attach(self, Buffers buffers) except -1:
        """Write into these buffers from now on."""
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.observation_memory = buffers.observation_memory
        self.retained = False
        self.bind(buffers)
        return 0

    # ---- Episodes ----

    cdef void start_copy(self, Py_ssize_t i) noexcept nogil:
        """Begin a new episode in copy i, for all of its agents."""
        cdef Py_ssize_t row, first = i * self.agents_per_env
        for row in range(first, first + self.agents_per_env):
            _start_row(self, row)
        self.reset_one(i)

    cdef void start_agent(self, Py_ssize_t row) noexcept nogil:
        """Begin a new episode of one independent agent."""
        _start_row(self, row)
        self.reset_agent(row)

    cdef bint is_ended(self, Py_ssize_t i) noexcept nogil:
        """Whether no agent of copy i is alive."""
        cdef Py_ssize_t row, first = i * self.agents_per_env
        for row in range(first, first + self.agents_per_env):
            if self.alive[row]:
                return False
        return True

    # ---- Threads ----

    cdef void set_part(self, part_t* part, Py_ssize_t first, Py_ssize_t last) noexcept:
        """Make a part of the copies [first, last)."""
        part.first = first
        part.last = last
        part.block = self.block
        part.loop = <void*>self
        part.advance = <advance_t>_advance

    cdef int make_pool(self, int workers, int parts) except -1:
        """Have a pool of this process with `workers` threads."""
        cdef pool_t* pool = <pool_t*>self.pool
        if pool != NULL and pool_is_alive(pool) and pool.workers == workers:
            return 0
        self.free_pool()
        self.pool = pool_new(workers, parts)
        if self.pool == NULL:
            raise RuntimeError(f"{workers} threads could not be started")
        return 0

    cdef void free_pool(self) noexcept:
        """Finish what was submitted and end the threads."""
        pool_free(<pool_t*>self.pool)
        self.pool = NULL

    cdef void run(self, part_t* part, bint threaded) noexcept nogil:
        """Step a part and return when it is stepped."""
        if threaded:
            pool_run(<pool_t*>self.pool, <pool_job*>part.job, <pool_function>_run_slice, part)
        else:
            _advance(self, part, part.first, part.last, &part.stretches[0])

    cdef void submit(self, part_t* part) noexcept nogil:
        """Step a part in the background."""
        pool_submit(<pool_t*>self.pool, <pool_job*>part.job, <pool_function>_run_slice, part, False)

    cdef void wait(self, part_t* part) noexcept nogil:
        """Return when a submitted part is stepped."""
        pool_wait(<pool_t*>self.pool, <pool_job*>part.job)


cdef void _run_slice(void* argument, int slice, int slices) noexcept nogil:
    """Step the share of a part that belongs to one thread: whole blocks of copies."""
    cdef part_t* part = <part_t*>argument
    cdef Py_ssize_t blocks = (part.last - part.first) // part.block
    cdef Py_ssize_t first = part.first + blocks * slice // slices * part.block
    cdef Py_ssize_t last = part.first + blocks * (slice + 1) // slices * part.block
    part.advance(part.loop, part, first, last, &part.stretches[slice])


cdef void _advance(Loop loop, part_t* part, Py_ssize_t first, Py_ssize_t last, stretch_t* stretch) noexcept nogil:
    cdef Py_ssize_t tile = max(1, <Py_ssize_t>ACCOUNT_BLOCK // loop.agents_per_env)
    cdef Py_ssize_t i = first
    # No more episodes can end here than there are rows, so the rows of the thread bound its stretch.
    stretch.start = (first - part.first) * loop.agents_per_env
    stretch.count = 0
    while i < last:
        _advance_tile(loop, part, i, min(i + tile, last), stretch)
        i += tile


cdef void _advance_tile(Loop loop, part_t* part, Py_ssize_t first, Py_ssize_t last,
                        stretch_t* stretch) noexcept nogil:
    cdef Py_ssize_t row = first * loop.agents_per_env
    cdef Py_ssize_t rows = (last - first) * loop.agents_per_env
    memset(&loop.rewards[row], 0, rows * sizeof(float))
    memset(&loop.terminations[row], 0, rows)
    memset(&loop.truncations[row], 0, rows)
    if loop.agents_per_env > 1:
        _show_masks(loop, row, row + rows)
    if loop.autoreset == SAME_STEP:
        loop.step_range(first, last)
    elif loop.independent_agents:
        loop.step_range(first, last)
        _restart_agents(loop, row, row + rows, part.now)
    else:
        _step_running(loop, first, last, part.now)
    if loop.agents_per_env == 1 or loop.independent_agents:
        _account_rows(loop, part, row, row + rows, stretch)
    else:
        _account_copies(loop, part, first, last, stretch)
    if not loop.observes_in_step:
        loop.observe_range(first, last)


cdef inline void _clear_row(Loop loop, Py_ssize_t row) noexcept nogil:
    loop.elapsed[row] = 0
    loop.returns[row] = 0
    if loop.num_statistics:
        memset(&loop.statistics[row, 0], 0, loop.num_statistics * sizeof(double))


cdef void _start_row(Loop loop, Py_ssize_t row) noexcept nogil:
    loop.alive[row] = True
    loop.masks[row] = True
    _clear_row(loop, row)


cdef void _show_masks(Loop loop, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Set the masks for the coming step; the observation of a dead agent is zero."""
    cdef Py_ssize_t row
    for row in range(first, last):
        if not loop.alive[row] and (loop.masks[row] or not loop.retained):
            memset(loop.observation_memory + row * loop.row_size, 0, loop.row_size)
        loop.masks[row] = loop.alive[row]


cdef void _step_running(Loop loop, Py_ssize_t first, Py_ssize_t last, double now) noexcept nogil:
    """Step the copies whose episode goes on; begin a new episode in the others."""
    cdef Py_ssize_t row, i = first, begin
    while i < last:
        if loop.is_ended(i):
            loop.start_copy(i)
            for row in range(i * loop.agents_per_env, (i + 1) * loop.agents_per_env):
                _resume_row(loop, row, now)
            if loop.observes_in_step:
                loop.observe(i)
            i += 1
        else:
            begin = i
            while i < last and not loop.is_ended(i):
                i += 1
            loop.step_range(begin, i)


cdef void _restart_agents(Loop loop, Py_ssize_t first, Py_ssize_t last, double now) noexcept nogil:
    """Begin a new episode for the independent agents that ended theirs in the step before."""
    cdef Py_ssize_t row
    if loop.autoreset == DISABLED:
        return
    for row in range(first, last):
        if not loop.alive[row]:
            loop.start_agent(row)
            _resume_row(loop, row, now)


cdef void _resume_row(Loop loop, Py_ssize_t row, double now) noexcept nogil:
    # The step that resets is no step of the episode: the book-keeping will count it from -1 to 0.
    loop.elapsed[row] = -1
    if loop.start_times != NULL:
        loop.start_times[row] = now


cdef void _account_rows(Loop loop, part_t* part, Py_ssize_t first, Py_ssize_t last, stretch_t* stretch) noexcept nogil:
    """Book-keeping where every row is an episode."""
    cdef uint8_t ended[ACCOUNT_BLOCK + 8]
    cdef Py_ssize_t row = first, rows
    cdef int count
    while row < last:
        rows = min(last - row, <Py_ssize_t>ACCOUNT_BLOCK)
        count = account_rows(rows, &loop.rewards[row], &loop.terminations[row], &loop.truncations[row],
                             loop.returns + row, loop.elapsed + row, loop.max_steps, ended)
        if count:
            _end_rows(loop, part, row, ended, count, stretch)
        row += ACCOUNT_BLOCK


cdef void _end_rows(Loop loop, part_t* part, Py_ssize_t first, const uint8_t* ended, int count,
                    stretch_t* stretch) noexcept nogil:
    """Record the ends of episodes that are one row each, first + ended[k], and restart them if the mode says so."""
    cdef int64_t* rows = part.ended_rows + stretch.start + stretch.count
    cdef Py_ssize_t row
    cdef int k
    for k in range(count):
        row = first + ended[k]
        if not loop.observes_in_step:
            if loop.independent_agents:
                loop.observe_agent(row)
            else:
                loop.observe(row)
        _record_end(loop, part, row, row // loop.agents_per_env if loop.independent_agents else row, stretch)
        if loop.autoreset == SAME_STEP:
            _clear_row(loop, row)
        else:
            _retire_row(loop, row)
    if loop.autoreset != SAME_STEP:
        return
    if loop.independent_agents:
        for k in range(count):
            loop.reset_agent(rows[k])
        return
    loop.reset_copies(rows, count)
    if loop.observes_in_step:
        for k in range(count):
            loop.observe(rows[k])


cdef void _account_copies(Loop loop, part_t* part, Py_ssize_t first, Py_ssize_t last,
                          stretch_t* stretch) noexcept nogil:
    """Book-keeping where the agents of a copy share its episode."""
    cdef Py_ssize_t i
    for i in range(first, last):
        if _account_copy(loop, i):
            _end_agents(loop, part, i, stretch)


cdef bint _account_copy(Loop loop, Py_ssize_t i) noexcept nogil:
    """Whether the episode of an agent of copy i has ended."""
    cdef Py_ssize_t row, first = i * loop.agents_per_env
    cdef bint ended = False
    for row in range(first, first + loop.agents_per_env):
        if loop.masks[row]:
            loop.elapsed[row] += 1
            loop.returns[row] += loop.rewards[row]
            loop.truncations[row] |= loop.elapsed[row] >= loop.max_steps
            ended |= loop.terminations[row] | loop.truncations[row]
    return ended


cdef void _end_agents(Loop loop, part_t* part, Py_ssize_t i, stretch_t* stretch) noexcept nogil:
    """Record the ends of agents of copy i; when all have ended, begin its next episode if the mode says so."""
    cdef Py_ssize_t row, first = i * loop.agents_per_env
    if not loop.observes_in_step:
        loop.observe(i)
    for row in range(first, first + loop.agents_per_env):
        if loop.masks[row] and loop.terminations[row] | loop.truncations[row]:
            _record_end(loop, part, row, i, stretch)
            _retire_row(loop, row)
    if loop.autoreset == SAME_STEP and loop.is_ended(i):
        loop.start_copy(i)
        if loop.observes_in_step:
            loop.observe(i)


cdef inline void _record_end(Loop loop, part_t* part, Py_ssize_t row, Py_ssize_t i, stretch_t* stretch) noexcept nogil:
    """The episode of a row of copy i is over, and its observation row is the last one of it."""
    cdef Py_ssize_t k, entry = stretch.start + stretch.count
    cdef double* sums = &loop.sums[i >> loop.block_bits, 0]
    stretch.count += 1
    part.ended_rows[entry] = row
    part.final_returns[entry] = loop.returns[row]
    part.final_lengths[entry] = loop.elapsed[row]
    if part.final_observations != NULL:
        memcpy(part.final_observations + entry * loop.row_size, loop.observation_memory + row * loop.row_size,
               loop.row_size)
    if part.final_times != NULL:
        part.final_times[entry] = part.now - loop.start_times[row]
        loop.start_times[row] = part.now
    sums[EPISODES] += 1
    sums[RETURNS] += loop.returns[row]
    sums[LENGTHS] += loop.elapsed[row]
    for k in range(loop.num_statistics):
        sums[STATISTICS + k] += loop.statistics[row, k]


cdef inline void _retire_row(Loop loop, Py_ssize_t row) noexcept nogil:
    """The row takes part in no step until it is reset."""
    loop.alive[row] = False
    # Other rows that wait are not counted, and observe() may still be asked for their last observation.
    if loop.independent_agents:
        loop.elapsed[row] = WAITING
