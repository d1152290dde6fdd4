"""Sokoban: push all boxes of a room onto targets.

Observation   uint8 (rows, columns): by cell 0 wall, 1 floor, 2 target, 3 box on a target, 4 box, 5 player, 6 player on
              a target.
Action        Discrete(9): 0 nothing, 1 push up, 2 push down, 3 push left, 4 push right, 5 move up, 6 move down, 7 move
              left, 8 move right. A push moves where there is no box; a move does not push. With
              use_minimal_action_set=True Discrete(4): the four pushes. What is not possible changes nothing.
Reward        -0.1 for every step; 1 for a box that comes onto a target, -1 for one that leaves it; 10 when all boxes
              are on targets.
Terminated    when all boxes are on targets.
Truncated     after 120 steps, or max_steps if given.
Start         a new room; or, with `levels`, one of these at random.
Rooms         A walk digs a room. Boxes are put on its targets, and the player pulls them in random directions until
              none is on a target; pushes in the opposite order bring them back, so every room can be solved. After 50
              rooms in which some boxes cannot leave their targets, a room without inner walls is taken as it is.
Copies        may have a level of their own from their next episode on: `env.set_next(copies, level=...)`.
Source        gym-sokoban 0.0.6, whose dim_room is `size`, for the rules, and for the rooms its idea to play backwards
              (Racanière et al. 2017, "Imagination-Augmented Agents for Deep Reinforcement Learning"). Level files as in
              Boxoban (Guez et al. 2018). Differences: a box that is on a target at the start is not rewarded in the
              first step; a player on a target is seen.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, rng_below, uint8_t
from puffer.ocean.sokoban.room cimport (
    BOX, BOX_ON_TARGET, FLOOR, LEAST_SIDE, MOST_SIDE, PLAYER, PLAYER_ON_TARGET, Plan, TARGET, WALL, draw_room, entered,
    is_box, is_free, left,
)

from puffer.ocean.sokoban._boxoban import read_levels, read_text, write_level

cpdef enum Action:
    NOTHING
    PUSH_UP
    PUSH_DOWN
    PUSH_LEFT
    PUSH_RIGHT
    MOVE_UP
    MOVE_DOWN
    MOVE_LEFT
    MOVE_RIGHT

cdef enum:
    PIXELS = 24  # of the side of a cell
    # Numbers of levels that are not from `levels`.
    DRAWN = -1
    OWN = -2

cdef struct State:
    int32_t player         # its cell
    int32_t boxes
    int32_t left           # targets without a box
    int32_t level          # the number of the level, DRAWN or OWN
    int32_t next_level     # that of the next episodes, DRAWN for any


@cython.final
cdef class Sokoban(Env):
    """Sokoban(num_envs=1, *, size=10, num_boxes=None, num_gen_steps=None, levels=None, use_minimal_action_set=False, \
**options)
--

Rooms with boxes. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
size : int or (int, int), default 10
    The rows and columns of drawn rooms with the walls around them, 4 to 20; not 4 both, where nothing can be pushed.
num_boxes : int, optional
    The boxes of drawn rooms, 1 to an eighth of the cells within the walls (at least 1); by default 4, or as many as
    that.
num_gen_steps : int, optional
    The steps of the walk that digs a room, 1 to 1000; by default 1.7 * (rows + columns). More make larger rooms.
levels : path, or list of str, optional
    Levels to play instead of drawn rooms, of one size: a file in Boxoban's format, a folder of such `.txt` files, or
    texts in that format. The sides are 4 to 20. A level is lines of cells (# wall, space floor, . target, $ box,
    @ player, * box on a target, + player on a target) after a line that begins with ";" or is empty.
use_minimal_action_set : bool, default False
    Whether the actions are the four pushes alone.
**options
    The options of `puffer.Env`.

Attributes
----------
rows, columns : int
    The size of the rooms.
num_boxes, num_gen_steps : int or None
    As given, or the default; None with `levels`.
num_levels : int
    The number of levels that were given.
use_minimal_action_set : bool
    As given.

Notes
-----
`env.set_next(copies, level=...)` takes a number of `levels`, the text of a level of the same size, or None for any
again.
`env.get_attr("level")` is the number of each copy's level, or None.
"""

    default_max_steps = 120
    draws_changes = True
    statistic_names = ("success", "boxes_on_target")
    render_modes = ("rgb_array", "ansi")
    cdef readonly int rows
    cdef readonly int columns
    cdef readonly object num_boxes
    cdef readonly object num_gen_steps
    cdef readonly int num_levels
    cdef readonly bint use_minimal_action_set
    cdef Plan plan
    cdef int cell_count
    cdef uint8_t[:, :, ::1] levels
    cdef uint8_t[:, :, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state
    # The cells of each copy, and those of a level of its own.
    cdef uint8_t* cells
    cdef uint8_t* own

    def __init__(self, num_envs=1, *, size=10, num_boxes=None, num_gen_steps=None, levels=None,
                 use_minimal_action_set=False, **options):
        cdef Py_ssize_t i
        self.require_unmade()
        rows, columns = _checked_size(size)
        given = np.zeros((0, rows, columns), np.uint8)
        if levels is not None:
            if num_boxes is not None or num_gen_steps is not None or size != 10:
                raise TypeError("size, num_boxes and num_gen_steps are those of drawn rooms: leave them out with "
                                "levels")
            given = read_levels(levels)
            rows, columns = given.shape[1:]
        else:
            most = max(1, (rows - 2) * (columns - 2) // 8)
            num_boxes = min(4, most) if num_boxes is None else checks.integer("num_boxes", num_boxes, 1, most)
            walk = int(1.7 * (rows + columns)) if num_gen_steps is None else num_gen_steps
            num_gen_steps = checks.integer("num_gen_steps", walk, 1, 1000)
        super().__init__(num_envs, spaces.Box(0, PLAYER_ON_TARGET, (rows, columns), np.uint8),
                         spaces.Discrete(4 if use_minimal_action_set else 9), observes_in_step=True,
                         snapshot_key=(num_boxes, num_gen_steps, given.tobytes(), bool(use_minimal_action_set)),
                         **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.rows, self.columns, self.cell_count = rows, columns, rows * columns
        self.num_boxes, self.num_gen_steps, self.num_levels = num_boxes, num_gen_steps, len(given)
        self.use_minimal_action_set = use_minimal_action_set
        self.plan.rows, self.plan.columns = rows, columns
        self.plan.boxes, self.plan.walk = num_boxes or 0, num_gen_steps or 0
        self.plan.steps = [-columns, columns, -1, 1]
        self.levels = given
        self.cells = <uint8_t*>self.new_state(self.cell_count)
        self.own = <uint8_t*>self.new_state(self.cell_count)
        self.state = <State*>self.new_state(sizeof(State))
        for i in range(self.num_copies):
            self.state[i].next_level = DRAWN

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint8_t* cells = self.cells + i * self.cell_count
        state.level = state.next_level
        if state.level == OWN:
            memcpy(cells, self.own + i * self.cell_count, self.cell_count)
        elif self.num_levels:
            if state.level == DRAWN:
                state.level = rng_below(&self.rng[i], self.num_levels)
            memcpy(cells, &self.levels[state.level, 0, 0], self.cell_count)
        else:
            draw_room(&self.plan, cells, &self.rng[i])
        self.survey(i)

    cdef void survey(self, Py_ssize_t i) noexcept nogil:
        """Find the player and the free targets. Whatever the cells are, the player is one, and surrounded by walls."""
        cdef State* state = &self.state[i]
        cdef uint8_t* cells = self.cells + i * self.cell_count
        cdef int cell, row, column
        state.player = state.left = state.boxes = 0
        for row in range(self.rows):
            cells[row * self.columns] = cells[(row + 1) * self.columns - 1] = WALL
        for column in range(self.columns):
            cells[column] = cells[self.cell_count - self.columns + column] = WALL
        for cell in range(self.cell_count):
            if cells[cell] >= PLAYER:
                if state.player or cells[cell] > PLAYER_ON_TARGET:
                    cells[cell] = FLOOR
                else:
                    state.player = cell
            state.boxes += is_box(cells[cell])
            state.left += cells[cell] == TARGET or cells[cell] == PLAYER_ON_TARGET
        if state.player == 0:
            state.player = self.columns + 1
            cells[state.player] = PLAYER

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint8_t* cells = self.cells + i * self.cell_count
        cdef int action = self.actions[i] + self.use_minimal_action_set, step, before = state.left
        cdef double reward = -0.1
        cdef uint8_t* at
        if PUSH_UP <= action <= MOVE_RIGHT:
            step = self.plan.steps[(action - 1) & 3]
            at = cells + state.player
            if action <= PUSH_RIGHT and is_box(at[step]) and is_free(at[2 * step]):
                state.left += (at[step] == BOX_ON_TARGET) - (at[2 * step] == TARGET)
                at[2 * step] = entered(at[2 * step], BOX, BOX_ON_TARGET)
                at[step] = left(at[step])
            if is_free(at[step]):
                at[0] = left(at[0])
                at[step] = entered(at[step], PLAYER, PLAYER_ON_TARGET)
                state.player += step
        reward += before - state.left
        if state.left == 0:
            reward += 10
            self.terminations[i] = True
            self.statistics[i, 0] = 1
        self.statistics[i, 1] = state.boxes - state.left
        self.rewards[i] = <float>reward

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        memcpy(&self.observations[i, 0, 0], self.cells + i * self.cell_count, self.cell_count)

    # ---- Levels of single copies ----

    def set_next_parameters(self, copies, parameters):
        """Set the level of the next episodes of copies: a number of `levels`, a text, or None for any."""
        cdef Py_ssize_t i
        checks.arguments("set_next() of Sokoban", parameters, ("level",))
        values = parameters.get("level", ())
        chosen = [self._chosen(level) for level in values]
        for copy, (number, cells) in zip(copies, chosen):
            i = copy
            self.state[i].next_level = number
            for k, cell in enumerate(cells):
                self.own[i * self.cell_count + <Py_ssize_t>k] = cell

    def _chosen(self, level):
        """The number of a level that is given, and the cells of a text."""
        if level is None:
            return DRAWN, b""
        if not isinstance(level, str):
            if self.num_levels == 0:
                raise ValueError(f"level must be None or a text, got {level!r}: this batch was made without levels")
            return checks.integer("level", level, 0, self.num_levels - 1), b""
        found = read_text(level)
        if len(found) != 1 or found[0].shape != (self.rows, self.columns):
            sizes = [" x ".join(map(str, one.shape)) for one in found]
            raise ValueError(f"level must be one level of {self.rows} x {self.columns} cells, got {sizes or 'none'}")
        return OWN, found[0].tobytes()

    def parameters_of(self, copy):
        """The number of the level that a copy plays, None if it is not one of `levels`."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"level": self.state[i].level if self.state[i].level >= 0 else None}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.level = min(max(state.level, OWN), self.num_levels - 1)
        state.next_level = min(max(state.next_level, OWN), self.num_levels - 1)
        self.survey(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef Py_ssize_t first = i * self.cell_count
        cells = np.frombuffer(self.cells[first:first + self.cell_count], np.uint8).reshape(self.rows, self.columns)
        return {"cells": cells.copy(), "player": divmod(self.state[i].player, self.columns),
                "targets_left": self.state[i].left, "level": self.parameters_of(i)["level"]}

    # ---- Pictures ----

    @property
    def render_size(self):
        return PIXELS * self.columns, PIXELS * self.rows

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int k, row, column, cell
        canvas.clear(0xE9E2D0)
        for k in range(self.cell_count):
            row, column, cell = k // self.columns, k % self.columns, self.cells[i * self.cell_count + k]
            if cell == WALL:
                canvas.cell(row, column, PIXELS, 0, 0x5B5F73)
            if cell == TARGET or cell == PLAYER_ON_TARGET or cell == BOX_ON_TARGET:
                canvas.disc(PIXELS * (column + 0.5), PIXELS * (row + 0.5), 5, 0xD9594C)
            if is_box(cell):
                canvas.cell(row, column, PIXELS, 2, 0x9C6B30)
                canvas.cell(row, column, PIXELS, 5, 0x5BA56B if cell == BOX_ON_TARGET else 0xE3B23C)
            if cell >= PLAYER:
                canvas.disc(PIXELS * (column + 0.5), PIXELS * (row + 0.5), 8, 0x4C78B5)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return write_level(self.state_one(i)["cells"])


def _checked_size(size):
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"size must be a number, or a pair of rows and columns, got {size!r}")
    rows, columns = (checks.integer("size", side, LEAST_SIDE, MOST_SIDE) for side in sides)
    if rows == columns == LEAST_SIDE:
        raise ValueError(f"size = {size!r}: with walls around it, a room of 4 x 4 cells has no box that can be pushed; "
                         "pass 5 or more, or (4, 5)")
    return rows, columns
