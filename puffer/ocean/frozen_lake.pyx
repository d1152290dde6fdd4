"""FrozenLake: cross a frozen lake from the start to the goal without falling into a hole.

Observation   int32 (1,): the number of the cell, row * columns + column. With action_mask=True int32 (5,): the cell,
              then for each action 1, or 0 where all that it can do is run against the edge of the map.
Action        Discrete(4): 0 left, 1 down, 2 right, 3 up. On slippery ice the move is the chosen one with probability
              success_rate, and else one of the two at right angles to it. A move off the map is no move.
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
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below, rng_bits, rng_t

import_puffer()

cpdef enum Action:
    LEFT
    DOWN
    RIGHT
    UP

MAPS = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}

cdef packed struct outcome_t:
    uint16_t cell
    uint16_t terminated
    float reward


@cython.final
cdef class FrozenLake(Env):
    """FrozenLake(num_envs=1, *, desc=None, map_name='4x4', is_slippery=True, success_rate=0.3333333333333333, \
reward_schedule=(1, 0, 0), action_mask=False, **options)
--

`map_name` is "4x4" or "8x8"; `desc` is a map of one's own instead: 1 to 255 strings of one length, 1 to 255, of the
letters S start (at least one), F frozen, H hole and G goal. `success_rate` (0 to 1) matters on slippery ice only.
`reward_schedule` are the rewards of a goal, of a hole and of any other step. The options are those of `puffer.Env`. See
the module's docstring for the rules.
"""

    render_modes = ("rgb_array", "ansi")
    cdef readonly tuple desc
    cdef readonly int rows
    cdef readonly int columns
    cdef readonly bint is_slippery
    cdef readonly double success_rate
    cdef readonly tuple reward_schedule
    cdef readonly bint action_mask
    # What each move leads to from each cell.
    cdef outcome_t[:, ::1] outcomes
    cdef int32_t[:, ::1] mask
    cdef int32_t[::1] starts
    # Of 32 random bits: below `chosen` the move is the chosen one, below `following` the next one, else the one before.
    cdef uint64_t chosen
    cdef uint64_t following
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef int32_t* cells

    def __init__(self, num_envs=1, *, desc=None, map_name="4x4", is_slippery=True, success_rate=1.0 / 3,
                 reward_schedule=(1, 0, 0), action_mask=False, max_steps=None, **options):
        if max_steps is None:
            max_steps = 200 if desc is None and map_name == "8x8" else 100
        desc = _checked_map(desc, map_name)
        success_rate = checks.number("success_rate", success_rate, 0, 1)
        reward_schedule = _checked_rewards(reward_schedule)
        high = np.array([len(desc) * len(desc[0]) - 1] + [1] * 4 * bool(action_mask), np.int32)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.int32), spaces.Discrete(4),
                         observes_in_step=True, max_steps=max_steps,
                         snapshot_key=(desc, bool(is_slippery), success_rate, reward_schedule), **options)
        self.desc = desc
        self.rows, self.columns = len(desc), len(desc[0])
        self.is_slippery = is_slippery
        self.success_rate = success_rate
        self.reward_schedule = reward_schedule
        self.action_mask = action_mask
        self.cells = <int32_t*>self.new_state(sizeof(int32_t))
        self._make_tables()

    def _make_tables(self):
        letters = np.array(list("".join(self.desc)))
        cells = np.arange(letters.size)[:, None]
        row, column = np.divmod(cells, self.columns)
        targets = (np.clip(row + [0, 1, 0, -1], 0, self.rows - 1) * self.columns
                   + np.clip(column + [-1, 0, 1, 0], 0, self.columns - 1))
        # Where an episode has ended, nothing moves any more.
        ended = np.isin(letters, ["H", "G"])
        goal, hole, step = self.reward_schedule
        rewards = np.select([letters == "G", letters == "H"], [goal, hole], step)
        outcomes = np.zeros(targets.shape, [("cell", np.uint16), ("terminated", np.uint16), ("reward", np.float32)])
        outcomes["cell"] = np.where(ended[:, None], cells, targets)
        outcomes["terminated"] = ended[outcomes["cell"]]
        outcomes["reward"] = np.where(ended[:, None], 0, rewards[targets])
        self.outcomes = outcomes
        self.starts = np.flatnonzero(letters == "S").astype(np.int32)
        chance = self.success_rate if self.is_slippery else 1.0
        self.chosen, self.following = round(chance * 2**32), round((1 + chance) / 2 * 2**32)
        moves = targets != cells
        aside = np.roll(moves, 1, axis=1) | np.roll(moves, -1, axis=1)
        self.mask = (moves & (chance > 0) | aside & (chance < 1)).astype(np.int32)

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.cells[i] = self.starts[rng_below(&self.rng[i], <uint32_t>self.starts.shape[0])]

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const outcome_t* outcomes = &self.outcomes[0, 0]
        cdef const outcome_t* outcome
        cdef const int32_t* actions = &self.actions[0]
        cdef int32_t* cells = self.cells
        cdef int32_t* rows = &self.observations[0, 0]
        cdef Py_ssize_t i, width = self.observations.shape[1]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef rng_t* rng = self.rng
        cdef uint64_t chosen = self.chosen, following = self.following
        cdef bint is_slippery = self.is_slippery
        cdef uint32_t bits, move
        for i in range(first, last):
            move = <uint32_t>actions[i]
            if is_slippery:
                bits = rng_bits(&rng[i])
                # The moves go round, so the third one after a move is the one before it.
                move += (bits >= chosen) + 2 * (bits >= following)
            outcome = &outcomes[4 * cells[i] + (move & 3)]
            cells[i] = outcome.cell
            rows[i * width] = outcome.cell
            rewards[i] = outcome.reward
            terminations[i] = <uint8_t>outcome.terminated
        if self.action_mask:
            for i in range(first, last):
                self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef int move
        self.observations[i, 0] = self.cells[i]
        if self.action_mask:
            for move in range(4):
                self.observations[i, 1 + move] = self.mask[self.cells[i], move]

    def state(self, copy=0):
        """The cell of one copy, as a dict of `cell`, its number, and `letter`, what the map has there."""
        self.require_settled("state")
        cell = self.cells[checks.integer("copy", copy, 0, self.num_copies - 1)]
        return {"cell": cell, "letter": "".join(self.desc)[cell]}

    def set_cell(self, copy, cell):
        """Put one copy on a cell, given by its number; its episode goes on from there."""
        self.require_settled("set_cell")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        self.cells[i] = checks.integer("cell", cell, 0, self.rows * self.columns - 1)
        self.observe(i)

    @property
    def render_size(self):
        side = self._side()
        return side * self.columns, side * self.rows

    def _side(self):
        return max(4, min(64, 512 // max(self.rows, self.columns, 1)))

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double side = self._side(), x, y
        cdef int row, column
        canvas.clear(0xB8CBD6)
        for row in range(self.rows):
            for column in range(self.columns):
                x, y = side * (column + 0.5), side * (row + 0.5)
                letter = self.desc[row][column]
                canvas.cell(row, column, side, side / 32, 0xD3E6D5 if letter == "S" else 0xE8F1F5)
                if letter == "H":
                    canvas.disc(x, y, side * 0.38, 0x2F4B5E)
                elif letter == "G":
                    canvas.line(x - side * 0.15, y - side * 0.3, x - side * 0.15, y + side * 0.35, side / 16, 0x3D405B)
                    canvas.rectangle(x - side * 0.15, y - side * 0.3, x + side * 0.3, y, 0xE07A5F)
        x = side * (self.cells[i] % self.columns + 0.5)
        y = side * (self.cells[i] // self.columns + 0.5)
        canvas.disc(x, y, side * 0.24, 0x3D405B)
        canvas.disc(x, y, side * 0.19, 0xF2A541)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        board = [list(row) for row in self.desc]
        board[self.cells[i] // self.columns][self.cells[i] % self.columns] = "o"
        return "\n".join("".join(row) for row in board)


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
