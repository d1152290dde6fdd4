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
              against a wall or the edge is no move. With is_rainy=True an open move is the chosen one with probability
              rainy_probability, and else one of the two at right angles to it, which may then be no move.
Reward        20 for the passenger at the destination, -10 for a pick up or drop off that cannot be, -1 otherwise.
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
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below, rng_bits, rng_chance, rng_t

import_puffer()

cpdef enum Action:
    SOUTH
    NORTH
    EAST
    WEST
    PICK_UP
    DROP_OFF

cdef enum:
    SIDE = 5
    PLACES = 4
    ON_BOARD = 4
    STATES = 500
    PER_CELL = 20  # states with the taxi there
    SIZE = 80  # of a cell, in pixels

_MAP = ("|R: | : :G|", "| : | : : |", "| : : : : |", "| | : | : |", "|Y| : |B: |")
_PLACES = ((0, 0), (0, 4), (4, 0), (4, 3))
_COLOURS = (0xD9594C, 0x5BA56B, 0xE3B23C, 0x4C78B5)
# The two moves at right angles to each move.
_TURNS = ([EAST, WEST], [WEST, EAST], [NORTH, SOUTH], [SOUTH, NORTH])

cdef packed struct outcome_t:
    uint16_t state
    uint8_t terminated
    int8_t reward


@cython.final
cdef class Taxi(Env):
    """Taxi(num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8, fickle_probability=0.3, \
action_mask=False, **options)
--

The probabilities (0 to 1) matter in rain and for fickle passengers only. The options are those of `puffer.Env`. See the
module's docstring for the rules.
"""

    default_max_steps = 200
    render_modes = ("rgb_array", "ansi")
    render_size = (SIZE * SIDE, SIZE * SIDE)
    cdef readonly bint is_rainy, fickle_passenger, action_mask
    cdef readonly double rainy_probability, fickle_probability
    # What follows, by turn (0 is none), state and action. There are two actions more, which do nothing, so that three
    # bits of any number are an action.
    cdef outcome_t[:, :, ::1] outcomes
    # Of 32 random bits: no turn below the first, one to one side below the second, else one to the other side.
    cdef uint64_t[2] turns
    cdef int32_t[:, ::1] mask
    cdef int32_t[::1] starts
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* states
    # Whether the passenger is going to pick another destination.
    cdef uint8_t* fickle

    def __init__(self, num_envs=1, *, is_rainy=False, fickle_passenger=False, rainy_probability=0.8,
                 fickle_probability=0.3, action_mask=False, **options):
        rainy_probability = checks.number("rainy_probability", rainy_probability, 0, 1)
        fickle_probability = checks.number("fickle_probability", fickle_probability, 0, 1)
        high = np.array([STATES - 1] + [1] * 6 * bool(action_mask), np.int32)
        key = bool(is_rainy), bool(fickle_passenger), rainy_probability, fickle_probability
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(6),
                         observes_in_step=True, snapshot_key=key, **options)
        self.is_rainy, self.fickle_passenger, self.action_mask = is_rainy, fickle_passenger, action_mask
        self.rainy_probability, self.fickle_probability = rainy_probability, fickle_probability
        self.states = <int32_t*>self.new_state(sizeof(int32_t))
        self.fickle = <uint8_t*>self.new_state(1)
        self._make_tables()

    def _make_tables(self):
        outcomes = np.zeros((3, STATES, 8), [("state", np.uint16), ("terminated", np.uint8), ("reward", np.int8)])
        for state, action in np.ndindex(STATES, 8):
            outcomes[:, state, action] = _outcome(state, action)
        moves = outcomes["state"][0, :, :6] != np.arange(STATES)[:, None]
        self.mask = moves.astype(np.int32)
        # A move that is open may turn; one against a wall does not.
        for move, sides in enumerate(_TURNS):
            outcomes[1:, moves[:, move], move] = outcomes[0, moves[:, move]][:, sides].T
        self.outcomes = outcomes
        self.turns = [round(self.rainy_probability * 2**32), round((1 + self.rainy_probability) / 2 * 2**32)]
        passenger, destination = np.divmod(np.arange(STATES) % PER_CELL, PLACES)
        self.starts = np.flatnonzero((passenger != ON_BOARD) & (passenger != destination)).astype(np.int32)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.states[i] = self.starts[rng_below(&self.rng[i], <uint32_t>self.starts.shape[0])]
        self.fickle[i] = self.fickle_passenger and rng_chance(&self.rng[i], self.fickle_probability)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const outcome_t* outcomes = &self.outcomes[0, 0, 0]
        cdef const int32_t* actions = &self.actions[0]
        cdef int32_t* states = self.states
        cdef const uint8_t* fickle = self.fickle
        cdef int32_t* rows = &self.observations[0, 0]
        cdef Py_ssize_t i, width = self.observations.shape[1]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef rng_t* rng = self.rng
        cdef uint64_t chosen = self.turns[0], side = self.turns[1]
        cdef bint is_rainy = self.is_rainy, fickle_passenger = self.fickle_passenger
        cdef uint32_t bits
        cdef int state, k, turn = 0
        for i in range(first, last):
            state = states[i]
            if is_rainy:
                bits = rng_bits(&rng[i])
                turn = (bits >= chosen) + (bits >= side)
            k = 8 * (STATES * turn + state) + (actions[i] & 7)
            states[i] = outcomes[k].state
            rows[i * width] = outcomes[k].state
            rewards[i] = outcomes[k].reward
            terminations[i] = outcomes[k].terminated
            if fickle_passenger and fickle[i] & (state % PER_CELL >= ON_BOARD * PLACES):
                self._change_mind(i, state)
        if self.action_mask:
            for i in range(first, last):
                self.observe(i)

    cdef void _change_mind(self, Py_ssize_t i, int before) noexcept nogil:
        """A step with a fickle passenger on board, from the state `before`: if it moved, so does their destination."""
        cdef int destination = before % PLACES, other
        if before // PER_CELL != self.states[i] // PER_CELL:
            other = rng_below(&self.rng[i], PLACES - 1)
            self.states[i] += other + (other >= destination) - destination
            self.observations[i, 0] = self.states[i]
            self.fickle[i] = False

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int action
        self.observations[i, 0] = self.states[i]
        if self.action_mask:
            for action in range(6):
                self.observations[i, 1 + action] = self.mask[self.states[i], action]

    def state(self, copy=0):
        """The state of one copy, as a dict: its `number`, and `fickle`, whether the destination is going to change."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"number": self.states[i], "fickle": bool(self.fickle[i])}

    def set_number(self, copy, number, fickle=False):
        """Put one copy into a state; its episode goes on from there."""
        self.require_settled("set_number")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        self.states[i] = checks.integer("number", number, 0, STATES - 1)
        self.fickle[i] = self.fickle_passenger and fickle
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        row, column, passenger, destination = _parts(self.states[i])
        canvas.clear(0xD3D0C0)
        for r, c in np.ndindex(SIDE, SIDE):
            canvas.cell(r, c, SIZE, 1, 0xE9E7D8)
            if c and _MAP[r][2 * c] == "|":
                canvas.rectangle(c * SIZE - 4, r * SIZE, c * SIZE + 4, r * SIZE + SIZE, 0x4A4E5A)
        for place, (r, c) in enumerate(_PLACES):
            canvas.cell(r, c, SIZE, 6, _COLOURS[place])
            if place != destination:
                canvas.cell(r, c, SIZE, 13, 0xE9E7D8)
        x, y = SIZE * (column + 0.5), SIZE * (row + 0.5)
        canvas.rectangle(x - 28, y - 15, x + 28, y + 15, 0x3D405B)
        canvas.rectangle(x - 25, y - 12, x + 25, y + 12, 0xF2CC5B)
        if passenger != ON_BOARD:
            r, c = _PLACES[passenger]
            x, y = SIZE * (c + 0.5), SIZE * (r + 0.25)
        canvas.disc(x, y, 9, 0x3D405B)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        row, column, passenger, destination = _parts(self.states[i])
        board = [list(line) for line in _MAP]
        board[row][1 + 2 * column] = "@" if passenger == ON_BOARD else "o"
        return "\n".join("".join(line) for line in board) + f"\n{'RGYB '[passenger]} -> {'RGYB'[destination]}"


def _parts(state):
    """Row, column, passenger and destination of a state."""
    return state // (PER_CELL * SIDE), state // PER_CELL % SIDE, state // PLACES % (PLACES + 1), state % PLACES


def _outcome(state, action):
    """The next state, whether it ends the episode, and the reward, in dry weather."""
    row, column, passenger, destination = _parts(state)
    place = _PLACES.index((row, column)) if (row, column) in _PLACES else None
    terminated, reward = False, -1
    if action == SOUTH:
        row = min(row + 1, SIDE - 1)
    elif action == NORTH:
        row = max(row - 1, 0)
    elif action == EAST and _MAP[row][2 * column + 2] == ":":
        column += 1
    elif action == WEST and _MAP[row][2 * column] == ":":
        column -= 1
    elif action == PICK_UP:
        passenger, reward = (ON_BOARD, -1) if place == passenger else (passenger, -10)
    elif action == DROP_OFF and passenger == ON_BOARD and place is not None:
        passenger, terminated, reward = place, place == destination, 20 if place == destination else -1
    elif action == DROP_OFF:
        reward = -10
    return ((row * SIDE + column) * (PLACES + 1) + passenger) * PLACES + destination, terminated, reward
