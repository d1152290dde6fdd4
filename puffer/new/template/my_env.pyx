"""MyEnv: walk about a board and pick up every coin before time runs out.

Observation   uint8 (size, size): 0 = floor, 1 = coin, 2 = player.
Action        Discrete(4): 0 up, 1 right, 2 down, 3 left; the walls stop the player.
Reward        +1 for each coin.
Terminated    with the last coin.
Truncated     after 100 steps, or max_steps if given.
Start         player and coins on different random cells.
Source        made by `python -m puffer.new`.
Version       0
"""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, rng_below, uint8_t

cpdef enum Cell:
    FLOOR
    COIN
    PLAYER

cpdef enum Action:
    UP
    RIGHT
    DOWN
    LEFT

# The state of one copy, apart from its board: plain values only.
cdef struct State:
    int32_t row
    int32_t column
    int32_t coins


# One object of this class holds all copies of the game.
cdef class MyEnv(Env):
    """MyEnv(num_envs=1, *, size=6, coins=4, **options)
--

Copies of a board with coins. The rules are in the module's docstring.

Parameters
----------
num_envs : int, default 1
    Number of copies.
size : int, default 6
    Rows and columns of the board, 2 to 64.
coins : int, default 4
    Coins on the board, 1 to size * size - 1.
**options
    The options of `puffer.Env`.

Attributes
----------
size, coins : int
    As given.
"""

    # Raise this when the rules change.
    version = 0
    default_max_steps = 100
    # Means of these over episodes are in env.stats(), in addition to the return and the length.
    statistic_names = ("cleared",)
    render_modes = ("rgb_array", "ansi")

    cdef readonly int size
    cdef readonly int coins
    cdef uint8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    # Memory of all copies: a State, and the cells of a board, for each.
    cdef State* state
    cdef uint8_t* boards

    def __init__(self, num_envs=1, *, size=6, coins=4, **options):
        size = checks.integer("size", size, 2, 64)
        coins = checks.integer("coins", coins, 1, size * size - 1)
        observation_space = spaces.Box(0, PLAYER, (size, size), np.uint8)
        super().__init__(num_envs, observation_space, spaces.Discrete(4), snapshot_key=(coins,), **options)
        # Views of the batch, with a row for each copy.
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.size = size
        self.coins = coins
        self.state = <State*>self.new_state(sizeof(State))
        self.boards = <uint8_t*>self.new_state(size * size)

    # ---- Rules. Threads run these methods without the GIL, so they use no Python objects. ----

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        """Begin an episode in copy i. self.rng[i] is the only source of chance."""
        cdef State* state = &self.state[i]
        cdef int cells = self.size * self.size
        cdef uint8_t* board = self.boards + i * cells
        cdef int player = rng_below(&self.rng[i], cells)
        cdef int free = cells - 1, missing = self.coins, cell
        state.row = player // self.size
        state.column = player % self.size
        state.coins = self.coins
        # Every free cell gets one of the missing coins with the same probability.
        for cell in range(cells):
            board[cell] = FLOOR
            if cell != player:
                if rng_below(&self.rng[i], free) < missing:
                    board[cell] = COIN
                    missing -= 1
                free -= 1

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        """Step copy i. Reward and flags are zero before; time limits and new episodes are the base class's."""
        cdef State* state = &self.state[i]
        cdef int action = self.actions[i]
        cdef uint8_t* cell
        state.row = min(max(state.row + (action == DOWN) - (action == UP), 0), self.size - 1)
        state.column = min(max(state.column + (action == RIGHT) - (action == LEFT), 0), self.size - 1)
        cell = self.boards + (i * self.size + state.row) * self.size + state.column
        if cell[0] == COIN:
            cell[0] = FLOOR
            state.coins -= 1
            self.rewards[i] = 1
            if state.coins == 0:
                self.terminations[i] = True
                self.statistics[i, 0] = 1

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        """Write the whole observation of copy i."""
        cdef State* state = &self.state[i]
        cdef int cells = self.size * self.size
        memcpy(&self.observations[i, 0, 0], self.boards + i * cells, cells)
        self.observations[i, state.row, state.column] = PLAYER

    # ---- Pictures, which are optional and drawn on request only. ----

    @property
    def render_size(self):
        return 24 * self.size, 24 * self.size

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int row, column
        canvas.clear(0x101820)
        for row in range(self.size):
            for column in range(self.size):
                if self.boards[(i * self.size + row) * self.size + column] == COIN:
                    canvas.disc(24 * (column + 0.5), 24 * (row + 0.5), 6, 0xFF9F1C)
        canvas.cell(self.state[i].row, self.state[i].column, 24, 3, 0x2EC4B6)

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        cells = [".o"[self.boards[i * self.size * self.size + k]] for k in range(self.size * self.size)]
        cells[state.row * self.size + state.column] = "@"
        return "\n".join("".join(cells[k:k + self.size]) for k in range(0, len(cells), self.size))
