"""MinAtar Asterix: collect gold that crosses the board, and keep away from the enemies that do.

Observation   uint8 (10, 10, 4), by row from the top, column and channel: 1 where there is the player (channel 0), an
              enemy (1), the cell behind an enemy or gold (2), gold (3).
Action        Discrete(5): 0 nothing, 1 left, 2 up, 3 right, 4 down. With use_minimal_action_set=False Discrete(6), with
              5 fire, which does nothing. With probability sticky_action_prob a step repeats the move of the last one
              instead.
Reward        1 for each gold that the player meets, which is gone then.
Terminated    when the player meets an enemy.
Truncated     never by the rules; after max_steps steps if given.
Start         always the same: the player in row 5 and column 5, and nothing else on the board.
Rules         The player stays in the rows 1 to 8. Each of these has at most one enemy or gold, which appears at a side
              and crosses the board. One appears in step 11, and then every 10 steps: with probability 1/2 at the left
              side, with probability 1/3 as gold, in a random row that is free; none appears if no row is. All of them
              move by a cell in step 6, and then every 5 steps. In a step one appears, the player moves and meets what
              is there, and what is due moves and meets the player. With difficulty_ramping both intervals become
              shorter every 102 steps: that of appearance by 1, and every other time that of moves by 1, down to every
              step.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
              Learning Experiments"; the package minatar 1.0.15. A difference: in the first step of an episode a move
              that sticks is nothing, where the package takes the last one of the episode before.
Version       0
"""
cimport cython

from puffer cimport int8_t, memset, rng_below, rng_chance, uint8_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport DOWN, LEFT, MinAtar, Move, NOTHING, RIGHT, SIDE, UP

cdef enum:
    PLAYER, ENEMY, TRAIL, GOLD, CHANNELS
    # Where the player may be, and something in each of them: these rows.
    TOP = 1
    ROWS = 8
    SPAWN_STEPS = 10
    MOVE_STEPS = 5
    RAMP_STEPS = 100

# What crosses a row.
cdef struct Walker:
    int8_t x
    int8_t dx       # 0 if there is none
    uint8_t is_gold

cdef struct State:
    Walker[ROWS] walkers
    int8_t x, y
    # The steps until something appears, until all move, and until the intervals become shorter.
    int8_t spawn_timer, move_timer, ramp_timer
    # The intervals now, less 1.
    int8_t spawn_steps, move_steps
    uint8_t is_move_next  # whether the next ramp makes that of the moves shorter too


@cython.final
cdef class MinAtarAsterix(MinAtar):
    """MinAtarAsterix(num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True, \
**options)
--

Copies of MinAtar's Asterix. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
sticky_action_prob : float, default 0.1
    The probability that a step repeats the last move, 0 to 1.
difficulty_ramping : bool, default True
    Whether the intervals become shorter.
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
        super().__init__(num_envs, (NOTHING, LEFT, UP, RIGHT, DOWN), (0x2EC4B6, 0xE0475B, 0x4A4E5A, 0xFFC93C),
                         sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        self.last[i] = NOTHING
        memset(state, 0, sizeof(State))
        state.x = state.y = 5
        state.spawn_timer = state.spawn_steps = SPAWN_STEPS
        state.move_timer = state.move_steps = MOVE_STEPS
        state.ramp_timer = RAMP_STEPS

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        if state.spawn_timer == 0:
            state.spawn_timer = state.spawn_steps
            self.spawn(i)
        state.x = clamped(state.x + (move == RIGHT) - (move == LEFT), 0, SIDE - 1)
        state.y = clamped(state.y + (move == DOWN) - (move == UP), TOP, TOP + ROWS - 1)
        self.meet(i)
        if state.move_timer == 0:
            state.move_timer = state.move_steps
            move_all(state)
            self.meet(i)
        state.spawn_timer -= 1
        state.move_timer -= 1
        if self.difficulty_ramping:
            ramp(state)

    cdef void spawn(self, Py_ssize_t i) noexcept nogil:
        """Let something appear in a free row."""
        cdef State* state = &self.state[i]
        cdef bint is_leftmost = rng_chance(&self.rng[i], 0.5), is_gold = rng_chance(&self.rng[i], 1.0 / 3)
        cdef int row, free = 0, chosen
        for row in range(ROWS):
            free += state.walkers[row].dx == 0
        if free == 0:
            return
        chosen = rng_below(&self.rng[i], free)
        for row in range(ROWS):
            if state.walkers[row].dx == 0:
                if chosen == 0:
                    state.walkers[row] = Walker(0 if is_leftmost else SIDE - 1, 1 if is_leftmost else -1, is_gold)
                    return
                chosen -= 1

    cdef void meet(self, Py_ssize_t i) noexcept nogil:
        """The player meets what is in the same cell."""
        cdef State* state = &self.state[i]
        cdef Walker* walker = &state.walkers[state.y - TOP]
        if walker.dx == 0 or walker.x != state.x:
            return
        if walker.is_gold:
            walker.dx = 0
            self.rewards[i] += 1
            self.statistics[i, 0] += 1
        else:
            self.terminations[i] = True

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Walker walker
        cdef int row, behind
        cdef bint has_trail
        memset(cells, 0, self.row_size)
        cells[(state.y * SIDE + state.x) * CHANNELS + PLAYER] = 1
        for row in range(ROWS):
            walker = state.walkers[row]
            # No branches: random play makes them unpredictable.
            cells[((row + TOP) * SIDE + walker.x) * CHANNELS + (GOLD if walker.is_gold else ENEMY)] = walker.dx != 0
            behind = walker.x - walker.dx
            has_trail = walker.dx != 0 and 0 <= behind < SIDE
            cells[((row + TOP) * SIDE + (behind if has_trail else 0)) * CHANNELS + TRAIL] = has_trail

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int row
        state.x, state.y = clamped(state.x, 0, SIDE - 1), clamped(state.y, TOP, TOP + ROWS - 1)
        for row in range(ROWS):
            state.walkers[row].x = clamped(state.walkers[row].x, 0, SIDE - 1)
            state.walkers[row].dx = clamped(state.walkers[row].dx, -1, 1)

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]


cdef inline void move_all(State* state) noexcept nogil:
    cdef Walker* walker
    cdef int row
    for row in range(ROWS):
        walker = &state.walkers[row]
        walker.x += walker.dx
        if walker.x < 0 or walker.x >= SIDE:
            walker.x = walker.dx = 0


cdef inline void ramp(State* state) noexcept nogil:
    """Make the intervals shorter when it is time."""
    if state.spawn_steps == 1 and state.move_steps == 1:
        return
    state.ramp_timer -= 1
    if state.ramp_timer >= -1:
        return
    state.ramp_timer = RAMP_STEPS
    if state.is_move_next and state.move_steps > 1:
        state.move_steps -= 1
    if state.spawn_steps > 1:
        state.spawn_steps -= 1
    state.is_move_next = not state.is_move_next
