"""MinAtar Space Invaders: shoot waves of aliens that come down, and dodge their bullets.

Observation   uint8 (10, 10, 6), by row from the top, column and channel: 1 where there is the cannon (channel 0), an
              alien (1), an alien when they move left (2), an alien when they move right (3), a bullet of the cannon (4),
              a bullet of an alien (5).
Action        Discrete(4): 0 nothing, 1 left, 2 right, 3 fire. With use_minimal_action_set=False Discrete(6): 0 nothing,
              1 left, 2 up, 3 right, 4 down, 5 fire; up and down do nothing. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 for each alien that is shot.
Terminated    when the cannon meets a bullet or an alien, and when aliens in the bottom row are to move down.
Truncated     never by the rules; after max_steps steps if given.
Start         24 aliens in the rows 0 to 3 and the columns 2 to 7, about to move left, and the cannon in column 5 of the
              bottom row.
Rules         In a step: the cannon moves, or fires if it has not for 5 steps; the bullets of the cannon move up by a
              cell, those of the aliens down; the aliens move if it is time; one of them shoots, every 11 steps; bullets
              hit the aliens in their cell. The aliens move every 13 steps, or, if less are left than 12, after as many
              steps and one more. They move by a cell, or down and turn round if one of them is at the side to which they
              move. The lowest alien of the column that is nearest to the cannon shoots, of two the left one. When all
              are shot, the next wave appears. With difficulty_ramping its interval is shorter by 1, down to 7.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement Learning
              Experiments"; the package minatar 1.0.15.
Version       0
"""
cimport cython
from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memmove, memset

from puffer._core cimport import_puffer
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport CELLS, FIRE, LEFT, MinAtar, Move, NOTHING, RIGHT, SIDE

import_puffer()

cdef extern from * nogil:
    int __builtin_ctz(uint32_t)
    int __builtin_popcount(uint32_t)

cdef enum:
    CANNON, ALIEN, ALIEN_LEFT, ALIEN_RIGHT, FRIENDLY_BULLET, ENEMY_BULLET, CHANNELS
    BOTTOM = SIDE - 1
    RELOAD_STEPS = 5
    SHOT_STEPS = 10
    MOVE_STEPS = 12
    FEWEST_MOVE_STEPS = 6
    WAVE_ROWS = 4
    WAVE = 0b0011111100       # the aliens of a row; bit x is column x
    LEFTMOST = 1
    RIGHTMOST = 1 << (SIDE - 1)
    ALL = (1 << SIDE) - 1

cdef struct State:
    # A bit for each column, by row.
    uint16_t[SIDE] aliens
    uint16_t[SIDE] friendly_bullets
    uint16_t[SIDE] enemy_bullets
    int8_t x               # of the cannon
    int8_t dx              # of the aliens
    # The steps until the cannon can fire, until the aliens move, and until one of them shoots.
    int8_t reload_timer, move_timer, shot_timer
    int8_t move_steps      # of the wave


@cython.final
cdef class MinAtarSpaceInvaders(MinAtar):
    """MinAtarSpaceInvaders(num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, \
use_minimal_action_set=True, **options)
--

Copies of MinAtar's Space Invaders. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
sticky_action_prob : float, default 0.1
    The probability that a step repeats the last move, 0 to 1.
difficulty_ramping : bool, default True
    Whether each wave moves faster than the last one.
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
        super().__init__(num_envs, (NOTHING, LEFT, RIGHT, FIRE),
                         (0x2EC4B6, 0x8AC926, 0x8AC926, 0x8AC926, 0xFFC93C, 0xE0475B),
                         sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        memset(state, 0, sizeof(State))
        raise_wave(state)
        state.x = 5
        state.dx = -1
        state.move_timer = state.move_steps = MOVE_STEPS
        state.shot_timer = SHOT_STEPS

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        cdef int shot
        if move == FIRE and state.reload_timer == 0:
            state.friendly_bullets[BOTTOM] |= 1 << state.x
            state.reload_timer = RELOAD_STEPS
        state.x = clamped(state.x + (move == RIGHT) - (move == LEFT), 0, SIDE - 1)
        memmove(state.friendly_bullets, state.friendly_bullets + 1, BOTTOM * sizeof(uint16_t))
        memmove(state.enemy_bullets + 1, state.enemy_bullets, BOTTOM * sizeof(uint16_t))
        state.friendly_bullets[BOTTOM] = state.enemy_bullets[0] = 0
        self.terminations[i] = (state.enemy_bullets[BOTTOM] | state.aliens[BOTTOM]) >> state.x & 1
        if state.move_timer == 0:
            self.terminations[i] |= move_aliens(state)
        if state.shot_timer == 0:
            state.shot_timer = SHOT_STEPS
            shoot(state)
        shot = hit_aliens(state)
        self.rewards[i] = shot
        self.statistics[i, 0] += shot
        state.reload_timer = max(state.reload_timer - 1, 0)
        state.move_timer -= 1
        state.shot_timer -= 1
        if shot and alien_count(state) == 0:
            if self.difficulty_ramping and state.move_steps > FEWEST_MOVE_STEPS:
                state.move_steps -= 1
            raise_wave(state)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memset(&self.observations[i, 0, 0, 0], 0, CELLS * CHANNELS)
        self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int row
        cells[(BOTTOM * SIDE + state.x) * CHANNELS + CANNON] = 1
        for row in range(SIDE):
            mark(cells, row, state.aliens[row], ALIEN)
            mark(cells, row, state.aliens[row], ALIEN_LEFT if state.dx < 0 else ALIEN_RIGHT)
            mark(cells, row, state.friendly_bullets[row], FRIENDLY_BULLET)
            mark(cells, row, state.enemy_bullets[row], ENEMY_BULLET)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int row
        state.x = clamped(state.x, 0, SIDE - 1)
        for row in range(SIDE):
            state.aliens[row] &= ALL
            state.friendly_bullets[row] &= ALL
            state.enemy_bullets[row] &= ALL

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]


cdef inline void mark(uint8_t* cells, int row, uint32_t columns, int channel) noexcept nogil:
    while columns:
        cells[(row * SIDE + __builtin_ctz(columns)) * CHANNELS + channel] = 1
        columns &= columns - 1


cdef inline void raise_wave(State* state) noexcept nogil:
    cdef int row
    for row in range(WAVE_ROWS):
        state.aliens[row] = WAVE


cdef inline int alien_count(const State* state) noexcept nogil:
    cdef int row, count = 0
    for row in range(SIDE):
        count += __builtin_popcount(state.aliens[row])
    return count


cdef inline bint move_aliens(State* state) noexcept nogil:
    """Move all aliens. Returns whether that ends the game."""
    cdef int row
    cdef uint16_t columns = 0
    cdef bint is_over = False
    state.move_timer = min(state.move_steps, alien_count(state))
    for row in range(SIDE):
        columns |= state.aliens[row]
    if columns & (LEFTMOST if state.dx < 0 else RIGHTMOST):
        state.dx = -state.dx
        is_over = state.aliens[BOTTOM] != 0
        # Those of the bottom row, which have ended the game, appear at the top.
        columns = state.aliens[BOTTOM]
        memmove(state.aliens + 1, state.aliens, BOTTOM * sizeof(uint16_t))
        state.aliens[0] = columns
    else:
        for row in range(SIDE):
            state.aliens[row] = state.aliens[row] >> 1 if state.dx < 0 else state.aliens[row] << 1
    return is_over or state.aliens[BOTTOM] >> state.x & 1


cdef inline void shoot(State* state) noexcept nogil:
    """Let the lowest alien of the nearest column shoot."""
    cdef int row, x, k
    cdef uint16_t columns = 0
    for row in range(SIDE):
        columns |= state.aliens[row]
    if columns == 0:
        return
    for k in range(SIDE):
        x = state.x - k
        if x >= 0 and columns >> x & 1:
            break
        x = state.x + k
        if x < SIDE and columns >> x & 1:
            break
    for row in range(BOTTOM, -1, -1):
        if state.aliens[row] >> x & 1:
            state.enemy_bullets[row] |= 1 << x
            return


cdef inline int hit_aliens(State* state) noexcept nogil:
    """Remove the aliens that bullets hit, with the bullets. Returns how many."""
    cdef int row, count = 0
    cdef uint16_t hit
    for row in range(SIDE):
        hit = state.aliens[row] & state.friendly_bullets[row]
        state.aliens[row] ^= hit
        state.friendly_bullets[row] ^= hit
        count += __builtin_popcount(hit)
    return count
