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

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memset, rng_below, uint8_t, uint32_t
from puffer.ocean._clip cimport clamped
from puffer.ocean._grid cimport neighbour

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

cdef enum:
    ACTIONS = 5
    COLUMNS = 8  # of the table of neighbours: those behind the actions stay, as every number that is no action does

cdef int[COLUMNS] DOWNWARDS = [0, -1, 1, 0, 0, 0, 0, 0]
cdef int[COLUMNS] TO_THE_RIGHT = [0, 0, 0, -1, 1, 0, 0, 0]
# By whether the target is reached. A table, because a branch on random actions is unpredictable.
cdef float[2] PAYS = [0, 1]

# Numbers of cells, row * size + column.
cdef struct State:
    int32_t agent
    int32_t target
    # The cells that the observation row shows: to change only those is several times faster than to write the board.
    int32_t shown_agent
    int32_t shown_target


cdef inline void erase_marks(State* state, uint8_t* cells) noexcept nogil:
    cells[state.shown_agent] = EMPTY
    cells[state.shown_target] = EMPTY


cdef inline void draw_marks(State* state, int32_t agent, int32_t target, uint8_t* cells) noexcept nogil:
    """Draw on an empty board."""
    cells[target] = TARGET
    cells[agent] = AGENT
    state.shown_agent = agent
    state.shown_target = target


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
    cdef int32_t[:, ::1] neighbours
    cdef State* state

    def __init__(self, num_envs=1, *, size=11, max_steps=None, **options):
        size = checks.integer("size", size, 3, 255)
        if size % 2 == 0:
            raise ValueError(f"size must be odd, so that the board has a centre, got {size}")
        # Gymnasium before 1.3 takes no members of an enumeration as bounds.
        board = spaces.Box(<int>EMPTY, <int>TARGET, (size, size), np.uint8)
        max_steps = 3 * size if max_steps is None else max_steps
        super().__init__(num_envs, board, spaces.Discrete(ACTIONS), observes_in_step=True, max_steps=max_steps,
                         **options)
        self.cells = self.buffers.observations.reshape(self.num_agents, -1)
        self.actions = self.buffers.actions
        self.size = size
        self._fill_neighbours()
        self.state = <State*>self.new_state(sizeof(State))

    def _fill_neighbours(self):
        """The cell to which each action leads from each cell."""
        cdef int cell, action
        self.neighbours = np.empty((self.size * self.size, COLUMNS), np.int32)
        for cell in range(self.size * self.size):
            for action in range(COLUMNS):
                self.neighbours[cell, action] = neighbour(cell, DOWNWARDS[action], TO_THE_RIGHT[action], self.size,
                                                          self.size)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int last = self.size - 1
        # The rim in four runs of size - 1 cells, one along each side.
        cdef int cell = rng_below(&self.rng[i], 4 * last)
        cdef int side = cell // last, along = cell % last
        state.agent = self.size * self.size // 2
        if side == 0:
            state.target = along
        elif side == 1:
            state.target = along * self.size + last
        elif side == 2:
            state.target = last * self.size + last - along
        else:
            state.target = (last - along) * self.size

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags and cells are bytes, and a store of bytes may change anything but locals: hence a local for each array.
        cdef const int32_t* neighbours = &self.neighbours[0, 0]
        cdef const int32_t* actions = &self.actions[0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef uint8_t* cells = &self.cells[0, 0]
        cdef State* state
        # Not read from the state again: compilers read both at once, which waits for the store of each.
        cdef int32_t agent, target
        cdef Py_ssize_t i, count = self.size * self.size
        cdef bint retained = self.retained, reached
        if not retained:
            # All boards at once: a call for each takes longer than to empty it.
            memset(cells + first * count, EMPTY, (last - first) * count)
        for i in range(first, last):
            state = &self.state[i]
            agent = neighbours[COLUMNS * state.agent + min(<uint32_t>actions[i], <uint32_t>ACTIONS)]
            target = state.target
            reached = agent == target
            state.agent = agent
            rewards[i] = PAYS[reached]
            terminations[i] = reached
            if retained:
                erase_marks(state, cells + i * count)
            draw_marks(state, agent, target, cells + i * count)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        if self.retained:
            erase_marks(&self.state[i], &self.cells[i, 0])
        else:
            memset(&self.cells[i, 0], EMPTY, self.size * self.size)
        draw_marks(&self.state[i], self.state[i].agent, self.state[i].target, &self.cells[i, 0])

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int last = self.size * self.size - 1
        state.agent, state.target = clamped(state.agent, 0, last), clamped(state.target, 0, last)
        state.shown_agent = clamped(state.shown_agent, 0, last)
        state.shown_target = clamped(state.shown_target, 0, last)

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        row, column = divmod(state.agent, self.size)
        return {"row": row, "column": column, "target": divmod(state.target, self.size)}

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
        canvas.disc(24 * (state.agent % self.size + 0.5), 24 * (state.agent // self.size + 0.5), 9, 0x2EC4B6)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        board = [["."] * self.size for _ in range(self.size)]
        board[state.target // self.size][state.target % self.size] = "X"
        board[state.agent // self.size][state.agent % self.size] = "o"
        return "\n".join("".join(row) for row in board)


cdef class _PlainSquared(Squared):
    """Squared that writes the whole board in every step: the tests compare `observe` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        self.retained = False
        Squared.step_range(self, first, last)
