"""MinAtar Freeway: cross eight lanes of traffic, again and again.

Observation   uint8 (10, 10, 7), by row from the top, column and channel: 1 where there is the chicken (channel 0), a
              car (1), the cell behind a car that moves every 2 steps (2), every 3 steps (3), 4 (4), 5 (5), 6 steps (6).
Action        Discrete(3): 0 nothing, 1 up, 2 down. With use_minimal_action_set=False Discrete(6): 0 nothing, 1 left, 2
              up, 3 right, 4 down, 5 fire; left, right and fire do nothing. With probability sticky_action_prob a step
              repeats the move of the last one instead.
Reward        1 each time that the chicken reaches the top row.
Terminated    after 2501 steps: in the one after MinAtar's 2500.
Truncated     never by the rules; after max_steps steps if given.
Start         the chicken in the bottom row, and in each of the rows 1 to 8 a car in the leftmost column, with a random
              interval, 2 to 6 steps, and a random direction.
Rules         The chicken stays in column 4. It can move in step 4, and then at the earliest 3 steps after its last
              move. At the top it is put back to the bottom, and every car gets a random interval and direction again.
              Cars that leave the board enter it at the other side. A chicken that moves onto a car, or that a car moves
              onto, is put back to the bottom.
Source        Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
              Learning Experiments"; the package minatar 1.0.15. A difference: in the first step of an episode a move
              that sticks is nothing, where the package takes the last one of the episode before.
Version       0
"""
cimport cython

from puffer cimport int8_t, int16_t, memset, rng_below, rng_chance, uint8_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.minatar._game cimport DOWN, MinAtar, Move, NOTHING, SIDE, UP

cdef enum:
    CHICKEN, CAR, FASTEST, CHANNELS = FASTEST + 5
    # The lanes are these rows.
    TOP = 1
    LANES = 8
    BOTTOM = SIDE - 1
    COLUMN = 4       # of the chicken
    MOVE_STEPS = 3
    TIME_LIMIT = 2500

cdef struct State:
    # Of the car in each lane: its column, its direction, the steps that it waits between moves, and those left.
    int8_t[LANES] x
    int8_t[LANES] dx
    int8_t[LANES] steps
    int8_t[LANES] timer
    int16_t time_left
    int8_t y         # of the chicken
    int8_t move_timer


@cython.final
cdef class MinAtarFreeway(MinAtar):
    """MinAtarFreeway(num_envs=1, *, sticky_action_prob=0.1, difficulty_ramping=True, use_minimal_action_set=True, \
**options)
--

Copies of MinAtar's Freeway. See the module's docstring for the rules.

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
        super().__init__(num_envs, (NOTHING, UP, DOWN),
                         (0xFFC93C, 0xE0475B, 0xA53B4B, 0x86384A, 0x683449, 0x4C3046, 0x362C3F),
                         sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        self.last[i] = NOTHING
        cdef int lane
        for lane in range(LANES):
            state.x[lane] = 0
        self.draw_cars(i)
        state.time_left = TIME_LIMIT
        state.y = BOTTOM
        state.move_timer = MOVE_STEPS

    cdef void draw_cars(self, Py_ssize_t i) noexcept nogil:
        """Give every car an interval and a direction."""
        cdef State* state = &self.state[i]
        cdef int lane
        for lane in range(LANES):
            state.steps[lane] = state.timer[lane] = 1 + rng_below(&self.rng[i], 5)
        for lane in range(LANES):
            state.dx[lane] = -1 if rng_chance(&self.rng[i], 0.5) else 1

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Move move = self.next_move(i)
        if state.move_timer == 0 and (move == UP or move == DOWN):
            state.move_timer = MOVE_STEPS
            state.y = clamped(state.y + (move == DOWN) - (move == UP), 0, BOTTOM)
        if state.y == 0:
            self.rewards[i] = 1
            self.statistics[i, 0] += 1
            self.draw_cars(i)
            state.y = BOTTOM
        drive(state)
        state.move_timer = max(state.move_timer - 1, 0)
        state.time_left -= 1
        self.terminations[i] = state.time_left < 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.paint(i, &self.observations[i, 0, 0, 0])

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int lane
        memset(cells, 0, self.row_size)
        cells[(state.y * SIDE + COLUMN) * CHANNELS + CHICKEN] = 1
        for lane in range(LANES):
            cells[((lane + TOP) * SIDE + state.x[lane]) * CHANNELS + CAR] = 1
            cells[((lane + TOP) * SIDE + wrapped(state.x[lane] - state.dx[lane])) * CHANNELS
                  + FASTEST + state.steps[lane] - 1] = 1

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int lane
        state.y = clamped(state.y, 0, BOTTOM)
        for lane in range(LANES):
            state.x[lane], state.dx[lane] = clamped(state.x[lane], 0, SIDE - 1), clamped(state.dx[lane], -1, 1)
            state.steps[lane] = clamped(state.steps[lane], 1, 5)

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]


cdef inline int8_t wrapped(int8_t x) noexcept nogil:
    return SIDE - 1 if x < 0 else 0 if x == SIDE else x


cdef inline void drive(State* state) noexcept nogil:
    """Move the cars that are due, and put back a chicken that one of them meets."""
    cdef int lane = state.y - TOP
    cdef int8_t before = COLUMN, due
    cdef bint has_lane = 0 <= lane < LANES
    if has_lane:
        before = state.x[lane]
    # Without branches, so that the compiler moves all of them at once.
    for lane in range(LANES):
        due = -<int8_t>(state.timer[lane] == 0)
        state.x[lane] = wrapped(state.x[lane] + (state.dx[lane] & due))
        state.timer[lane] = (state.timer[lane] - 1) + (due & (state.steps[lane] + 1))
    lane = state.y - TOP
    if has_lane and (before == COLUMN or state.x[lane] == COLUMN):
        state.y = BOTTOM
