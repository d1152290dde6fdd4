"""MinAtar Breakout: return a ball with a paddle and break three rows of bricks.

Observation   uint8 (10, 10, 4), by row from the top, column and channel: 1 where there is the paddle (channel 0), the
              ball (1), the ball a step ago (2), a brick (3).
Action        Discrete(3): 0 nothing, 1 left, 2 right. With use_minimal_action_set=False Discrete(6): 0 nothing, 1 left,
              2 up, 3 right, 4 down, 5 fire; up, down and fire do nothing. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 for each brick.
Terminated    when the ball reaches the bottom row and the paddle does not meet it.
Truncated     never by the rules; after max_steps steps if given.
Start         bricks in the rows 1 to 3, the paddle in column 4, and the ball in row 3 at a random side, on its way
              down.
Rules         In a step the paddle moves by a cell, then the ball by one along each axis. A side mirrors its way across,
              the top its way down. A brick that it would enter breaks, and the ball keeps its row and turns back up or
              down; it breaks no other one until it has been in a cell without a brick. In the bottom row it turns back
              up, without entering it, if the paddle is below it; if the paddle is in the cell that it would enter, it
              also turns left or right. The bricks are laid again when the ball comes to the bottom row and none is
              left.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
              Learning Experiments"; the package minatar 1.0.15. A difference: in the first step of an episode a move
              that sticks is nothing, where the package takes the last one of the episode before.
Version       0
"""
cimport cython

from puffer cimport int8_t, memcpy, memset, rng_below, uint8_t, uint32_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport LEFT, MinAtar, Move, NOTHING, RIGHT, SIDE

cdef enum:
    PADDLE, BALL, TRAIL, BRICK, CHANNELS
    # The first row of bricks.
    WALL = 1
    BRICKS = 3 * SIDE
    BOTTOM = SIDE - 1
    # The bricks that are painted at once, and how many times.
    AT_ONCE = 4
    GROUPS = (BRICKS + AT_ONCE - 1) // AT_ONCE

# The cells of each set of four bricks.
cdef uint8_t[1 << AT_ONCE][AT_ONCE * CHANNELS] CELLS_OF


cdef void fill_cells() noexcept nogil:
    cdef int bricks, k
    for bricks in range(1 << AT_ONCE):
        for k in range(AT_ONCE):
            CELLS_OF[bricks][k * CHANNELS + BRICK] = bricks >> k & 1


fill_cells()

cdef uint32_t ALL_BRICKS = ((<uint32_t>1) << BRICKS) - 1

cdef struct State:
    uint32_t bricks        # a bit for each, row by row
    int8_t paddle          # its column
    int8_t x, y            # of the ball
    int8_t dx, dy
    int8_t last_x, last_y  # of the ball, a step ago
    uint8_t has_struck     # whether the ball has broken a brick, and has been among bricks since then


@cython.final
cdef class MinAtarBreakout(MinAtar):
    """MinAtarBreakout(num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True, \
**options)
--

Copies of MinAtar's Breakout. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
sticky_action_prob : float, default 0.1
    The probability that a step repeats the last move, 0 to 1.
difficulty_ramping : bool, default True
    Has no effect here: this game does not become harder.
use_minimal_action_set : bool, default True
    Whether the actions are those that have an effect, or all six of MinAtar.
**options
    The options of `puffer.Env`.

Attributes
----------
sticky_action_prob, difficulty_ramping, use_minimal_action_set
    As given.
"""

    cdef State* state

    def __init__(self, num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True,
                 **options):
        super().__init__(num_envs, (NOTHING, LEFT, RIGHT), (0x2EC4B6, 0xFF9F1C, 0x7A5520, 0x8D99AE),
                         sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        self.last[i] = NOTHING
        cdef int side = rng_below(&self.rng[i], 2)
        state.bricks = ALL_BRICKS
        state.paddle = 4
        state.x = state.last_x = side * (SIDE - 1)
        state.y = state.last_y = 3
        state.dx, state.dy = 1 - 2 * side, 1
        state.has_struck = False

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        cdef int x = state.x + state.dx, y = state.y + state.dy
        cdef uint32_t brick = 0
        state.paddle = clamped(state.paddle + (move == RIGHT) - (move == LEFT), 0, SIDE - 1)
        if x < 0 or x >= SIDE:
            state.dx = -state.dx
            x = state.x
        if WALL <= y < WALL + 3:
            brick = state.bricks & (<uint32_t>1) << ((y - WALL) * SIDE + x)
        if y < 0:
            y = state.y
            state.dy = -state.dy
        elif brick and not state.has_struck:
            state.bricks ^= brick
            self.rewards[i] = 1
            self.statistics[i, 0] += 1
            y = state.y
            state.dy = -state.dy
        elif y == BOTTOM:
            if state.bricks == 0:
                state.bricks = ALL_BRICKS
            if state.x == state.paddle or x == state.paddle:
                y = state.y
                state.dy = -state.dy
                if state.x != state.paddle:
                    state.dx = -state.dx
            else:
                self.terminations[i] = True
        state.has_struck = brick != 0
        state.last_x, state.last_y = state.x, state.y
        state.x, state.y = x, y

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint32_t bricks = state.bricks
        cdef int k
        memset(cells, 0, self.row_size)
        for k in range(GROUPS):
            memcpy(cells + (WALL * SIDE + AT_ONCE * k) * CHANNELS, CELLS_OF[bricks & 15], AT_ONCE * CHANNELS)
            bricks >>= AT_ONCE
        cells[(BOTTOM * SIDE + state.paddle) * CHANNELS + PADDLE] = 1
        cells[(state.y * SIDE + state.x) * CHANNELS + BALL] = 1
        cells[(state.last_y * SIDE + state.last_x) * CHANNELS + TRAIL] = 1

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.bricks &= ALL_BRICKS
        state.paddle = clamped(state.paddle, 0, SIDE - 1)
        state.x, state.y = clamped(state.x, 0, SIDE - 1), clamped(state.y, 0, SIDE - 1)
        state.last_x, state.last_y = clamped(state.last_x, 0, SIDE - 1), clamped(state.last_y, 0, SIDE - 1)
        state.dx, state.dy = 1 if state.dx > 0 else -1, 1 if state.dy > 0 else -1

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]
