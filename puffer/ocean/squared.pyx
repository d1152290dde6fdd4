"""Squared: walk from the centre of a square board to a target on its rim.

Observation   uint8 (size, size): 1 = agent, 2 = target, 0 = empty. With the agent on the target, 1.
Action        Discrete(5): 0 stay, 1 up, 2 down, 3 left, 4 right. A step off the board leaves the agent where it is.
Reward        1 on reaching the target, 0 otherwise.
Terminated    on reaching the target.
Truncated     after 3 * size steps, or max_steps if given.
Start         agent in the centre, target on a random cell of the rim.
Source        the idea of PufferLib's Squared; these rules are this package's own.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

cpdef enum Action:
    STAY
    UP
    DOWN
    LEFT
    RIGHT

cpdef enum Cell:
    EMPTY
    AGENT
    TARGET

cdef struct State:
    int32_t row
    int32_t column
    # Cell numbers, row * size + column.
    int32_t target
    # The cells that the observation row shows: to change only those is several times faster than to write the board.
    int32_t shown_agent
    int32_t shown_target


cdef class Squared(Env):
    """Squared(num_envs=1, *, size=11, **options)
--

A walk on a square board. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
size : int
    Length of the board's side in cells, odd, 3 to 255.
**options
    The options of `puffer.Env`.

Attributes
----------
size : int
    The parameter.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly int size
    cdef uint8_t[:, ::1] cells
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, size=11, max_steps=None, **options):
        size = checks.integer("size", size, 3, 255)
        if size % 2 == 0:
            raise ValueError(f"size must be odd, so that the board has a centre, got {size}")
        # Gymnasium before 1.3 takes no members of an enumeration as bounds.
        board = spaces.Box(<int>EMPTY, <int>TARGET, (size, size), np.uint8)
        max_steps = 3 * size if max_steps is None else max_steps
        super().__init__(num_envs, board, spaces.Discrete(5), observes_in_step=True, max_steps=max_steps, **options)
        self.size = size
        self.state = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.cells = buffers.observations.reshape(self.num_agents, -1)
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int last = self.size - 1
        # The rim in four runs of size - 1 cells, one along each side.
        cdef int cell = rng_below(&self.rng[i], 4 * last)
        cdef int side = cell // last, along = cell % last
        state.row = state.column = self.size // 2
        if side == 0:
            state.target = along
        elif side == 1:
            state.target = along * self.size + last
        elif side == 2:
            state.target = last * self.size + last - along
        else:
            state.target = (last - along) * self.size

    # Final, like `observe`, so that `step_range` calls it directly.
    @cython.final
    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int action = self.actions[i], last = self.size - 1
        cdef bint reached
        state.row = min(max(state.row + (action == DOWN) - (action == UP), 0), last)
        state.column = min(max(state.column + (action == RIGHT) - (action == LEFT), 0), last)
        reached = state.row * self.size + state.column == state.target
        self.rewards[i] = reached
        self.terminations[i] = reached

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    @cython.final
    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint8_t* cells = &self.cells[i, 0]
        if not self.retained:
            memset(cells, EMPTY, self.size * self.size)
            cells[state.target] = TARGET
        else:
            cells[state.shown_agent] = EMPTY
            # The agent may have stood on the cell that is the next target, too.
            if state.shown_target != state.target or state.shown_agent == state.target:
                cells[state.shown_target] = EMPTY
                cells[state.target] = TARGET
        state.shown_agent = state.row * self.size + state.column
        state.shown_target = state.target
        cells[state.shown_agent] = AGENT

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        return {"row": state.row, "column": state.column, "target": divmod(state.target, self.size)}

    @property
    def render_size(self):
        return 24 * self.size, 24 * self.size

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        cdef int row, column
        canvas.clear(0x101820)
        for row in range(self.size):
            for column in range(self.size):
                canvas.cell(row, column, 24, 1, 0x1F2D3A)
        canvas.cell(state.target // self.size, state.target % self.size, 24, 1, 0xFF9F1C)
        canvas.disc(24 * (state.column + 0.5), 24 * (state.row + 0.5), 9, 0x2EC4B6)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        board = [["."] * self.size for _ in range(self.size)]
        board[state.target // self.size][state.target % self.size] = "X"
        board[state.row][state.column] = "o"
        return "\n".join("".join(row) for row in board)


cdef class _PlainSquared(Squared):
    """Squared that writes the whole board in every step: the tests compare `observe` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        self.retained = False
        Squared.step_range(self, first, last)
