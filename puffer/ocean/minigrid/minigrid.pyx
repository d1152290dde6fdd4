"""Minigrid: find keys, doors and goals in rooms of which the agent sees only a part.

Observation   uint8 (150,). 0 to 146: the image of MiniGrid, (7, 7, 3) by column, row and channel. The agent is in the
              middle of the bottom row and looks up; its cell shows the object that it carries. The channels are: the
              Kind, as in MiniGrid (0 unseen); the colour: 0 red, 1 green, 2 blue, 3 purple, 4 yellow, 5 grey; of a
              door 0 open, 1 closed, 2 locked. Then 147: the direction, 0 right, 1 down, 2 left, 3 up; 148 and 149: the
              mission, as the Kind and the colour of the object to reach, open or pick up (colour 0 for the door of
              Unlock, which may have any).
Action        Discrete(7): 0 left, 1 right, 2 forward, 3 pick up, 4 drop, 5 toggle, 6 idle (MiniGrid's "done"). In
              Dynamic-Obstacles Discrete(3): the first three. An action that is not possible changes nothing.
Reward        1 - 0.9 * steps / max_steps on success, 0 otherwise. In Dynamic-Obstacles -1 for moving forward into an
              obstacle or a wall.
Terminated    on success: at the goal; in Unlock with a toggle while the door is open; in UnlockPickup and KeyCorridor
              on picking up the object. On stepping into lava. In Dynamic-Obstacles with the reward of -1.
Truncated     after max_steps: by default that of MiniGrid for the level.
Start         a new level, from the distribution of MiniGrid; in Empty and Dynamic-Obstacles, with random_start the
              agent is anywhere.
Copies        may have their own level and parameters from their next episode on, as far as they fit into the memory and
              the actions of what the batch was made with: `env.set_next(copies, level=..., size=...)`.
Levels        Empty, DoorKey, FourRooms, Unlock, UnlockPickup, KeyCorridor, LavaGap, MultiRoom, Dynamic-Obstacles.
Source        the package minigrid 3: Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld". Boxes are empty, like all
              boxes of these levels.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean.minigrid.draft cimport (
    CELLS, COLOURS, DYNAMIC_OBSTACLES, IMAGE, KIND, Rules, State, first_cell, in_front,
    minigrid_fill_tables, minigrid_image, minigrid_prefetch, minigrid_view,
)
from puffer.ocean.minigrid.exchange cimport level_values, read_level
from puffer.ocean.minigrid.levels cimport draw_level
from puffer.ocean.minigrid.moves cimport ON, SUCCESS, act, mark_possible, move_obstacles, outcome_t
from puffer.ocean.minigrid.parameters cimport check_parameters, level_parameters, make_rules, step_limit
from puffer.ocean.minigrid.picture cimport draw_picture, tile_size, write_level
from puffer.ocean.minigrid.restored cimport restore_level, restore_rules

import_puffer()
minigrid_fill_tables()

cdef extern from "puffer/ocean/minigrid/minigrid.h" nogil:
    cpdef enum Action "minigrid_action":
        LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, IDLE
    cpdef enum Kind "minigrid_kind":
        UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA

cdef enum:
    # Indices in a row, after the image.
    DIRECTION = IMAGE
    MISSION_KIND
    MISSION_COLOUR
    # How many copies ahead the cells of a view are prefetched.
    DISTANCE = 8

# The rules of a copy's level, and those of its next episode. Zero until a copy of the batch has rules of its own.
cdef struct Own:
    Rules now
    Rules coming
    bint has_coming

PARAMETERS = ("size", "random_start", "n_obstacles", "num_rows", "room_size", "obj_type", "min_rooms", "max_rooms",
              "max_room_size")


@cython.final
cdef class Minigrid(Env):
    """Minigrid(num_envs=1, *, level="DoorKey", size=None, random_start=None, n_obstacles=None, num_rows=None, \
room_size=None, obj_type=None, min_rooms=None, max_rooms=None, max_room_size=None, max_steps=None, **options)
--

Levels of MiniGrid. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
level : str
    "Empty", "DoorKey", "FourRooms", "Unlock", "UnlockPickup", "KeyCorridor", "LavaGap", "MultiRoom" or
    "Dynamic-Obstacles". Each of the following parameters belongs to some levels; the defaults are MiniGrid's.
size : int, optional
    Cells of the grid's side. Empty: 4 to 64, by default 8; DoorKey and Dynamic-Obstacles: 5 to 64, by default 8;
    LavaGap: 5 to 64, by default 7.
random_start : bool, optional
    Empty and Dynamic-Obstacles: whether the agent starts anywhere, or in the corner, which is the default.
n_obstacles : int, optional
    Dynamic-Obstacles: 0 to size // 2 + 1, by default 4, or size // 2 if that is less.
num_rows, room_size : int, optional
    KeyCorridor: rows of rooms, 1 to 8, by default 3; cells of a room's side, 3 to 16, by default 6.
obj_type : str, optional
    KeyCorridor: the object to pick up, "ball" (the default), "key" or "box".
min_rooms, max_rooms : int, optional
    MultiRoom: 1 to 8, by default 6 each, or the same as the one that is given.
max_room_size : int, optional
    MultiRoom: cells of the largest room's side, 4 to 10, by default 10.
**options
    The options of `puffer.Env`.

Attributes
----------
level : str
    As given.

Notes
-----
`state(copy)` has the level as it is now: `grid`, uint8 (width, height, 3), as in the package's `grid.encode()`; the
pairs x, y `position`, `target` (the object to open or pick up, None if there is none or it is gone) and `obstacles` (a
list); `direction`; `carrying`, a pair of Kind and colour, or None; `mission_colour`.
"""

    statistic_names = ("success",)
    draws_changes = True
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    cdef readonly str level
    cdef Rules rules
    # Whether the cells of all copies are larger than the caches of one core.
    cdef bint is_large
    cdef uint8_t[:, ::1] rows
    cdef int32_t[::1] actions
    # For each copy a State, its cells, and the positions of its obstacles.
    cdef State* state
    cdef uint8_t* cells
    cdef int32_t* obstacles
    # The rules of each copy, where any copy may have others than those that the batch was made with.
    cdef Own* own
    cdef bint has_own

    def __init__(self, num_envs=1, *, level="DoorKey", size=None, random_start=None, n_obstacles=None, num_rows=None,
                 room_size=None, obj_type=None, min_rooms=None, max_rooms=None, max_room_size=None, max_steps=None,
                 **options):
        given = {"size": size, "random_start": random_start, "n_obstacles": n_obstacles, "num_rows": num_rows,
                 "room_size": room_size, "obj_type": obj_type, "min_rooms": min_rooms, "max_rooms": max_rooms,
                 "max_room_size": max_room_size}
        values = check_parameters(level, given)
        high = np.array([LAVA, COLOURS - 1, 2] * CELLS + [3, LAVA, COLOURS - 1], np.uint8)
        actions = spaces.Discrete(FORWARD + 1 if level == "Dynamic-Obstacles" else IDLE + 1)
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high, dtype=np.uint8), actions,
                         observes_in_step=True, snapshot_key=(level, *values.items()),
                         max_steps=step_limit(level, values) if max_steps is None else max_steps, **options)
        self.level = level
        self.rules = make_rules(level, values)
        self.is_large = self.num_copies * self.rules.cell_count > 1 << 22
        self.cells = <uint8_t*>self.new_state(self.rules.cell_count)
        self.state = <State*>self.new_state(sizeof(State))
        self.obstacles = <int32_t*>self.new_state(self.rules.obstacles * sizeof(int32_t))
        self.own = <Own*>self.new_state(sizeof(Own))

    cdef int bind(self, Buffers buffers) except -1:
        self.rows = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        if self.has_own and self.own[i].has_coming:
            self.own[i].now = self.own[i].coming
            self.own[i].has_coming = False
        draw_level(self._rules(i), &self.state[i], self.cells + i * self.rules.cell_count,
                   self._obstacles(i), &self.rng[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef const Rules* rules = self._rules(i)
        cdef uint8_t* grid = self._grid(i)
        cdef int action = self.actions[i]
        cdef uint8_t front
        cdef outcome_t outcome
        if rules.level != DYNAMIC_OBSTACLES:
            outcome = act(rules, state, grid, action)
            if outcome != ON:
                self._finish(i, outcome)
            return
        # As in the package, the cell in front of the agent before the obstacles move decides about a collision.
        front = grid[in_front(rules, state)]
        move_obstacles(rules, state, grid, self._obstacles(i), &self.rng[i])
        self._finish(i, act(rules, state, grid, action if LEFT <= action <= FORWARD else LEFT))
        if action == FORWARD and front != EMPTY and front & KIND != GOAL:
            self.rewards[i] = -1
            self.terminations[i] = True

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state
        cdef const Rules* rules
        cdef Py_ssize_t i
        for i in range(first, last):
            if self.is_large and i + DISTANCE < last:
                state, rules = &self.state[i + DISTANCE], self._rules(i + DISTANCE)
                minigrid_prefetch(self._grid(i + DISTANCE), rules.size, state.agent,
                                  rules.steps[(state.direction + 1) & 3], rules.steps[state.direction])
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef const Rules* rules = self._rules(i)
        cdef uint8_t* row = &self.rows[i, 0]
        cdef uint64_t[8] columns
        if self.retained and not state.has_changed:
            return
        state.has_changed = False
        minigrid_view(self._grid(i), rules.size, state.agent, rules.steps[(state.direction + 1) & 3],
                      rules.steps[state.direction], rules.sees_all, columns)
        minigrid_image(columns, state.carried if state.carried else EMPTY, row)
        row[DIRECTION] = state.direction
        row[MISSION_KIND] = state.mission_kind
        row[MISSION_COLOUR] = state.mission_colour

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            mark_possible(self._rules(i), &self.state[i], self._grid(i), &masks[i, 0])

    cdef inline const Rules* _rules(self, Py_ssize_t i) noexcept nogil:
        """The rules of the level of a copy."""
        return &self.own[i].now if self.has_own else &self.rules

    cdef inline uint8_t* _grid(self, Py_ssize_t i) noexcept nogil:
        """The cell (0, 0) of a copy."""
        return self.cells + i * self.rules.cell_count + first_cell(self._rules(i))

    cdef inline int32_t* _obstacles(self, Py_ssize_t i) noexcept nogil:
        return self.obstacles + i * self.rules.obstacles

    cdef inline void _finish(self, Py_ssize_t i, outcome_t outcome) noexcept nogil:
        """Write the reward and the flags of an outcome."""
        self.terminations[i] = outcome != ON
        if outcome == SUCCESS:
            self.rewards[i] = <float>(1 - 0.9 * ((self.elapsed[i] + 1) / <double>self.max_steps))
            self.statistics[i, 0] = 1

    # ---- Levels of single copies ----

    def set_next_parameters(self, copies, parameters):
        """Set the level, or parameters of it, for the next episodes of copies.

        The parameters are those of the class. Those that are not given stay as the copy has them; with a `level` they
        get its defaults. The grid must not have more cells, nor the level more obstacles or other actions, than what
        the batch was made with. The time limit stays that of the batch.
        """
        cdef Py_ssize_t i, k
        cdef list levels = []
        checks.arguments("set_next() of Minigrid", parameters, ("level", *PARAMETERS))
        copies = [checks.integer("copy", copy, 0, self.num_copies - 1) for copy in copies]
        for k, i in enumerate(copies):
            given = {name: values[k] for name, values in parameters.items()}
            levels.append(self._level_of(i, given))
        self._let_own()
        for k, i in enumerate(copies):
            level, values = levels[k]
            self.own[i].coming = make_rules(level, values)
            self.own[i].has_coming = True

    def _level_of(self, Py_ssize_t i, given):
        """The level and the parameters of a copy that is given these."""
        cdef Rules rules = self._rules(i)[0]
        if self.has_own and self.own[i].has_coming:
            rules = self.own[i].coming
        level = given.pop("level", None)
        if level is None:
            level, own = level_parameters(&rules)
            given = {**own, **given}
        values = check_parameters(level, {name: given.get(name) for name in PARAMETERS})
        rules = make_rules(level, values)
        if (rules.level == DYNAMIC_OBSTACLES) != (self.rules.level == DYNAMIC_OBSTACLES):
            raise ValueError(f"level {level!r} has other actions than level {self.level!r}, which this batch was made "
                             "with")
        if rules.cell_count > self.rules.cell_count or rules.obstacles > self.rules.obstacles:
            raise ValueError(f"level {level!r} with {values} is larger than what this batch was made with: make it "
                             "with the largest level that you want")
        return level, values

    cdef int _let_own(self) except -1:
        """From now on look up the rules of each copy."""
        cdef Py_ssize_t i
        for i in range(self.num_copies):
            if self.own[i].now.cell_count == 0:
                self.own[i].now = self.rules
        self.has_own = True
        return 0

    def parameters_of(self, copy):
        """The level of a copy's episode, and its parameters."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        level, own = level_parameters(self._rules(i))
        return {"level": level, **dict.fromkeys(PARAMETERS), **own}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        # What indexes memory must fit, whoever has made the snapshot.
        self._load_rules(&self.own[i])
        if not restore_level(self._rules(i), &self.state[i], self.cells + i * self.rules.cell_count,
                             self._obstacles(i)):
            self.reset_one(i)

    cdef void _load_rules(self, Own* own) noexcept nogil:
        cdef Py_ssize_t k
        if not self.has_own and own.now.cell_count == 0:
            own.has_coming = False
            return
        for k in range(0 if self.has_own else self.num_copies):
            if self.own[k].now.cell_count == 0:
                self.own[k].now = self.rules
        if not restore_rules(&own.now, &self.rules):
            own.now = self.rules
        if not restore_rules(&own.coming, &self.rules):
            own.has_coming = False
        self.has_own = True

    cdef dict state_one(self, Py_ssize_t i):
        return level_values(self._rules(i), &self.state[i], self._grid(i), self._obstacles(i))

    def set_level(self, copy, *, grid, position, direction, carrying=None, target=None, mission_colour=None,
                  obstacles=()):
        """Replace the level of one copy by one like those that `state` returns; its episode goes on.

        Parameters
        ----------
        copy : int
            Index of the copy.
        grid, position, direction, carrying, target, obstacles
            As in `state`.
        mission_colour : int, optional
            By default that of the target; required where the object to pick up is gone.

        Raises TypeError or ValueError, before anything is changed, for values that are not a level of this kind.
        """
        self.require_settled("set_level")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        values = {"grid": grid, "position": position, "direction": direction, "carrying": carrying, "target": target,
                  "mission_colour": mission_colour, "obstacles": obstacles}
        read_level(self._rules(i), &self.state[i], self._grid(i), self._obstacles(i), values)
        self.redraw(i)

    @property
    def render_size(self):
        return tile_size(&self.rules) * self.rules.width, tile_size(&self.rules) * self.rules.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        draw_picture(canvas, self._rules(i), &self.state[i], self._grid(i))
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return write_level(self._rules(i), &self.state[i], self._grid(i))
