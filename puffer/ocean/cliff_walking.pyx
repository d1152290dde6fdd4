"""CliffWalking: walk along the edge of a cliff from the start to the goal.

The grid has 4 rows and 12 columns. The start is the first cell of the bottom row, the goal the last one, and the cliff
all cells between them.

Observation   int32 (1,): the number of the cell, row * 12 + column. With action_mask=True int32 (5,): the cell, then
              for each action 1, or 0 if it can only run against the edge of the grid.
Action        Discrete(4): 0 up, 1 right, 2 down, 3 left. A move off the grid does nothing. With is_slippery=True the
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

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_below, uint32_t
from puffer.ocean._clip cimport clamped
from puffer.ocean._grid cimport draw_flag, draw_walker, marked, neighbour, told_of_moves

cpdef enum Action:
    UP
    RIGHT
    DOWN
    LEFT

cdef enum:
    ROWS = 4
    COLUMNS = 12
    CELLS = ROWS * COLUMNS
    START = CELLS - COLUMNS
    GOAL = CELLS - 1
    SIDE = 48  # of a cell, in pixels

# How far each action leads. The actions go round: at right angles to one are the previous and the next one.
cdef int[4] DOWNWARDS = [-1, 0, 1, 0]
cdef int[4] TO_THE_RIGHT = [0, 1, 0, -1]


cdef struct State:
    int32_t cell

# What a move from a cell leads to.
cdef struct Outcome:
    int32_t cell
    float reward

cdef Outcome[CELLS][4] OUTCOMES


cdef inline bint is_cliff(int cell) noexcept nogil:
    return START < cell < GOAL


cdef void fill_outcomes() noexcept nogil:
    cdef int cell, move, reached
    for cell in range(CELLS):
        for move in range(4):
            reached = neighbour(cell, DOWNWARDS[move], TO_THE_RIGHT[move], ROWS, COLUMNS)
            OUTCOMES[cell][move] = Outcome(START, -100) if is_cliff(reached) else Outcome(reached, -1)


fill_outcomes()


@cython.final
cdef class CliffWalking(Env):
    """CliffWalking(num_envs=1, *, is_slippery=False, action_mask=False, prob=False, **options)
--

Copies of a walk along a cliff. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
is_slippery : bool, default False
    Whether a move may go off to one side.
action_mask : bool, default False
    Whether the observation says which actions can lead to another cell.
prob : bool, default False
    Whether infos have `prob`, the probability of what a step has drawn, and 1 after a reset.
**options
    The options of `puffer.Env`.

Attributes
----------
is_slippery, action_mask, prob : bool
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (SIDE * COLUMNS, SIDE * ROWS)
    cdef readonly bint is_slippery
    cdef readonly bint action_mask
    cdef readonly bint prob
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, is_slippery=False, action_mask=False, prob=False, **options):
        self.require_unmade()
        self.prob = prob
        high = np.array([GOAL] + [1] * 4 * bool(action_mask), np.int32)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(4),
                         snapshot_key=(bool(is_slippery),), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.is_slippery = is_slippery
        self.action_mask = action_mask
        self.state = <State*>self.new_state(sizeof(State))

    @property
    def own_observation_space(self):
        return None if self.action_mask else spaces.Discrete(GOAL + 1)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].cell = START

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint32_t move = self.actions[i]
        cdef Outcome outcome
        if self.is_slippery:
            move += rng_below(&self.rng[i], 3) - 1
        outcome = OUTCOMES[state.cell][move % 4]
        state.cell = outcome.cell
        self.rewards[i] = outcome.reward
        self.terminations[i] = outcome.cell == GOAL

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int action
        self.observations[i, 0] = self.state[i].cell
        if self.action_mask:
            for action in range(4):
                self.observations[i, 1 + action] = self.can_move(i, action)

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef bint can_move(self, Py_ssize_t i, int action) noexcept nogil:
        """Whether an action can lead to another cell."""
        return self.is_open(i, action) or (
            self.is_slippery and (self.is_open(i, action + 1) or self.is_open(i, action + 3)))

    cdef bint is_open(self, Py_ssize_t i, int move) noexcept nogil:
        cdef int cell = self.state[i].cell
        return neighbour(cell, DOWNWARDS[move % 4], TO_THE_RIGHT[move % 4], ROWS, COLUMNS) != cell

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].cell = clamped(self.state[i].cell, 0, GOAL)

    @property
    def row_info_names(self):
        return ("prob",) if self.prob else ()

    def row_infos(self, Py_ssize_t first, Py_ssize_t last):
        """The probability of each move, and 1 where an episode begins."""
        drawn = np.full(last - first, 1.0 / 3 if self.is_slippery else 1.0)
        told = told_of_moves(drawn, self.elapsed + first)
        return lambda: told

    cdef dict state_one(self, Py_ssize_t i):
        return {"cell": self.state[i].cell}

    def set_cell(self, copy, cell):
        """Put one copy on a cell, given by its number; its episode goes on from there."""
        self.require_settled("set_cell")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        self.state[i].cell = checks.integer("cell", cell, 0, GOAL)
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int row, column
        cdef double x, y
        canvas.clear(0xC9CDB8)
        for row in range(ROWS):
            for column in range(COLUMNS):
                x, y = column * SIDE, row * SIDE
                if is_cliff(COLUMNS * row + column):
                    canvas.rectangle(x, y, x + SIDE, y + SIDE, 0x4A4E5A)
                    canvas.line(x + 6, y + 8, x + 18, y + 30, 3, 0x6C7280)
                    canvas.line(x + 28, y + 5, x + 36, y + 22, 3, 0x6C7280)
                else:
                    canvas.cell(row, column, SIDE, 1, 0xBFD8C2 if row == ROWS - 1 and column == 0 else 0xE9E7D8)
        draw_flag(canvas, ROWS - 1, COLUMNS - 1, SIDE)
        draw_walker(canvas, self.state[i].cell // COLUMNS, self.state[i].cell % COLUMNS, SIDE)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        lines = ["." * COLUMNS] * (ROWS - 1) + ["." + "C" * (COLUMNS - 2) + "G"]
        return marked(lines, self.state[i].cell // COLUMNS, self.state[i].cell % COLUMNS, "o")
