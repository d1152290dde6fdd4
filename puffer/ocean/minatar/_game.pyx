"""The base class of MinAtar's games, which differ in their state, their rules and their channels."""
import numpy as np
from gymnasium import spaces

from puffer import checks

from puffer cimport Canvas, Env, uint8_t

cdef enum:
    MOST_CHANNELS = 10
    PIXELS = 32  # of the side of a cell in a picture


cdef class MinAtar(Env):
    """MinAtar(num_envs, minimal, colours, sticky_action_prob, difficulty_ramping, use_minimal_action_set, **options)
--

A game on a board of 10 x 10 cells.

Parameters
----------
num_envs : int
    Number of copies.
minimal : tuple of int
    The moves that have an effect, in ascending order.
colours : tuple of int
    A colour for each channel of the observation. Where channels overlap, a picture shows the first one.
sticky_action_prob : float
    The probability that a step repeats the last move, whatever its action, 0 to 1.
difficulty_ramping : bool
    Whether the game becomes harder as it goes on.
use_minimal_action_set : bool
    Whether the actions are the minimal ones, or all six.
**options
    The options of `puffer.Env`.
"""

    statistic_names = ("score",)
    render_modes = ("rgb_array", "ansi")
    render_size = (PIXELS * SIDE, PIXELS * SIDE)

    def __init__(self, num_envs, minimal, colours, sticky_action_prob, difficulty_ramping, use_minimal_action_set,
                 **options):
        cdef int k
        self.require_unmade()
        sticky_action_prob = checks.number("sticky_action_prob", sticky_action_prob, 0, 1)
        moves = minimal if use_minimal_action_set else range(MOVES)
        board = spaces.Box(0, 1, (SIDE, SIDE, len(colours)), np.uint8)
        super().__init__(num_envs, board, spaces.Discrete(len(moves)),
                         observes_in_step=True,
                         snapshot_key=(sticky_action_prob, bool(difficulty_ramping), bool(use_minimal_action_set)),
                         **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.sticky_action_prob = sticky_action_prob
        self.difficulty_ramping, self.use_minimal_action_set = difficulty_ramping, use_minimal_action_set
        self.sticky_below = int(np.ceil(sticky_action_prob * 2.0**32))
        self.move_count = len(moves)
        for k in range(self.move_count):
            self.moves[k] = moves[k]
        self.colours = colours
        self.row_size = CELLS * len(colours)
        self.last = <int32_t*>self.new_state(sizeof(int32_t))

    @property
    def own_observation_space(self):
        return spaces.Box(0, 1, (SIDE, SIDE, len(self.colours)), np.bool_)

    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil:
        pass

    # A game's own step_range paints as well: there both are calls that the compiler knows, and makes part of the loop.
    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.paint(i, &self.observations[i, 0, 0, 0])

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef uint8_t[CELLS * MOST_CHANNELS] cells
        cdef int cell, channel, count = len(self.colours)
        self.paint(i, cells)
        canvas.clear(0x101820)
        for cell in range(CELLS):
            for channel in range(count):
                if cells[cell * count + channel]:
                    canvas.cell(cell // SIDE, cell % SIDE, PIXELS, 1, self.colours[channel])
                    break
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef uint8_t[CELLS * MOST_CHANNELS] cells
        cdef int cell, channel, count = len(self.colours)
        self.paint(i, cells)
        text = ""
        for cell in range(CELLS):
            shown = [channel for channel in range(count) if cells[cell * count + channel]]
            text += f"{shown[0] if shown else '.'}" + "\n" * (cell % SIDE == SIDE - 1)
        return text.rstrip()
