"""The step loop: episodes, autoreset, time limits and statistics of all copies of an environment.

An *episode* belongs to a copy, or, in an environment with `independent_agents`, to each agent. The loop works in
tiles of about 256 rows, so that the output of one pass is still in the first-level cache for the next: zero the
outputs, step, account for the episodes, restart those that ended, observe.

The loop holds these per copy, all in the memory that a snapshot copies: the author's state, the random stream, and
for the rows of the copy

- alive: whether the row takes part in the next step. `masks` tells the caller whether it took part in this one.
- elapsed: steps of the row's episode (in an environment whose agents share their episode, the same for all rows).
- returns, statistics: sums of the row's episode so far.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy, memset

from puffer.native.buffers import aligned_zeros

from puffer.native.ends cimport end_t, stretch_t
from puffer.native.faults cimport faults
from puffer.native.rules cimport Rules
from puffer.native.threads cimport advance_t, part_t
from puffer.rng cimport rng_seed, rng_t

cdef extern from "puffer/native/episodes.h" nogil:
    enum:
        ACCOUNT_BLOCK
    void episodes_init()
    int account_rows(Py_ssize_t n, const float* rewards, const uint8_t* terminations, uint8_t* truncations,
                     double* returns, int32_t* elapsed, int32_t max_steps, uint8_t* ended)
    int find_dead(Py_ssize_t n, const uint8_t* alive, uint8_t* found)

episodes_init()

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

Steps the copies of `Rules`, which every method is given: the loop does not keep them alive.
"""

    def __dealloc__(self):
        free(self.next_seeds)

    cdef int allocate(self, Rules rules, bint with_times) except -1:
        """Allocate the memory of episodes, after the sizes and the block are set."""
        cdef Py_ssize_t agents = rules.agents_per_env, columns = max(1, self.num_statistics)
        rules.rng = <rng_t*>rules.new_state(sizeof(rng_t))
        self.alive = <uint8_t*>rules.new_state(agents)
        self.elapsed = <int32_t*>rules.new_state(agents * sizeof(int32_t))
        rules.elapsed = self.elapsed
        self.returns = <double*>rules.new_state(agents * sizeof(double))
        statistics = <double*>rules.new_state(agents * columns * sizeof(double))
        rules.statistics = <double[:rules.num_agents, :columns]>statistics
        self.block_bits = int(self.block).bit_length() - 1
        self.sums = aligned_zeros((rules.num_copies // self.block, 3 + columns), np.float64)
        if with_times:
            self.start_times = <double*>rules.new_state(agents * sizeof(double))
        return 0

    cdef int set_next_seed(self, Rules rules, Py_ssize_t i, uint64_t seed, uint64_t number) except -1:
        """Let the next episode of copy i begin with the stream of (seed, number)."""
        if self.next_seeds == NULL:
            self.next_seeds = <next_seed_t*>calloc(rules.num_copies, sizeof(next_seed_t))
        if self.next_seeds == NULL:
            raise MemoryError(f"no memory for the seeds of {rules.num_copies} copies")
        self.next_seeds[i] = next_seed_t(seed, number, True)
        return 0

    cdef bint is_ended(self, Rules rules, Py_ssize_t i) noexcept nogil:
        """Whether no agent of copy i is alive."""
        cdef Py_ssize_t row, first = i * rules.agents_per_env
        for row in range(first, first + rules.agents_per_env):
            if self.alive[row]:
                return False
        return True

    cdef void copy_rows(self, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
        """Copy rows of observations to where they are wanted, if that is not where they were written."""
        if self.copied_to != NULL:
            memcpy(self.copied_to + first * self.row_size, self.observation_memory + first * self.row_size,
                   count * self.row_size)

    cdef bint has_fault(self) noexcept nogil:
        """Whether a method of rules that are built with checks has failed, and nothing has raised it yet."""
        return self.is_checked and faults > 0

    cdef void set_part(self, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last) noexcept:
        """Make a part of the copies [first, last)."""
        part.first = first
        part.last = last
        part.block = self.block
        part.loop = <void*>self
        part.rules = <void*>rules
        part.advance = <advance_t>_advance


cdef void _advance(Loop loop, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last,
                   stretch_t* stretch) noexcept nogil:
    cdef Py_ssize_t tile = 1 if loop.is_checked else max(1, <Py_ssize_t>ACCOUNT_BLOCK // rules.agents_per_env)
    cdef Py_ssize_t i = first
    # No more episodes can end here than there are rows, so the rows of the thread bound its stretch.
    stretch.start = (first - part.first) * rules.agents_per_env
    stretch.count = 0
    while i < last:
        if loop.is_checked:
            # Not in other builds, whose threads would take the cache line from each other.
            loop.current = i
        _advance_tile(loop, rules, part, i, min(i + tile, last), stretch)
        if loop.has_fault():
            return
        i += tile


cdef void _advance_tile(Loop loop, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last,
                        stretch_t* stretch) noexcept nogil:
    cdef Py_ssize_t row = first * rules.agents_per_env
    cdef Py_ssize_t rows = (last - first) * rules.agents_per_env
    memset(&rules.rewards[row], 0, rows * sizeof(float))
    memset(&rules.terminations[row], 0, rows)
    memset(&rules.truncations[row], 0, rows)
    if rules.agents_per_env > 1:
        _show_masks(loop, rules, row, row + rows)
    if loop.autoreset == SAME_STEP:
        rules.step_range(first, last)
    elif loop.independent_agents:
        rules.step_range(first, last)
        _restart_agents(loop, rules, row, row + rows, part.now)
    else:
        _step_running(loop, rules, first, last, part.now)
    if rules.agents_per_env == 1 or loop.independent_agents:
        _account_rows(loop, rules, part, row, row + rows, stretch)
    else:
        _account_copies(loop, rules, part, first, last, stretch)
    if not loop.observes_in_step:
        rules.observe_range(first, last)
    loop.copy_rows(row, rows)


cdef inline void _clear_row(Loop loop, Rules rules, Py_ssize_t row) noexcept nogil:
    loop.elapsed[row] = 0
    loop.returns[row] = 0
    if loop.num_statistics:
        memset(&rules.statistics[row, 0], 0, loop.num_statistics * sizeof(double))


cdef void start_copy(Loop loop, Rules rules, Py_ssize_t i) noexcept nogil:
    """Begin a new episode in copy i, for all of its agents."""
    cdef Py_ssize_t row, first = i * rules.agents_per_env
    for row in range(first, first + rules.agents_per_env):
        _start_row(loop, rules, row)
    _take_seed(loop, rules, i)
    rules.reset_one(i)


cdef inline void _take_seed(Loop loop, Rules rules, Py_ssize_t i) noexcept nogil:
    """Begin the random stream of copy i anew if a seed was set for its next episode."""
    if loop.next_seeds != NULL and loop.next_seeds[i].is_set:
        rng_seed(&rules.rng[i], loop.next_seeds[i].seed, loop.next_seeds[i].number)
        loop.next_seeds[i].is_set = False


cdef void start_agent(Loop loop, Rules rules, Py_ssize_t row) noexcept nogil:
    """Begin a new episode of one independent agent."""
    _start_row(loop, rules, row)
    rules.reset_agent(row)


cdef void _start_row(Loop loop, Rules rules, Py_ssize_t row) noexcept nogil:
    loop.alive[row] = True
    rules.masks[row] = True
    _clear_row(loop, rules, row)


cdef void _show_masks(Loop loop, Rules rules, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Set the masks for the coming step; the observation of a dead agent is zero."""
    cdef Py_ssize_t row
    if memchr(loop.alive + first, False, last - first) == NULL:
        memset(&rules.masks[first], True, last - first)
        return
    for row in range(first, last):
        if not loop.alive[row] and (rules.masks[row] or not rules.retained):
            memset(loop.observation_memory + row * loop.row_size, 0, loop.row_size)
        rules.masks[row] = loop.alive[row]


cdef void _step_running(Loop loop, Rules rules, Py_ssize_t first, Py_ssize_t last, double now) noexcept nogil:
    """Step the copies of a tile whose episode goes on; begin a new episode in the others."""
    cdef int64_t ended[ACCOUNT_BLOCK]
    cdef Py_ssize_t count = _find_ended(loop, rules, first, last, ended)
    if count == 0:
        rules.step_range(first, last)
        return
    if loop.steps_ended:
        _step_all(rules, first, last, ended, count)
    else:
        _step_between(rules, first, last, ended, count)
    _restart_copies(loop, rules, ended, count, now)


cdef Py_ssize_t _find_ended(Loop loop, Rules rules, Py_ssize_t first, Py_ssize_t last, int64_t* ended) noexcept nogil:
    """Write the copies of a tile that have no agent alive, in order; returns how many."""
    cdef uint8_t found[ACCOUNT_BLOCK + 8]
    cdef Py_ssize_t i, k, count = 0
    if memchr(loop.alive + first * rules.agents_per_env, False, (last - first) * rules.agents_per_env) == NULL:
        return 0
    if rules.agents_per_env == 1:
        count = find_dead(last - first, loop.alive + first, found)
        for k in range(count):
            ended[k] = first + found[k]
        return count
    for i in range(first, last):
        if loop.is_ended(rules, i):
            ended[count] = i
            count += 1
    return count


cdef void _step_between(Rules rules, Py_ssize_t first, Py_ssize_t last, const int64_t* ended,
                        Py_ssize_t count) noexcept nogil:
    """Step the copies [first, last) but for the ended ones."""
    cdef Py_ssize_t k, begin = first
    for k in range(count):
        if begin < ended[k]:
            rules.step_range(begin, ended[k])
        begin = ended[k] + 1
    if begin < last:
        rules.step_range(begin, last)


cdef void _step_all(Rules rules, Py_ssize_t first, Py_ssize_t last, const int64_t* ended,
                    Py_ssize_t count) noexcept nogil:
    """Step the copies [first, last) in one, and undo what the ended ones have drawn and paid."""
    cdef rng_t streams[ACCOUNT_BLOCK]
    cdef Py_ssize_t k, row, agents = rules.agents_per_env
    for k in range(count):
        streams[k] = rules.rng[ended[k]]
    rules.step_range(first, last)
    for k in range(count):
        rules.rng[ended[k]] = streams[k]
        for row in range(ended[k] * agents, (ended[k] + 1) * agents):
            rules.rewards[row] = 0
            rules.terminations[row] = rules.truncations[row] = False


cdef void _restart_copies(Loop loop, Rules rules, const int64_t* ended, Py_ssize_t count, double now) noexcept nogil:
    """Begin new episodes in copies, by a step that does not belong to them."""
    cdef Py_ssize_t k, row, agents = rules.agents_per_env
    for k in range(count):
        for row in range(ended[k] * agents, (ended[k] + 1) * agents):
            _start_row(loop, rules, row)
        _take_seed(loop, rules, ended[k])
    rules.reset_copies(ended, count)
    for k in range(count):
        if loop.observes_in_step:
            rules.observe(ended[k])
        for row in range(ended[k] * agents, (ended[k] + 1) * agents):
            _resume_row(loop, row, now)


cdef void _restart_agents(Loop loop, Rules rules, Py_ssize_t first, Py_ssize_t last, double now) noexcept nogil:
    """Begin a new episode for the independent agents that ended theirs in the step before."""
    cdef uint8_t found[ACCOUNT_BLOCK + 8]
    cdef Py_ssize_t k, row = first
    if loop.autoreset == DISABLED:
        return
    while row < last:
        for k in range(find_dead(min(last - row, <Py_ssize_t>ACCOUNT_BLOCK), loop.alive + row, found)):
            start_agent(loop, rules, row + found[k])
            _resume_row(loop, row + found[k], now)
        row += ACCOUNT_BLOCK


cdef void _resume_row(Loop loop, Py_ssize_t row, double now) noexcept nogil:
    # The step that resets does not belong to the episode: the count goes from -1 to 0.
    loop.elapsed[row] = -1
    if loop.start_times != NULL:
        loop.start_times[row] = now


cdef void _account_rows(Loop loop, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last,
                        stretch_t* stretch) noexcept nogil:
    """Account for a step where every row is an episode."""
    cdef uint8_t ended[ACCOUNT_BLOCK + 8]
    cdef Py_ssize_t row = first, rows
    cdef int count
    while row < last:
        rows = min(last - row, <Py_ssize_t>ACCOUNT_BLOCK)
        count = account_rows(rows, &rules.rewards[row], &rules.terminations[row], &rules.truncations[row],
                             loop.returns + row, loop.elapsed + row, rules.max_steps, ended)
        if count:
            _end_rows(loop, rules, part, row, ended, count, stretch)
        row += ACCOUNT_BLOCK


cdef void _end_rows(Loop loop, Rules rules, part_t* part, Py_ssize_t first, const uint8_t* ended, int count,
                    stretch_t* stretch) noexcept nogil:
    """Record the ends of episodes that are one row each, first + ended[k], and restart them if the mode says so."""
    cdef int64_t rows[ACCOUNT_BLOCK]
    cdef Py_ssize_t row
    cdef int k
    for k in range(count):
        row = rows[k] = first + ended[k]
        if not loop.observes_in_step:
            if loop.independent_agents:
                rules.observe_agent(row)
            else:
                rules.observe(row)
        _record_end(loop, rules, part, row, row // rules.agents_per_env if loop.independent_agents else row, stretch)
        if loop.autoreset == SAME_STEP:
            _clear_row(loop, rules, row)
        else:
            _retire_row(loop, row)
    if loop.autoreset != SAME_STEP:
        return
    if loop.independent_agents:
        for k in range(count):
            rules.reset_agent(rows[k])
        return
    if loop.next_seeds != NULL:
        for k in range(count):
            _take_seed(loop, rules, rows[k])
    rules.reset_copies(rows, count)
    if loop.observes_in_step:
        for k in range(count):
            rules.observe(rows[k])


cdef void _account_copies(Loop loop, Rules rules, part_t* part, Py_ssize_t first, Py_ssize_t last,
                          stretch_t* stretch) noexcept nogil:
    """Account for a step where the agents of a copy share its episode."""
    cdef uint8_t ended[ACCOUNT_BLOCK + 8]
    cdef Py_ssize_t agents = rules.agents_per_env, row = first * agents, rows = (last - first) * agents
    cdef Py_ssize_t i, k, done = -1
    if rows > ACCOUNT_BLOCK or memchr(&rules.masks[row], False, rows) != NULL:
        for i in range(first, last):
            if _account_copy(loop, rules, i):
                _end_agents(loop, rules, part, i, stretch)
        return
    # Every row takes part, as most do in most steps.
    for k in range(account_rows(rows, &rules.rewards[row], &rules.terminations[row], &rules.truncations[row],
                                loop.returns + row, loop.elapsed + row, rules.max_steps, ended)):
        i = (row + ended[k]) // agents
        if i != done:
            _end_agents(loop, rules, part, i, stretch)
            done = i


cdef bint _account_copy(Loop loop, Rules rules, Py_ssize_t i) noexcept nogil:
    """Whether the episode of an agent of copy i has ended."""
    cdef Py_ssize_t row, first = i * rules.agents_per_env
    cdef bint ended = False
    for row in range(first, first + rules.agents_per_env):
        if rules.masks[row]:
            loop.elapsed[row] += 1
            loop.returns[row] += rules.rewards[row]
            rules.truncations[row] |= loop.elapsed[row] >= rules.max_steps
            ended |= rules.terminations[row] | rules.truncations[row]
    return ended


cdef void _end_agents(Loop loop, Rules rules, part_t* part, Py_ssize_t i, stretch_t* stretch) noexcept nogil:
    """Record the ends of agents of copy i; when all have ended, begin its next episode if the mode says so."""
    cdef Py_ssize_t row, first = i * rules.agents_per_env
    if not loop.observes_in_step:
        rules.observe(i)
    for row in range(first, first + rules.agents_per_env):
        if rules.masks[row] and rules.terminations[row] | rules.truncations[row]:
            _record_end(loop, rules, part, row, i, stretch)
            _retire_row(loop, row)
    if loop.autoreset == SAME_STEP and loop.is_ended(rules, i):
        start_copy(loop, rules, i)
        if loop.observes_in_step:
            rules.observe(i)


cdef inline void _record_end(Loop loop, Rules rules, part_t* part, Py_ssize_t row, Py_ssize_t i,
                             stretch_t* stretch) noexcept nogil:
    """The episode of a row of copy i is over, and its observation row is the last one of it."""
    cdef Py_ssize_t k, entry = stretch.start + stretch.count
    cdef end_t* end = &part.ends[entry]
    cdef double* sums = &loop.sums[i >> loop.block_bits, 0]
    stretch.count += 1
    end.row = row
    end.total = loop.returns[row]
    end.length = loop.elapsed[row]
    end.terminated = rules.terminations[row]
    end.truncated = rules.truncations[row]
    if loop.start_times != NULL:
        end.seconds = part.now - loop.start_times[row]
        loop.start_times[row] = part.now
    memcpy(part.final_observations + entry * loop.row_size, loop.observation_memory + row * loop.row_size,
           loop.row_size)
    sums[EPISODES] += 1
    sums[RETURNS] += loop.returns[row]
    sums[LENGTHS] += loop.elapsed[row]
    for k in range(loop.num_statistics):
        sums[STATISTICS + k] += rules.statistics[row, k]


cdef inline void _retire_row(Loop loop, Py_ssize_t row) noexcept nogil:
    """The row takes part in no step until it is reset."""
    loop.alive[row] = False
    # Other rows that wait are not counted, and observe() may still be asked for their last observation.
    if loop.independent_agents:
        loop.elapsed[row] = WAITING
