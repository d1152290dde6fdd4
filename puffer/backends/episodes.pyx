"""Episodes of Python environments: returns, lengths, time limits and ends, kept by the process that owns the batch.

Whoever steps the copies (in this process, in a worker, in another interpreter, a system with copies of its own) writes
their rows and flags. From those follows everything here.
"""
import time

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from puffer.native.ends cimport EndsForm, EndsMemory, EndsRecorder, end_t

cnp.import_array()


cdef class Episodes:
    """Episodes(rows, part_copies, *, same_step, max_steps, has_seconds)
--

The episodes of the copies in `rows`, a `puffer.backends.rows.Rows`.

Parameters
----------
rows : Rows
part_copies : int
    Copies of a part.
same_step : bool
    Whether a copy is reset within the step that ends its episode, so that its masks are those of the next one.
max_steps : int or None
    Steps after which an episode is truncated.
has_seconds : bool
    Whether the ends of episodes have their duration.
"""

    cdef Py_ssize_t agents, part_copies
    cdef bint same_step
    cdef int64_t max_steps
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations, truncations, masks, late, waiting, over
    cdef double[::1] returns, begun
    cdef int64_t[::1] lengths
    # Steps of the episode of each copy.
    cdef int64_t[::1] steps
    # Where the last observations of rows that have ended are.
    cdef cnp.ndarray lasts
    # A recorder for each part.
    cdef list recorders
    # Episodes, returns and lengths since the last stats(), by row: so no split into parts changes the additions.
    cdef object sums
    cdef double[:, ::1] sum_of

    def __cinit__(self, rows, Py_ssize_t part_copies, *, bint same_step, max_steps, bint has_seconds):
        buffers = rows.buffers
        count = len(buffers.rewards)
        self.agents = rows.form.agents_per_env
        self.part_copies = part_copies
        self.same_step = same_step
        self.max_steps = 0 if max_steps is None else max_steps
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.late = rows.late
        self.waiting = rows.waiting
        self.over = rows.over
        self.lasts = rows.finals if same_step else buffers.observations
        part_rows = part_copies * self.agents
        self.recorders = [
            EndsRecorder(EndsForm(part_rows, first, *rows.form.observation, has_seconds), 1)
            for first in range(0, count, part_rows)
        ]
        self.returns = np.zeros(count)
        self.lengths = np.zeros(count, np.int64)
        self.begun = np.zeros(count)
        self.steps = np.zeros(rows.form.copies, np.int64)
        self.sums = np.zeros((count, 3))
        self.sum_of = self.sums
        rows.waiting.fill(True)

    def begin(self, copies):
        """Begin the episodes of copies that have been reset."""
        cdef double now = time.perf_counter()
        for copy in copies:
            self.check(copy, copy + 1)
            self.begin_copy(copy, now)

    cdef int check(self, Py_ssize_t first, Py_ssize_t last) except -1:
        if not 0 <= first <= last <= self.waiting.shape[0]:
            raise IndexError(f"there are no copies {first} to {last - 1} among {self.waiting.shape[0]}")
        return 0

    def prepare(self, Py_ssize_t first, Py_ssize_t last):
        """Before a step of the copies first to last - 1: tell which of them it takes to their time limit."""
        cdef Py_ssize_t copy
        self.check(first, last)
        if self.max_steps:
            for copy in range(first, last):
                self.late[copy] = not self.waiting[copy] and self.steps[copy] + 1 >= self.max_steps

    def account(self, Py_ssize_t part):
        """After a step of a part, by its number. Returns the EpisodeEnds, or None if no episode has ended."""
        cdef Py_ssize_t copy, row, first = part * self.part_copies, last = first + self.part_copies
        cdef EndsRecorder recorder
        cdef EndsMemory memory
        cdef double now = 0
        if not 0 <= part < len(self.recorders):
            raise IndexError(f"there is no part {part} among {len(self.recorders)}")
        self.check(first, last)
        recorder = self.recorders[part]
        memory = recorder.ready()
        memory.num_stretches = 1
        memory.stretches.start = memory.stretches.count = 0
        for copy in range(first, last):
            if self.waiting[copy]:
                # Its step was the reset.
                now = now or time.perf_counter()
                self.begin_copy(copy, now)
                continue
            self.steps[copy] += 1
            for row in range(copy * self.agents, (copy + 1) * self.agents):
                if self.terminations[row] | self.truncations[row]:
                    now = now or time.perf_counter()
                    self.end_row(row, now, memory)
                elif self.masks[row] and not self.over[copy]:
                    self.lengths[row] += 1
                    self.returns[row] += self.rewards[row]
            if self.over[copy]:
                now = now or time.perf_counter()
                if self.same_step:
                    self.begin_copy(copy, now)
                else:
                    self.waiting[copy] = True
        return recorder.recorded()

    cdef int begin_copy(self, Py_ssize_t copy, double now) except -1:
        cdef Py_ssize_t row
        self.waiting[copy] = False
        self.steps[copy] = 0
        for row in range(copy * self.agents, (copy + 1) * self.agents):
            self.begin_row(row, now)
        return 0

    cdef int begin_row(self, Py_ssize_t row, double now) except -1:
        self.returns[row] = 0
        self.lengths[row] = 0
        self.begun[row] = now
        return 0

    cdef int end_row(self, Py_ssize_t row, double now, EndsMemory memory) except -1:
        cdef Py_ssize_t entry = memory.stretches.count
        cdef end_t* end = &memory.entries[entry]
        memory.stretches.count += 1
        end.row = row
        end.total = self.returns[row] + self.rewards[row]
        end.length = self.lengths[row] + 1
        end.seconds = now - self.begun[row]
        end.terminated = self.terminations[row]
        end.truncated = self.truncations[row]
        memcpy(memory.observations + entry * memory.row_size,
               cnp.PyArray_BYTES(self.lasts) + row * memory.row_size, memory.row_size)
        self.sum_of[row, 0] += 1
        self.sum_of[row, 1] += end.total
        self.sum_of[row, 2] += end.length
        # An agent may come again while the episode of the copy goes on.
        return self.begin_row(row, now)

    def first_waiting(self, Py_ssize_t first, Py_ssize_t last):
        """The first of the copies first to last - 1 whose episode has ended, or -1."""
        cdef Py_ssize_t copy
        self.check(first, last)
        for copy in range(first, last):
            if self.waiting[copy]:
                return copy
        return -1

    def stats(self):
        """Means over the episodes that ended since the last call."""
        episodes, returns, lengths = self.sums.sum(axis=0)
        self.sums[:] = 0
        if not episodes:
            return {"episodes": 0}
        return {
            "episodes": int(episodes),
            "episode_return": float(returns / episodes),
            "episode_length": float(lengths / episodes),
        }
