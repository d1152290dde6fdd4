"""Mines: open every cell of the board that hides no mine.

Observation   int8 (8, 8): -1 = closed, 0 to 8 = open, with that number of mines around it, 9 = an opened mine.
Action        Discrete(64): open the cell row * 8 + column. A cell with no mine around opens its neighbours as well.
Reward        +1 when the last cell without a mine is opened, -1 when a mine is opened, else 0.
Terminated    when a mine, or the last cell without one, is opened.
Truncated     after 64 steps, or max_steps if given. Opening an open cell changes nothing and takes a step.
Start         every cell closed. The mines are laid when the first cell is opened, never under that one.
Source        Minesweeper, in Microsoft's Windows Entertainment Pack of 1990: the board for beginners.
Version       0
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, int8_t, int32_t, memcpy, memset, rng_below, uint64_t

cdef extern from * nogil:
    int __builtin_ctzll(uint64_t)
    int __builtin_popcountll(uint64_t)

cdef enum:
    SIZE = 8
    CELLS = SIZE * SIZE
    CLOSED = -1
    MINE = 9
    SIDE = 24              # of a cell in the picture, in pixels

# Sets of cells are the bits of a uint64_t; these are the first and the last column.
cdef uint64_t FIRST = 0x0101010101010101U
cdef uint64_t LAST = 0x8080808080808080U

cdef struct State:
    uint64_t mined         # empty until the first cell is opened
    uint64_t opened
    int8_t board[CELLS]    # the observation


cdef class Mines(Env):
    """Mines(num_envs=1, *, mines=10, **options)
--

`mines` (1 to 63) are hidden on the board; the options are those of `puffer.Env`.
See the module's docstring for the rules.
"""

    default_max_steps = CELLS
    render_modes = ("rgb_array", "ansi")
    render_size = (SIDE * SIZE, SIDE * SIZE)
    cdef readonly int mines
    cdef int8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, mines=10, **options):
        mines = checks.integer("mines", mines, 1, CELLS - 1)
        board = spaces.Box(CLOSED, MINE, (SIZE, SIZE), np.int8)
        super().__init__(num_envs, board, spaces.Discrete(CELLS), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.mines = mines
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.mined = state.opened = 0
        memset(state.board, CLOSED, CELLS)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int cell = self.actions[i] & (CELLS - 1)
        if not state.mined:
            self.lay_mines(i, cell)
        if state.mined >> cell & 1:
            state.board[cell] = MINE
            self.rewards[i] = -1
        elif not state.opened >> cell & 1:
            open_cell(state, cell)
            self.rewards[i] = state.opened == ~state.mined
        self.terminations[i] = self.rewards[i] != 0

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memcpy(&self.observations[i, 0, 0], self.state[i].board, CELLS)

    cdef void lay_mines(self, Py_ssize_t i, int first) noexcept nogil:
        cdef uint64_t mined = 0, bit
        cdef int laid = 0
        while laid < self.mines:
            bit = <uint64_t>1 << rng_below(&self.rng[i], CELLS)
            if not bit & (mined | <uint64_t>1 << first):
                mined |= bit
                laid += 1
        self.state[i].mined = mined

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int cell, row, column, shown
        cdef char[2] digit
        digit[1] = 0
        canvas.clear(0x101820)
        for cell in range(CELLS):
            row, column, shown = cell // SIZE, cell % SIZE, self.state[i].board[cell]
            canvas.cell(row, column, SIDE, 1, 0x2EC4B6 if shown == CLOSED else 0x24303C)
            if shown == MINE:
                canvas.disc(SIDE * (column + 0.5), SIDE * (row + 0.5), 8, 0xFF4D4D)
            elif shown > 0:
                digit[0] = ord("0") + shown
                canvas.text(SIDE * column + 7, SIDE * row + 5, 14, digit, 0xFF9F1C)

    cdef object ansi_one(self, Py_ssize_t i):
        signs = ["#.12345678*"[self.state[i].board[cell] - CLOSED] for cell in range(CELLS)]
        return "\n".join("".join(signs[first:first + SIZE]) for first in range(0, CELLS, SIZE))


cdef inline uint64_t around(uint64_t cells) noexcept nogil:
    """The cells and their neighbours."""
    cells |= (cells & ~LAST) << 1 | (cells & ~FIRST) >> 1
    return cells | cells << SIZE | cells >> SIZE


cdef inline void open_cell(State* state, int cell) noexcept nogil:
    """Open a closed cell. Where no mine is around it, open its neighbours as well."""
    cdef uint64_t clear = ~around(state.mined), cells = 0, more = <uint64_t>1 << cell
    while cells != more:
        cells = more
        more |= around(cells & clear)
    cells &= ~state.opened
    state.opened |= cells
    while cells:
        cell = __builtin_ctzll(cells)
        state.board[cell] = __builtin_popcountll(state.mined & around(<uint64_t>1 << cell))
        cells &= cells - 1
