"""Catch: slide a paddle under a falling ball.

Observation   uint8 (rows, columns): 1 = ball or paddle, 0 = empty.
Action        Discrete(3): 0 left, 1 stay, 2 right.
Reward        +1 when the ball is caught, -1 when it is missed, 0 before.
Terminated    when the ball reaches the bottom row, after rows - 1 steps.
Truncated     never by the rules; after max_steps steps if given.
Start         ball in a random column of the top row, paddle in the middle of the bottom row.
Source        Mnih et al. 2014, "Recurrent Models of Visual Attention"; the board of bsuite's catch.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memset, rng_below, uint8_t
from puffer.ocean._clip cimport clamped

cpdef enum Action:
    LEFT
    STAY
    RIGHT

cdef struct State:
    int32_t ball_row
    int32_t ball_column
    int32_t paddle_column


@cython.final
cdef class Catch(Env):
    """Catch(num_envs=1, *, rows=10, columns=5, **options)
--

Copies of a board with a ball and a paddle. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
rows : int, default 10
    Height of the board in cells, 2 to 255.
columns : int, default 5
    Width of the board in cells, 1 to 255.
**options
    The options of `puffer.Env`.

Attributes
----------
rows, columns : int
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly int rows
    cdef readonly int columns
    cdef uint8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, rows=10, columns=5, **options):
        rows = checks.integer("rows", rows, 2, 255)
        columns = checks.integer("columns", columns, 1, 255)
        super().__init__(num_envs, spaces.Box(0, 1, (rows, columns), np.uint8), spaces.Discrete(3), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.rows = rows
        self.columns = columns
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.ball_row = 0
        state.ball_column = rng_below(&self.rng[i], self.columns)
        state.paddle_column = self.columns // 2

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.paddle_column = min(max(state.paddle_column + self.actions[i] - STAY, 0), self.columns - 1)
        state.ball_row = min(state.ball_row + 1, self.rows - 1)
        if state.ball_row == self.rows - 1:
            self.rewards[i] = 1 if state.ball_column == state.paddle_column else -1
            self.terminations[i] = True

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        memset(&self.observations[i, 0, 0], 0, self.rows * self.columns)
        self.observations[i, state.ball_row, state.ball_column] = 1
        self.observations[i, self.rows - 1, state.paddle_column] = 1

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.ball_row = clamped(state.ball_row, 0, self.rows - 1)
        state.ball_column = clamped(state.ball_column, 0, self.columns - 1)
        state.paddle_column = clamped(state.paddle_column, 0, self.columns - 1)

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]

    @property
    def render_size(self):
        return 24 * self.columns, 24 * self.rows

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        canvas.clear(0x101820)
        canvas.cell(self.rows - 1, state.paddle_column, 24, 2, 0x2EC4B6)
        canvas.disc(24 * (state.ball_column + 0.5), 24 * (state.ball_row + 0.5), 9, 0xFF9F1C)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        board = [["."] * self.columns for _ in range(self.rows)]
        board[self.rows - 1][state.paddle_column] = "="
        board[state.ball_row][state.ball_column] = "o"
        return "\n".join("".join(row) for row in board)
