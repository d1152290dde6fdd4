"""MinAtar Space Invaders: shoot waves of aliens that come down, and dodge their bullets.

Observation   uint8 (10, 10, 6), by row from the top, column and channel: 1 where there is the cannon (channel 0), an
              alien (1), an alien when they move left (2), an alien when they move right (3), a bullet of the cannon
              (4), a bullet of an alien (5).
Action        Discrete(4): 0 nothing, 1 left, 2 right, 3 fire. With use_minimal_action_set=False Discrete(6): 0 nothing,
              1 left, 2 up, 3 right, 4 down, 5 fire; up and down do nothing. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 for each alien that is shot.
Terminated    when the cannon meets a bullet or an alien, and when aliens in the bottom row are to move down.
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: 24 aliens in the rows 0 to 3 and the columns 2 to 7, about to move left, and the cannon
              in column 5 of the bottom row.
Rules         In a step: the cannon moves, or fires if it has not for 5 steps; the bullets of the cannon move up by a
              cell, those of the aliens down; the aliens move if it is time; one of them shoots if it is time; bullets
              hit the aliens in their cell. The aliens move in step 13, and then every 12 steps, or, if less are left
              than 12, after as many steps. They move by a cell, or down and turn round if one of them is at the side to
              which they move. One shoots in step 11, and then every 10 steps: the lowest alien of the column that is
              nearest to the cannon, of two the left one. When all are shot, the next wave appears. With
              difficulty_ramping its interval is shorter by 1, down to 6.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
              Learning Experiments"; the package minatar 1.0.15. A difference: in the first step of an episode a move
              that sticks is nothing, where the package takes the last one of the episode before.
Version       0
"""
cimport cython

from puffer cimport int8_t, int32_t, memcpy, memset, uint8_t, uint64_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport CELLS, FIRE, LEFT, MinAtar, Move, NOTHING, RIGHT, SIDE

cdef extern from * nogil:
    int __builtin_ctzll(uint64_t)

cdef enum:
    CANNON, ALIEN, ALIEN_LEFT, ALIEN_RIGHT, FRIENDLY_BULLET, ENEMY_BULLET, CHANNELS
    BOTTOM = SIDE - 1
    # The cells of half a board.
    HALF = CELLS // 2
    RELOAD_STEPS = 5
    SHOT_STEPS = 10
    MOVE_STEPS = 12
    FEWEST_MOVE_STEPS = 6
    WAVE = 24

# A bit for each cell of the upper and of the lower five rows, row by row.
cdef struct Board:
    uint64_t upper
    uint64_t lower

cdef uint64_t ALL = ((<uint64_t>1) << HALF) - 1
# The leftmost cells of half a board, the cells of a row, and those of the aliens in the rows 0 to 3.
cdef uint64_t LEFTMOST = 0x10040100401U
cdef uint64_t ROW = 0x3FF
cdef uint64_t ALIENS = 0x3F0FC3F0FCU

cdef struct State:
    Board aliens
    Board friendly_bullets
    Board enemy_bullets
    int8_t x               # of the cannon
    int8_t dx              # of the aliens
    int8_t count           # of the aliens
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
        self.last[i] = NOTHING
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
            state.friendly_bullets.lower |= bottom(state.x)
            state.reload_timer = RELOAD_STEPS
        state.x = clamped(state.x + (move == RIGHT) - (move == LEFT), 0, SIDE - 1)
        move_up(&state.friendly_bullets)
        move_down(&state.enemy_bullets)
        self.terminations[i] = ((state.enemy_bullets.lower | state.aliens.lower) & bottom(state.x)) != 0
        if state.move_timer == 0:
            self.terminations[i] |= move_aliens(state)
        if state.shot_timer == 0:
            state.shot_timer = SHOT_STEPS
            shoot(state)
        shot = hit_aliens(state)
        state.reload_timer = max(state.reload_timer - 1, 0)
        state.move_timer -= 1
        state.shot_timer -= 1
        if shot == 0:
            return
        self.rewards[i] = shot
        self.statistics[i, 0] += shot
        if state.count == 0:
            if self.difficulty_ramping and state.move_steps > FEWEST_MOVE_STEPS:
                state.move_steps -= 1
            raise_wave(state)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int32_t alien = 0
        (<uint8_t*>&alien)[0] = 1
        (<uint8_t*>&alien)[(ALIEN_LEFT if state.dx < 0 else ALIEN_RIGHT) - ALIEN] = 1
        memset(cells, 0, self.row_size)
        cells[(BOTTOM * SIDE + state.x) * CHANNELS + CANNON] = 1
        mark_aliens(cells, state.aliens.upper, alien)
        mark_aliens(cells + HALF * CHANNELS, state.aliens.lower, alien)
        mark(cells, &state.friendly_bullets, FRIENDLY_BULLET)
        mark(cells, &state.enemy_bullets, ENEMY_BULLET)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.x = clamped(state.x, 0, SIDE - 1)
        restore(&state.aliens)
        restore(&state.friendly_bullets)
        restore(&state.enemy_bullets)

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]


# ---- Boards ----

cdef inline uint64_t bottom(int x) noexcept nogil:
    """The cell of a column in the bottom row."""
    return (<uint64_t>1) << (HALF - SIDE + x)


cdef inline void move_down(Board* board) noexcept nogil:
    """What leaves the bottom row is gone."""
    board.lower = (board.lower << SIDE | board.upper >> (HALF - SIDE)) & ALL
    board.upper = board.upper << SIDE & ALL


cdef inline void move_up(Board* board) noexcept nogil:
    board.upper = (board.upper >> SIDE | board.lower << (HALF - SIDE)) & ALL
    board.lower >>= SIDE


cdef inline void restore(Board* board) noexcept nogil:
    board.upper &= ALL
    board.lower &= ALL


cdef inline void mark(uint8_t* cells, const Board* board, int channel) noexcept nogil:
    cdef uint64_t half = board.upper
    while half:
        cells[__builtin_ctzll(half) * CHANNELS + channel] = 1
        half &= half - 1
    half = board.lower
    while half:
        cells[(HALF + __builtin_ctzll(half)) * CHANNELS + channel] = 1
        half &= half - 1


cdef inline void mark_aliens(uint8_t* cells, uint64_t half, int32_t alien) noexcept nogil:
    """Write the channels of aliens, before bullets are marked: these overwrite a channel of bullets."""
    while half:
        memcpy(cells + __builtin_ctzll(half) * CHANNELS + ALIEN, &alien, sizeof(alien))
        half &= half - 1


# ---- A step ----

cdef inline void raise_wave(State* state) noexcept nogil:
    state.aliens.upper, state.aliens.lower = ALIENS, 0
    state.count = WAVE


cdef inline bint move_aliens(State* state) noexcept nogil:
    """Move all aliens. Returns whether that ends the game."""
    cdef uint64_t side = LEFTMOST if state.dx < 0 else LEFTMOST << (SIDE - 1)
    cdef uint64_t lowest = state.aliens.lower >> (HALF - SIDE)
    cdef bint is_over = False
    state.move_timer = min(state.move_steps, state.count)
    if (state.aliens.upper | state.aliens.lower) & side:
        state.dx = -state.dx
        is_over = lowest != 0
        move_down(&state.aliens)
        # Those of the bottom row, which have ended the game, appear at the top.
        state.aliens.upper |= lowest
    elif state.dx < 0:
        state.aliens.upper >>= 1
        state.aliens.lower >>= 1
    else:
        state.aliens.upper <<= 1
        state.aliens.lower <<= 1
    return is_over or state.aliens.lower & bottom(state.x) != 0


cdef inline void shoot(State* state) noexcept nogil:
    """Let the lowest alien of the nearest column shoot."""
    cdef int k, x
    for k in range(2 * SIDE):
        # Left and right of the cannon in turn, ever farther away.
        x = state.x + ((k + 1) // 2 if k % 2 == 0 else -((k + 1) // 2))
        if 0 <= x < SIDE and shoot_from(state, x):
            return


cdef inline bint shoot_from(State* state, int x) noexcept nogil:
    """Let the lowest alien of a column shoot, if there is one."""
    cdef uint64_t column = LEFTMOST << x, cell
    cdef int row
    if not (state.aliens.upper | state.aliens.lower) & column:
        return False
    for row in range(SIDE // 2 - 1, -1, -1):
        cell = (<uint64_t>1) << (SIDE * row + x)
        if state.aliens.lower & cell:
            state.enemy_bullets.lower |= cell
            return True
    for row in range(SIDE // 2 - 1, -1, -1):
        cell = (<uint64_t>1) << (SIDE * row + x)
        if state.aliens.upper & cell:
            state.enemy_bullets.upper |= cell
            return True
    return False


cdef inline int hit_aliens(State* state) noexcept nogil:
    """Remove the aliens that bullets hit, with the bullets. Returns how many."""
    cdef uint64_t upper = state.aliens.upper & state.friendly_bullets.upper
    cdef uint64_t lower = state.aliens.lower & state.friendly_bullets.lower
    cdef int hits = 0
    if (upper | lower) == 0:
        return 0
    state.aliens.upper ^= upper
    state.friendly_bullets.upper ^= upper
    state.aliens.lower ^= lower
    state.friendly_bullets.lower ^= lower
    while upper:
        upper &= upper - 1
        hits += 1
    while lower:
        lower &= lower - 1
        hits += 1
    state.count -= hits
    return hits
