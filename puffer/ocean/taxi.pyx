"""Taxi: fetch a passenger at one of four places and drive them to another one.

A grid of 5 rows and 5 columns with walls ("|") between some cells; the places are, in order, R, G, Y and B:

    |R: | : :G|
    | : | : : |
    | : : : : |
    | | : | : |
    |Y| : |B: |

Observation   int32 (1,): ((row * 5 + column) * 5 + passenger) * 4 + destination, where passenger is a place, or 4 on
              board. With action_mask=True int32 (7,): that number, then for each action 1 if it changes it, else 0.
Action        Discrete(6): 0 south (down), 1 north (up), 2 east (right), 3 west (left), 4 pick up, 5 drop off. A move
              against a wall or the edge does nothing. With is_rainy=True any other move is the chosen one with
              probability rainy_probability, and else one of the two at right angles to it, which may then do nothing.
Reward        20 for the passenger at the destination, -10 for a pick up or drop off that is impossible, -1 otherwise.
Terminated    when the passenger is dropped off at the destination. At another place they get off and wait there.
Truncated     after 200 steps, or max_steps if given.
Start         taxi anywhere, passenger at a place, destination another place. With fickle_passenger=True, passengers are
              with fickle_probability of the kind that picks another destination after the first move on board.
Source        Dietterich 2000, "Hierarchical Reinforcement Learning with the MAXQ Value Function Decomposition";
              Gymnasium's Taxi-v4, which in dry weather and with steady passengers is Taxi-v3.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint32_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean._grid cimport Slips, marked, slip, slips_of
from puffer.rng cimport rng_below, rng_chance

import_puffer()

cpdef enum Action:
    SOUTH
    NORTH
    EAST
    WEST
    PICK_UP
    DROP_OFF

cdef enum:
    SIDE = 5  # of the grid, in cells
    PLACES = 4
    ON_BOARD = PLACES
    NOWHERE = -1
    STATES = SIDE * SIDE * (PLACES + 1) * PLACES
    WIDTH = 2 * SIDE + 1  # of a line of the map
    SIZE = 80  # of a cell, in pixels

cdef const char* MAP = (
    b"|R: | : :G|"
    b"| : | : : |"
    b"| : : : : |"
    b"| | : | : |"
    b"|Y| : |B: |"
)
_COLOURS = (0xD9594C, 0x5BA56B, 0xE3B23C, 0x4C78B5)

cdef struct State:
    int32_t row
    int32_t column
    int32_t passenger    # a place, or ON_BOARD
    int32_t destination  # a place
    int32_t fickle       # whether the passenger is going to pick another destination


cdef inline int place_at(int row, int column) noexcept nogil:
    """The place that a cell is, or NOWHERE."""
    cdef char letter = MAP[WIDTH * row + 2 * column + 1]
    return 0 if letter == c"R" else 1 if letter == c"G" else 2 if letter == c"Y" else 3 if letter == c"B" else NOWHERE


cdef inline int other_place(int place, int k) noexcept nogil:
    """The k-th of the places without one of them."""
    return k + (k >= place)


cdef inline uint32_t left_of(uint32_t move) noexcept nogil:
    return EAST if move == SOUTH else WEST if move == NORTH else NORTH if move == EAST else SOUTH


cdef inline uint32_t opposite(uint32_t move) noexcept nogil:
    return move ^ 1


@cython.final
cdef class Taxi(Env):
    """Taxi(num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8, fickle_probability=0.3, \
action_mask=False, **options)
--

Copies of a town with a taxi and a passenger. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
is_rainy : bool, default False
    Whether a move may go off to one side.
fickle_passenger : bool, default False
    Whether passengers may change their destination.
rainy_probability : float, default 0.8
    In rain the probability that a move is the chosen one, 0 to 1.
fickle_probability : float, default 0.3
    With fickle_passenger the probability that a passenger is fickle, 0 to 1.
action_mask : bool, default False
    Whether the observation says which actions change the state.
**options
    The options of `puffer.Env`.

Attributes
----------
is_rainy, fickle_passenger, rainy_probability, fickle_probability, action_mask
    As given.
"""

    default_max_steps = 200
    reward_threshold = 8.0
    render_modes = ("rgb_array", "ansi")
    render_size = (SIZE * SIDE, SIZE * SIDE)
    cdef readonly bint is_rainy
    cdef readonly bint fickle_passenger
    cdef readonly double rainy_probability
    cdef readonly double fickle_probability
    cdef readonly bint action_mask
    cdef Slips slips
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8,
                 fickle_probability=0.3, action_mask=False, **options):
        rainy_probability = checks.number("rainy_probability", rainy_probability, 0, 1)
        fickle_probability = checks.number("fickle_probability", fickle_probability, 0, 1)
        high = np.array([STATES - 1] + [1] * 6 * bool(action_mask), np.int32)
        key = bool(is_rainy), bool(fickle_passenger), rainy_probability, fickle_probability
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(6),
                         snapshot_key=key, **options)
        self.is_rainy, self.fickle_passenger, self.action_mask = is_rainy, fickle_passenger, action_mask
        self.rainy_probability, self.fickle_probability = rainy_probability, fickle_probability
        self.slips = slips_of(rainy_probability)
        self.state = <State*>self.new_state(sizeof(State))

    @property
    def own_observation_space(self):
        return None if self.action_mask else spaces.Discrete(STATES)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        # One number for the cell, the passenger and the destination.
        cdef int start = rng_below(&self.rng[i], SIDE * SIDE * PLACES * (PLACES - 1))
        cdef int cell = start // (PLACES * (PLACES - 1))
        state.row, state.column = cell // SIDE, cell % SIDE
        state.passenger = start // (PLACES - 1) % PLACES
        state.destination = other_place(state.passenger, start % (PLACES - 1))
        state.fickle = self.fickle_passenger and rng_chance(&self.rng[i], self.fickle_probability)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint32_t action = self.actions[i]
        if self.is_rainy:
            action = self.in_rain(i, action)
        self.rewards[i] = -1
        if not self.has_effect(i, action):
            if action == PICK_UP or action == DROP_OFF:
                self.rewards[i] = -10
        elif action == PICK_UP:
            state.passenger = ON_BOARD
        elif action == DROP_OFF:
            state.passenger = place_at(state.row, state.column)
            if state.passenger == state.destination:
                self.rewards[i] = 20
                self.terminations[i] = True
        else:
            self.drive(i, action)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int action
        self.observations[i, 0] = self.number(i)
        if self.action_mask:
            for action in range(6):
                self.observations[i, 1 + action] = self.has_effect(i, action)

    cdef bint has_effect(self, Py_ssize_t i, uint32_t action) noexcept nogil:
        """Whether an action changes the state, in dry weather."""
        cdef State* state = &self.state[i]
        cdef int place = place_at(state.row, state.column)
        if action == SOUTH:
            return state.row < SIDE - 1
        if action == NORTH:
            return state.row > 0
        if action == EAST:
            return MAP[WIDTH * state.row + 2 * state.column + 2] == c":"
        if action == WEST:
            return MAP[WIDTH * state.row + 2 * state.column] == c":"
        if action == PICK_UP:
            return state.passenger == place
        return action == DROP_OFF and state.passenger == ON_BOARD and place != NOWHERE

    cdef uint32_t in_rain(self, Py_ssize_t i, uint32_t action) noexcept nogil:
        """What an action becomes: an open move may turn."""
        cdef int turn = slip(&self.rng[i], &self.slips)
        if turn == 0 or action > WEST or not self.has_effect(i, action):
            return action
        return left_of(action) if turn > 0 else opposite(left_of(action))

    cdef void drive(self, Py_ssize_t i, uint32_t move) noexcept nogil:
        cdef State* state = &self.state[i]
        state.row += (move == SOUTH) - (move == NORTH)
        state.column += (move == EAST) - (move == WEST)
        if state.fickle and state.passenger == ON_BOARD:
            state.destination = other_place(state.destination, rng_below(&self.rng[i], PLACES - 1))
            state.fickle = False

    cdef int number(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        return ((state.row * SIDE + state.column) * (PLACES + 1) + state.passenger) * PLACES + state.destination

    cdef dict state_one(self, Py_ssize_t i):
        return {"number": self.number(i), "fickle": bool(self.state[i].fickle)}

    def set_number(self, copy, number, fickle=False):
        """Put one copy into a state; its episode goes on from there."""
        self.require_settled("set_number")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        cell, rest = divmod(checks.integer("number", number, 0, STATES - 1), (PLACES + 1) * PLACES)
        self.state[i] = State(cell // SIDE, cell % SIDE, rest // PLACES, rest % PLACES,
                              self.fickle_passenger and fickle)
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State state = self.state[i]
        cdef double x = SIZE * (state.column + 0.5), y = SIZE * (state.row + 0.5)
        cdef double passenger_x = x, passenger_y = y
        cdef int row, column, place
        canvas.clear(0xD3D0C0)
        for row in range(SIDE):
            for column in range(SIDE):
                place = place_at(row, column)
                canvas.cell(row, column, SIZE, 1, 0xE9E7D8)
                if place != NOWHERE:
                    canvas.cell(row, column, SIZE, 6, _COLOURS[place])
                    if place != state.destination:
                        canvas.cell(row, column, SIZE, 13, 0xE9E7D8)
                if place == state.passenger:
                    passenger_x, passenger_y = SIZE * (column + 0.5), SIZE * (row + 0.25)
                if column > 0 and MAP[WIDTH * row + 2 * column] == c"|":
                    canvas.rectangle(column * SIZE - 4, row * SIZE, column * SIZE + 4, row * SIZE + SIZE, 0x4A4E5A)
        canvas.rectangle(x - 28, y - 15, x + 28, y + 15, 0x3D405B)
        canvas.rectangle(x - 25, y - 12, x + 25, y + 12, 0xF2CC5B)
        canvas.disc(passenger_x, passenger_y, 9, 0x3D405B)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State state = self.state[i]
        lines = [MAP[WIDTH * row:WIDTH * (row + 1)].decode() for row in range(SIDE)]
        town = marked(lines, state.row, 1 + 2 * state.column, "@" if state.passenger == ON_BOARD else "o")
        return f"{town}\n{'RGYB '[state.passenger]} -> {'RGYB'[state.destination]}"
