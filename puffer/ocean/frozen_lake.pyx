"""FrozenLake: cross a frozen lake from the start to the goal without falling into a hole.

Observation   int32 (1,): the number of the cell, row * columns + column. With action_mask=True int32 (5,): the cell,
              then for each action 1, or 0 if it can only run against the edge of the map.
Action        Discrete(4): 0 left, 1 down, 2 right, 3 up. On slippery ice the move is the chosen one with probability
              success_rate, and else one of the two at right angles to it. A move off the map does nothing.
Reward        1 on reaching a goal, 0 on falling into a hole, 0 on any other step; or as in reward_schedule.
Terminated    on reaching a goal or a hole.
Truncated     after 100 steps (200 on the map "8x8"), or max_steps if given.
Start         on the start cell; on a random one if the map has several.
Source        Gymnasium's FrozenLake-v1, and FrozenLake8x8-v1 for the time limit of the map "8x8".
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_below, uint8_t, uint32_t
from puffer.ocean._clip cimport clamped
from puffer.ocean._grid cimport Slips, draw_flag, draw_walker, marked, neighbour, slip, slips_of, told_of_moves

cpdef enum Action:
    LEFT
    DOWN
    RIGHT
    UP

# How far each action leads. The actions go round: at right angles to one are the previous and the next one.
cdef int[4] DOWNWARDS = [0, 1, 0, -1]
cdef int[4] TO_THE_RIGHT = [-1, 0, 1, 0]

MAPS = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}

cdef struct State:
    int32_t cell


@cython.final
cdef class FrozenLake(Env):
    """FrozenLake(num_envs=1, *, desc=None, map_name='4x4', is_slippery=True, success_rate=0.3333333333333333, \
reward_schedule=(1, 0, 0), action_mask=False, prob=False, **options)
--

Copies of a walk on ice. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
desc : list of str, optional
    A map to use instead of a named one: 1 to 255 strings of one length, 1 to 255, of the letters S start (at least
    one), F frozen, H hole and G goal.
map_name : {"4x4", "8x8"}, default "4x4"
    The map to use.
is_slippery : bool, default True
    Whether a move may go off to one side.
success_rate : float, default 1 / 3
    On slippery ice the probability that it does not, 0 to 1.
reward_schedule : tuple of 3 floats, default (1, 0, 0)
    The rewards of reaching a goal, of falling into a hole and of any other step.
action_mask : bool, default False
    Whether the observation says which actions can lead to another cell.
prob : bool, default False
    Whether infos have `prob`, the probability of what a step has drawn, and 1 after a reset.
**options
    The options of `puffer.Env`.

Attributes
----------
desc : tuple of str
    The map.
rows, columns : int
    The size of the map.
is_slippery, success_rate, reward_schedule, action_mask, prob
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    reward_threshold = 0.7
    cdef readonly tuple desc
    cdef readonly int rows
    cdef readonly int columns
    cdef readonly bint is_slippery
    cdef readonly double success_rate
    cdef readonly tuple reward_schedule
    cdef readonly bint action_mask
    cdef readonly bint prob
    # By copy: whether the last move went off to one side.
    cdef uint8_t[::1] has_slipped
    # The numbers of the start cells; by cell, the neighbour in the direction of each action, whether an episode is over
    # there, and the reward of coming there.
    cdef int32_t[::1] starts
    cdef int32_t[:, ::1] neighbours
    cdef uint8_t[::1] over
    cdef float[::1] reward_at
    cdef Slips slips
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, desc=None, map_name="4x4", is_slippery=True, success_rate=1.0 / 3,
                 reward_schedule=(1, 0, 0), action_mask=False, prob=False, max_steps=None, **options):
        if max_steps is None:
            max_steps = 200 if desc is None and map_name == "8x8" else 100
        desc = _checked_map(desc, map_name)
        success_rate = checks.number("success_rate", success_rate, 0, 1)
        reward_schedule = _checked_rewards(reward_schedule)
        self.require_unmade()
        self.prob = prob
        high = np.array([len(desc) * len(desc[0]) - 1] + [1] * 4 * bool(action_mask), np.int32)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(4),
                         max_steps=max_steps, snapshot_key=(desc, bool(is_slippery), success_rate, reward_schedule),
                         **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.desc = desc
        self.rows, self.columns = len(desc), len(desc[0])
        self.is_slippery = is_slippery
        self.success_rate = success_rate
        self.reward_schedule = reward_schedule
        self.action_mask = action_mask
        self.slips = slips_of(success_rate)
        self.has_slipped = np.zeros(self.num_copies, np.uint8)
        self._fill_tables()
        self.state = <State*>self.new_state(sizeof(State))

    def _fill_tables(self):
        cdef int cell, move
        letters = "".join(self.desc)
        self.starts = np.array([cell for cell, letter in enumerate(letters) if letter == "S"], np.int32)
        self.over = np.array([letter in "GH" for letter in letters], np.uint8)
        goal, hole, step = self.reward_schedule
        self.reward_at = np.array([{"G": goal, "H": hole}.get(letter, step) for letter in letters], np.float32)
        self.neighbours = np.empty((len(letters), 4), np.int32)
        for cell in range(len(letters)):
            for move in range(4):
                self.neighbours[cell, move] = neighbour(cell, DOWNWARDS[move], TO_THE_RIGHT[move], self.rows,
                                                        self.columns)

    @property
    def own_observation_space(self):
        return None if self.action_mask else spaces.Discrete(self.rows * self.columns)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].cell = self.starts[rng_below(&self.rng[i], <uint32_t>self.starts.shape[0])]

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint32_t move = self.actions[i]
        cdef int turn
        if self.is_slippery:
            turn = slip(&self.rng[i], &self.slips)
            move += turn
            self.has_slipped[i] = turn != 0
        # set_cell() may have put the copy on a goal or a hole, where nothing moves.
        if not self.over[state.cell]:
            state.cell = self.neighbours[state.cell, move % 4]
            self.rewards[i] = self.reward_at[state.cell]
        self.terminations[i] = self.over[state.cell]

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int action
        self.observations[i, 0] = self.state[i].cell
        if self.action_mask:
            for action in range(4):
                self.observations[i, 1 + action] = self.can_move(i, action)

    # The loops of the base class again: here the class is final, and the compiler inlines what they call.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.observe(i)

    cdef bint can_move(self, Py_ssize_t i, int action) noexcept nogil:
        """Whether an action can lead to another cell."""
        cdef double straight = self.success_rate if self.is_slippery else 1
        return straight > 0 and self.is_open(i, action) or (
            straight < 1 and (self.is_open(i, action + 1) or self.is_open(i, action + 3)))

    cdef bint is_open(self, Py_ssize_t i, int move) noexcept nogil:
        return self.neighbours[self.state[i].cell, move % 4] != self.state[i].cell

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        self.state[i].cell = clamped(self.state[i].cell, 0, self.rows * self.columns - 1)

    @property
    def row_info_names(self):
        return ("prob",) if self.prob else ()

    def row_infos(self, Py_ssize_t first, Py_ssize_t last):
        """The probability of each move, and 1 where an episode begins."""
        cdef Py_ssize_t i
        cdef double[::1] drawn = np.ones(last - first)
        for i in range(first, last):
            if self.is_slippery:
                drawn[i - first] = (1 - self.success_rate) / 2 if self.has_slipped[i] else self.success_rate
        told = told_of_moves(np.asarray(drawn), self.elapsed + first)
        return lambda: told

    cdef dict state_one(self, Py_ssize_t i):
        cell = self.state[i].cell
        return {"cell": cell, "letter": self.desc[cell // self.columns][cell % self.columns]}

    def set_cell(self, copy, cell):
        """Put one copy on a cell, given by its number; its episode goes on from there."""
        self.require_settled("set_cell")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        self.state[i].cell = checks.integer("cell", cell, 0, self.rows * self.columns - 1)
        self.redraw(i)

    @property
    def render_size(self):
        side = self._side()
        return side * self.columns, side * self.rows

    def _side(self):
        """The side of a cell, in pixels."""
        return max(4, min(64, 512 // max(self.rows, self.columns, 1)))

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double side = self._side()
        cdef int row, column
        canvas.clear(0xB8CBD6)
        for row in range(self.rows):
            for column in range(self.columns):
                letter = self.desc[row][column]
                canvas.cell(row, column, side, side / 32, 0xD3E6D5 if letter == "S" else 0xE8F1F5)
                if letter == "H":
                    canvas.disc(side * (column + 0.5), side * (row + 0.5), side * 0.38, 0x2F4B5E)
                elif letter == "G":
                    draw_flag(canvas, row, column, side)
        draw_walker(canvas, self.state[i].cell // self.columns, self.state[i].cell % self.columns, side)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return marked(self.desc, self.state[i].cell // self.columns, self.state[i].cell % self.columns, "o")


def _checked_map(desc, map_name):
    if desc is None:
        return MAPS[checks.choice("map_name", map_name, MAPS)]
    if not isinstance(desc, (list, tuple)) or not all(isinstance(row, str) for row in desc):
        raise TypeError(f"desc must be a list of strings, got {desc!r}")
    rows = tuple(map(str, desc))
    if not 1 <= len(rows) <= 255 or not 1 <= len(rows[0]) <= 255 or len(set(map(len, rows))) > 1:
        raise ValueError(f"desc must be 1 to 255 strings of one length, 1 to 255, got {desc!r}")
    if set("".join(rows)) - set("SFHG") or "S" not in "".join(rows):
        raise ValueError(f"desc must have the letters S (at least one), F, H and G only, got {desc!r}")
    return rows


def _checked_rewards(schedule):
    limit = float(np.finfo(np.float32).max)
    if not isinstance(schedule, (list, tuple)) or len(schedule) != 3:
        raise ValueError(f"reward_schedule must be the rewards of a goal, a hole and another step, got {schedule!r}")
    return tuple(checks.number(f"reward_schedule[{k}]", reward, -limit, limit) for k, reward in enumerate(schedule))
