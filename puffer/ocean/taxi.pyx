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

from puffer import checks

from puffer cimport Canvas, Env, int8_t, int16_t, int32_t, rng_below, rng_chance, uint8_t, uint32_t
from puffer.ocean._clip cimport clamped
from puffer.ocean._grid cimport Slips, marked, neighbour, slip, slips_of, told_of_moves

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
    ACTIONS = 6
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
    int32_t number  # as observed
    int32_t fickle  # whether the passenger is going to pick another destination

# The parts of a number.
cdef struct Town:
    int cell
    int passenger    # a place, or ON_BOARD
    int destination  # a place

# What an action does in dry weather, to a passenger who is not fickle.
cdef struct Outcome:
    int16_t number
    int8_t reward
    uint8_t is_end

# The last column is that of every number that is not an action: nothing happens.
cdef Outcome[STATES][ACTIONS + 1] OUTCOMES
cdef int[4] DOWNWARDS = [1, -1, 0, 0]
cdef int[4] TO_THE_RIGHT = [0, 0, 1, -1]
# By move: the one to its left. To its right is the opposite of that.
cdef uint32_t[4] LEFT_OF = [EAST, WEST, NORTH, SOUTH]


cdef inline Town town_of(int number) noexcept nogil:
    return Town(
        cell=number // (PLACES * (PLACES + 1)),
        passenger=number // PLACES % (PLACES + 1),
        destination=number % PLACES,
    )


cdef inline int number_of(Town town) noexcept nogil:
    return (town.cell * (PLACES + 1) + town.passenger) * PLACES + town.destination


cdef inline char character_at(int cell, int offset) noexcept nogil:
    """A character of the map, counted from that of a cell."""
    return MAP[WIDTH * (cell // SIDE) + 2 * (cell % SIDE) + 1 + offset]


cdef inline int place_at(int cell) noexcept nogil:
    """The place that a cell is, or NOWHERE."""
    cdef char letter = character_at(cell, 0)
    return 0 if letter == c"R" else 1 if letter == c"G" else 2 if letter == c"Y" else 3 if letter == c"B" else NOWHERE


cdef inline int other_place(int place, int k) noexcept nogil:
    """The k-th of the places without one of them."""
    return k + (k >= place)


cdef inline int cell_after(int cell, int move) noexcept nogil:
    """The cell to which a move leads, past no wall."""
    cdef int right = TO_THE_RIGHT[move]
    if right and character_at(cell, right) == c"|":
        return cell
    return neighbour(cell, DOWNWARDS[move], right, SIDE, SIDE)


cdef Outcome outcome_of(int number, int action) noexcept nogil:
    cdef Town town = town_of(number)
    cdef int place = place_at(town.cell), reward = -1
    cdef bint is_end = False
    if action <= WEST:
        town.cell = cell_after(town.cell, action)
    elif action == PICK_UP and town.passenger == place:
        town.passenger = ON_BOARD
    elif action == DROP_OFF and town.passenger == ON_BOARD and place != NOWHERE:
        town.passenger = place
        is_end = place == town.destination
        reward = 20 if is_end else -1
    elif action < ACTIONS:
        reward = -10
    return Outcome(number=number_of(town), reward=reward, is_end=is_end)


cdef void fill_outcomes() noexcept nogil:
    cdef int number, action
    for number in range(STATES):
        for action in range(ACTIONS + 1):
            OUTCOMES[number][action] = outcome_of(number, action)


fill_outcomes()


@cython.final
cdef class Taxi(Env):
    """Taxi(num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8, fickle_probability=0.3, \
action_mask=False, prob=False, **options)
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
prob : bool, default False
    Whether infos have `prob`, the probability of what a step has drawn, and 1 after a reset.
**options
    The options of `puffer.Env`.

Attributes
----------
is_rainy, fickle_passenger, rainy_probability, fickle_probability, action_mask, prob
    As given.
"""

    default_max_steps = 200
    reward_threshold = 8.0
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    render_size = (SIZE * SIDE, SIZE * SIDE)
    cdef readonly bint is_rainy
    cdef readonly bint fickle_passenger
    cdef readonly double rainy_probability
    cdef readonly double fickle_probability
    cdef readonly bint action_mask
    cdef readonly bint prob
    # By copy, in rain: whether the last action was a move, and whether it turned.
    cdef uint8_t[::1] has_moved
    cdef uint8_t[::1] has_turned
    cdef Slips slips
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8,
                 fickle_probability=0.3, action_mask=False, prob=False, **options):
        self.require_unmade()
        self.prob = prob
        rainy_probability = checks.number("rainy_probability", rainy_probability, 0, 1)
        fickle_probability = checks.number("fickle_probability", fickle_probability, 0, 1)
        high = np.array([STATES - 1] + [1] * ACTIONS * bool(action_mask), np.int32)
        key = bool(is_rainy), bool(fickle_passenger), rainy_probability, fickle_probability
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(ACTIONS),
                         snapshot_key=key, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.is_rainy, self.fickle_passenger, self.action_mask = is_rainy, fickle_passenger, action_mask
        self.rainy_probability, self.fickle_probability = rainy_probability, fickle_probability
        self.slips = slips_of(rainy_probability)
        self.has_moved, self.has_turned = np.zeros((2, self.num_copies), np.uint8)
        self.state = <State*>self.new_state(sizeof(State))

    @property
    def own_observation_space(self):
        return None if self.action_mask else spaces.Discrete(STATES)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        # One number for the cell, the passenger and the destination.
        cdef int start = rng_below(&self.rng[i], SIDE * SIDE * PLACES * (PLACES - 1))
        cdef Town town
        town.cell = start // (PLACES * (PLACES - 1))
        town.passenger = start // (PLACES - 1) % PLACES
        town.destination = other_place(town.passenger, start % (PLACES - 1))
        state.number = number_of(town)
        state.fickle = self.fickle_passenger and rng_chance(&self.rng[i], self.fickle_probability)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint32_t action = min(<uint32_t>self.actions[i], <uint32_t>ACTIONS)
        cdef Outcome outcome
        if self.is_rainy:
            action = self.in_rain(i, action)
        outcome = OUTCOMES[state.number][action]
        if state.fickle and action <= WEST and outcome.number != state.number:
            outcome.number = self.with_new_destination(i, outcome.number)
        state.number = outcome.number
        self.rewards[i] = outcome.reward
        self.terminations[i] = outcome.is_end

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int action
        self.observations[i, 0] = self.state[i].number
        if self.action_mask:
            for action in range(ACTIONS):
                self.observations[i, 1 + action] = self.has_effect(i, action)

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        cdef int action
        for i in range(first, last):
            for action in range(ACTIONS):
                masks[i, action] = self.has_effect(i, action)

    cdef bint has_effect(self, Py_ssize_t i, uint32_t action) noexcept nogil:
        """Whether an action changes the state, in dry weather."""
        return OUTCOMES[self.state[i].number][action].number != self.state[i].number

    cdef uint32_t in_rain(self, Py_ssize_t i, uint32_t action) noexcept nogil:
        """What an action becomes: an open move may turn."""
        cdef int turn = slip(&self.rng[i], &self.slips)
        self.has_moved[i], self.has_turned[i] = action <= WEST, turn != 0
        if turn == 0 or action > WEST or not self.has_effect(i, action):
            return action
        # The moves are in pairs of opposite ones.
        return LEFT_OF[action] if turn > 0 else LEFT_OF[action] ^ 1

    cdef int with_new_destination(self, Py_ssize_t i, int number) noexcept nogil:
        """A number after the first move on board of a fickle passenger; any other one is as it was."""
        cdef Town town = town_of(number)
        if town.passenger == ON_BOARD:
            town.destination = other_place(town.destination, rng_below(&self.rng[i], PLACES - 1))
            self.state[i].fickle = False
        return number_of(town)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].number = clamped(self.state[i].number, 0, STATES - 1)

    @property
    def row_info_names(self):
        return ("prob",) if self.prob else ()

    def row_infos(self, Py_ssize_t first, Py_ssize_t last):
        """The probability of each move, and 1 where an episode begins."""
        cdef Py_ssize_t i
        cdef double[::1] drawn = np.ones(last - first)
        for i in range(first, last):
            if self.is_rainy and self.has_moved[i]:
                drawn[i - first] = (1 - self.rainy_probability) / 2 if self.has_turned[i] else self.rainy_probability
        told = told_of_moves(np.asarray(drawn), self.elapsed + first)
        return lambda: told

    cdef dict state_one(self, Py_ssize_t i):
        return {"number": self.state[i].number, "fickle": bool(self.state[i].fickle)}

    def set_number(self, copy, number, fickle=False):
        """Put one copy into a state; its episode goes on from there."""
        self.require_settled("set_number")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        number = checks.integer("number", number, 0, STATES - 1)
        self.state[i] = State(number=number, fickle=self.fickle_passenger and fickle)
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Town town = town_of(self.state[i].number)
        cdef double x = SIZE * (town.cell % SIDE + 0.5), y = SIZE * (town.cell // SIDE + 0.5)
        cdef double passenger_x = x, passenger_y = y
        cdef int row, column, place
        canvas.clear(0xD3D0C0)
        for row in range(SIDE):
            for column in range(SIDE):
                place = place_at(SIDE * row + column)
                canvas.cell(row, column, SIZE, 1, 0xE9E7D8)
                if place != NOWHERE:
                    canvas.cell(row, column, SIZE, 6, _COLOURS[place])
                    if place != town.destination:
                        canvas.cell(row, column, SIZE, 13, 0xE9E7D8)
                if place == town.passenger:
                    passenger_x, passenger_y = SIZE * (column + 0.5), SIZE * (row + 0.25)
                if column > 0 and MAP[WIDTH * row + 2 * column] == c"|":
                    canvas.rectangle(column * SIZE - 4, row * SIZE, column * SIZE + 4, row * SIZE + SIZE, 0x4A4E5A)
        canvas.rectangle(x - 28, y - 15, x + 28, y + 15, 0x3D405B)
        canvas.rectangle(x - 25, y - 12, x + 25, y + 12, 0xF2CC5B)
        canvas.disc(passenger_x, passenger_y, 9, 0x3D405B)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef Town town = town_of(self.state[i].number)
        lines = [MAP[WIDTH * row:WIDTH * (row + 1)].decode() for row in range(SIDE)]
        marker = "@" if town.passenger == ON_BOARD else "o"
        text = marked(lines, town.cell // SIDE, 1 + 2 * (town.cell % SIDE), marker)
        return f"{text}\n{'RGYB '[town.passenger]} -> {'RGYB'[town.destination]}"
