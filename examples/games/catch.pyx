"""Catch: slide a paddle under a falling ball.

Observation   uint8 (rows, columns): 1 = ball or paddle, 0 = empty.
Action        Discrete(3): 0 left, 1 stay, 2 right.
Reward        +1 when the ball is caught, -1 when it is missed, 0 before.
Terminated    when the ball reaches the bottom row, after rows - 1 steps.
Start         ball in a random column of the top row, paddle in the middle of the bottom row.
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memset, rng_below, uint8_t

cdef struct State:
    int row, column, paddle


cdef class Catch(Env):
    """Catch(num_envs=1, *, rows=10, columns=5, **options)
--

A board with `rows` (2 to 255) rows and `columns` (1 to 255) columns.
"""

    cdef readonly int rows, columns
    cdef uint8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, rows=10, columns=5, **options):
        rows, columns = checks.integer("rows", rows, 2, 255), checks.integer("columns", columns, 1, 255)
        super().__init__(num_envs, spaces.Box(0, 1, (rows, columns), np.uint8), spaces.Discrete(3), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))
        self.rows, self.columns = rows, columns

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i] = State(0, rng_below(&self.rng[i], self.columns), self.columns // 2)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.paddle = min(max(state.paddle + self.actions[i] - 1, 0), self.columns - 1)
        state.row += 1
        if state.row == self.rows - 1:
            self.rewards[i] = 1 if state.column == state.paddle else -1
            self.terminations[i] = True

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memset(&self.observations[i, 0, 0], 0, self.rows * self.columns)
        self.observations[i, self.state[i].row, self.state[i].column] = 1
        self.observations[i, self.rows - 1, self.state[i].paddle] = 1

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        canvas.cell(self.state[i].row, self.state[i].column, 24, 4, 0xFF9F1C)
        canvas.cell(self.rows - 1, self.state[i].paddle, 24, 2, 0x2EC4B6)
