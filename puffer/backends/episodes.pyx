"""Episodes of Python environments: returns, lengths, time limits and ends, kept by the process that owns the batch.

Whoever steps the copies (in this process, in a worker, in another interpreter, a system with copies of its own) writes
their rows and flags. From those follows everything here.
"""
import time

import numpy as np

from libc.stdint cimport int64_t, uint8_t

cdef enum:
    RETURN
    LENGTH
    SECONDS


cdef class Episodes:
    """Episodes(rows, *, same_step, max_steps)
--

The episodes of the copies in `rows`, a `puffer.backends.rows.Rows`.

Parameters
----------
rows : Rows
same_step : bool
    Whether a copy is reset within the step that ends its episode, so that its masks are those of the next one.
max_steps : int or None
    Steps after which an episode is truncated.

Attributes
----------
records : (rows, 3) float64
    The return, length and seconds of the episode that ended last.
"""

    cdef readonly object records
    cdef Py_ssize_t agents
    cdef bint same_step
    cdef int64_t max_steps
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations, truncations, masks, late, waiting, over
    cdef double[::1] returns, begun
    cdef int64_t[::1] lengths
    # Steps of the episode of each copy.
    cdef int64_t[::1] steps
    cdef double[:, ::1] ended
    # Episodes, returns and lengths since the last stats(), by row: so no split into parts changes the additions.
    cdef object sums
    cdef double[:, ::1] sum_of

    def __cinit__(self, rows, *, bint same_step, max_steps):
        buffers = rows.buffers
        count = len(buffers.rewards)
        self.agents = rows.form.agents_per_env
        self.same_step = same_step
        self.max_steps = 0 if max_steps is None else max_steps
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.late = rows.late
        self.waiting = rows.waiting
        self.over = rows.over
        self.returns = np.zeros(count)
        self.lengths = np.zeros(count, np.int64)
        self.begun = np.zeros(count)
        self.steps = np.zeros(rows.form.copies, np.int64)
        self.records = np.zeros((count, 3))
        self.ended = self.records
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

    def account(self, Py_ssize_t first, Py_ssize_t last):
        """After a step of the copies first to last - 1. Returns which rows have ended, bool, or None if none has."""
        cdef Py_ssize_t copy, row
        cdef uint8_t[::1] marks
        cdef bint any_ended = False
        cdef double now = 0
        self.check(first, last)
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
                    any_ended = True
                    self.end_row(row, now)
                elif self.masks[row] and not self.over[copy]:
                    self.lengths[row] += 1
                    self.returns[row] += self.rewards[row]
            if self.over[copy]:
                now = now or time.perf_counter()
                if self.same_step:
                    self.begin_copy(copy, now)
                else:
                    self.waiting[copy] = True
        if not any_ended:
            return None
        ended = np.zeros((last - first) * self.agents, np.bool_)
        marks = ended.view(np.uint8)
        for row in range(first * self.agents, last * self.agents):
            marks[row - first * self.agents] = self.terminations[row] | self.truncations[row]
        return ended

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

    cdef int end_row(self, Py_ssize_t row, double now) except -1:
        self.ended[row, RETURN] = self.returns[row] + self.rewards[row]
        self.ended[row, LENGTH] = self.lengths[row] + 1
        self.ended[row, SECONDS] = now - self.begun[row]
        self.sum_of[row, 0] += 1
        self.sum_of[row, 1] += self.ended[row, RETURN]
        self.sum_of[row, 2] += self.ended[row, LENGTH]
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
