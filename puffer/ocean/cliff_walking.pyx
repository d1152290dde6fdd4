"""CliffWalking: walk along the edge of a cliff from the start to the goal.

The grid has 4 rows and 12 columns. The start is the first cell of the bottom row, the goal the last one, and the cliff
all cells between them.

Observation   int32 (1,): the number of the cell, row * 12 + column. With action_mask=True int32 (5,): the cell, then
              for each action 1, or 0 where all that it can do is run against the edge of the grid.
Action        Discrete(4): 0 up, 1 right, 2 down, 3 left. A move off the grid is no move. With is_slippery=True the
              move is, with a third of the probability each, the chosen one or one of the two at right angles to it.
Reward        -100 for a step off the cliff, -1 for any other step.
Terminated    on reaching the goal. A step off the cliff leads back to the start and ends nothing.
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: on the start cell.
Source        Sutton and Barto 2018, "Reinforcement Learning: An Introduction", example 6.6; Gymnasium's
              CliffWalking-v1.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below, rng_t

import_puffer()

cpdef enum Action:
    UP
    RIGHT
    DOWN
    LEFT

cdef enum:
    ROWS = 4
    COLUMNS = 12
    START = 36
    GOAL = 47
    SIDE = 48

cdef packed struct outcome_t:
    uint16_t cell
    uint16_t terminated
    float reward


cdef inline bint is_cliff(int cell) noexcept nogil:
    return START < cell < GOAL


@cython.final
cdef class CliffWalking(Env):
    """CliffWalking(num_envs=1, *, is_slippery=False, action_mask=False, **options)
--

The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (SIDE * COLUMNS, SIDE * ROWS)
    cdef readonly bint is_slippery
    cdef readonly bint action_mask
    # What each move leads to from each cell.
    cdef outcome_t[:, ::1] outcomes
    cdef int32_t[:, ::1] mask
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* cells

    def __init__(self, num_envs=1, *, is_slippery=False, action_mask=False, **options):
        high = np.array([GOAL] + [1] * 4 * bool(action_mask), np.int32)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(4),
                         observes_in_step=True, snapshot_key=(bool(is_slippery),), **options)
        self.is_slippery = is_slippery
        self.action_mask = action_mask
        self.cells = <int32_t*>self.new_state(sizeof(int32_t))
        self._make_tables()

    def _make_tables(self):
        cells = np.arange(ROWS * COLUMNS)[:, None]
        row, column = np.divmod(cells, COLUMNS)
        targets = (np.clip(row + [-1, 0, 1, 0], 0, ROWS - 1) * COLUMNS
                   + np.clip(column + [0, 1, 0, -1], 0, COLUMNS - 1))
        fall = (targets > START) & (targets < GOAL)
        outcomes = np.zeros(targets.shape, [("cell", np.uint16), ("terminated", np.uint16), ("reward", np.float32)])
        outcomes["cell"] = np.where(fall, START, targets)
        outcomes["terminated"] = targets == GOAL
        outcomes["reward"] = np.where(fall, -100, -1)
        self.outcomes = outcomes
        moves = targets != cells
        aside = np.roll(moves, 1, axis=1) | np.roll(moves, -1, axis=1)
        self.mask = (moves | aside & self.is_slippery).astype(np.int32)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.cells[i] = START

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const outcome_t* outcomes = &self.outcomes[0, 0]
        cdef const outcome_t* outcome
        cdef const int32_t* actions = &self.actions[0]
        cdef int32_t* cells = self.cells
        cdef int32_t* rows = &self.observations[0, 0]
        cdef Py_ssize_t i, width = self.observations.shape[1]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef rng_t* rng = self.rng
        cdef bint is_slippery = self.is_slippery
        cdef uint32_t move
        for i in range(first, last):
            move = <uint32_t>actions[i]
            if is_slippery:
                # The moves go round, so the third one after a move is the one before it.
                move += 3 + rng_below(&rng[i], 3)
            outcome = &outcomes[4 * cells[i] + (move & 3)]
            cells[i] = outcome.cell
            rows[i * width] = outcome.cell
            rewards[i] = outcome.reward
            terminations[i] = <uint8_t>outcome.terminated
        if self.action_mask:
            for i in range(first, last):
                self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int move
        self.observations[i, 0] = self.cells[i]
        if self.action_mask:
            for move in range(4):
                self.observations[i, 1 + move] = self.mask[self.cells[i], move]

    def state(self, copy=0):
        """The number of the cell of one copy, as a dict: `cell`."""
        self.require_settled("state")
        return {"cell": self.cells[checks.integer("copy", copy, 0, self.num_copies - 1)]}

    def set_cell(self, copy, cell):
        """Put one copy on a cell, given by its number; its episode goes on from there."""
        self.require_settled("set_cell")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        self.cells[i] = checks.integer("cell", cell, 0, GOAL)
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int cell, row, column
        cdef double x, y
        canvas.clear(0xC9CDB8)
        for cell in range(ROWS * COLUMNS):
            row, column = cell // COLUMNS, cell % COLUMNS
            if is_cliff(cell):
                canvas.rectangle(column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE, 0x4A4E5A)
            else:
                canvas.cell(row, column, SIDE, 1, 0xBFD8C2 if cell == START else 0xE9E7D8)
        for column in range(1, COLUMNS - 1):
            x, y = column * SIDE, (ROWS - 1) * SIDE
            canvas.line(x + 6, y + 8, x + 18, y + 30, 3, 0x6C7280)
            canvas.line(x + 28, y + 5, x + 36, y + 22, 3, 0x6C7280)
        x, y = (COLUMNS - 1) * SIDE, (ROWS - 1) * SIDE
        canvas.line(x + 17, y + 10, x + 17, y + 42, 3, 0x3D405B)
        canvas.rectangle(x + 17, y + 10, x + 38, y + 24, 0xE07A5F)
        x, y = SIDE * (self.cells[i] % COLUMNS + 0.5), SIDE * (self.cells[i] // COLUMNS + 0.5)
        canvas.disc(x, y, 12, 0x3D405B)
        canvas.disc(x, y, 9, 0xF2A541)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cells = ["C" if is_cliff(cell) else "." for cell in range(ROWS * COLUMNS)]
        cells[GOAL] = "G"
        cells[self.cells[i]] = "o"
        return "\n".join("".join(cells[row * COLUMNS:(row + 1) * COLUMNS]) for row in range(ROWS))
