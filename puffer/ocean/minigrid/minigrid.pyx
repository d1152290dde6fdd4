"""Minigrid: find keys, doors and goals in rooms of which the agent sees only a part.

Observation   uint8 (150,). 0 to 146: the image of MiniGrid, (7, 7, 3) by column, row and channel: the agent looks up
              from the middle of the bottom row, in whose place is what it carries. Channels: the Kind, as in MiniGrid
              (0 unseen); the colour: 0 red, 1 green, 2 blue, 3 purple, 4 yellow, 5 grey; of a door 0 open, 1 closed,
              2 locked. Then 147: the direction, 0 right, 1 down, 2 left, 3 up; 148 and 149: the mission, as the
              Kind and the colour of what to reach, open or pick up (0 for the door of Unlock, which may be of any).
Action        Discrete(7): 0 left, 1 right, 2 forward, 3 pick up, 4 drop, 5 toggle, 6 idle (MiniGrid's "done"). In
              Dynamic-Obstacles Discrete(3): the first three. What is not possible changes nothing.
Reward        1 - 0.9 * steps / max_steps on success, 0 otherwise. In Dynamic-Obstacles -1 for moving forward where
              there was an obstacle or a wall.
Terminated    on success: at the goal; in Unlock with a toggle while the door is open; in UnlockPickup and KeyCorridor
              on picking up the object. On stepping into lava. In Dynamic-Obstacles with the reward of -1.
Truncated     after max_steps: by default that of MiniGrid for the level.
Start         a new level, from the distribution of MiniGrid; of Empty and Dynamic-Obstacles, with random_start the
              agent is anywhere.
Levels        Empty, DoorKey, FourRooms, Unlock, UnlockPickup, KeyCorridor, LavaGap, MultiRoom, Dynamic-Obstacles.
Source        the package minigrid 3: Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld". Boxes are empty, as
              those of these levels are.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean.minigrid.draft cimport (
    CELLS,
    CLOSED_DOOR,
    COLOUR,
    COLOURS,
    DYNAMIC_OBSTACLES,
    IMAGE,
    KIND,
    LOCKED_DOOR,
    NOWHERE,
    OPAQUE,
    PORTABLE,
    Rules,
    State,
    UNLOCK,
    WALKABLE,
    first_cell,
    minigrid_fill_tables,
    minigrid_image,
    minigrid_prefetch,
    minigrid_view,
    towards,
)
from puffer.ocean.minigrid.exchange cimport level_values, read_level
from puffer.ocean.minigrid.levels cimport draw_level
from puffer.ocean.minigrid.parameters cimport check_parameters, make_rules, step_limit
from puffer.ocean.minigrid.picture cimport draw_picture, tile_size, write_level
from puffer.rng cimport rng_below

import_puffer()
minigrid_fill_tables()

cpdef enum Action:
    LEFT
    RIGHT
    FORWARD
    PICK_UP
    DROP
    TOGGLE
    IDLE

cdef extern from "puffer/ocean/minigrid/minigrid.h" nogil:
    cpdef enum Kind "minigrid_kind":
        UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA

# Where the row has what, after the image.
cdef enum:
    DIRECTION = IMAGE
    MISSION_KIND
    MISSION_COLOUR

# How many copies ahead the cells of a view are asked for.
cdef enum:
    DISTANCE = 8


@cython.final
cdef class Minigrid(Env):
    """Minigrid(num_envs=1, *, level="DoorKey", size=None, random_start=None, n_obstacles=None, num_rows=None, \
room_size=None, obj_type=None, min_rooms=None, max_rooms=None, max_room_size=None, max_steps=None, **options)
--

`level` is one of "Empty", "DoorKey", "FourRooms", "Unlock", "UnlockPickup", "KeyCorridor", "LavaGap", "MultiRoom",
"Dynamic-Obstacles". The other parameters belong to some of them; where they are not given they are as in MiniGrid:

- Empty: `size` (4 to 64) of 8, `random_start` (True: anywhere, False: in the corner).
- DoorKey: `size` (5 to 64) of 8. LavaGap: `size` (5 to 64) of 7.
- Dynamic-Obstacles: `size` (5 to 64) of 8, `n_obstacles` (0 to size // 2 + 1) of at most 4, `random_start`.
- KeyCorridor: `num_rows` (1 to 8) of 3, `room_size` (3 to 16) of 6, `obj_type` of "ball" ("ball", "key", "box").
- MultiRoom: `min_rooms` and `max_rooms` (1 to 8) of 6 each, `max_room_size` (4 to 10) of 10.

The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    statistic_names = ("success",)
    render_modes = ("rgb_array", "ansi")
    cdef readonly str level
    cdef Rules rules
    # From a cell to the next one in each direction, and to the nine around it, itself included.
    cdef int32_t[4] steps
    cdef int32_t[9] around
    cdef uint8_t[:, ::1] rows
    cdef int32_t[::1] actions
    cdef bint is_large
    cdef State* states
    cdef uint8_t* cells
    cdef int32_t* obstacles

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
        self.steps = [towards(direction, self.rules.stride) for direction in range(4)]
        self.around = [x * self.rules.stride + y for x in (-1, 0, 1) for y in (-1, 0, 1)]
        # Larger than the caches of one core.
        self.is_large = self.num_copies * self.rules.cell_count > 1 << 22
        self.cells = <uint8_t*>self.new_state(self.rules.cell_count)
        self.states = <State*>self.new_state(sizeof(State))
        self.obstacles = <int32_t*>self.new_state(self.rules.obstacles * sizeof(int32_t))

    cdef int bind(self, Buffers buffers) except -1:
        self.rows = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef inline uint8_t* grid(self, Py_ssize_t i) noexcept nogil:
        """The cell (0, 0) of a copy."""
        return self.cells + i * self.rules.cell_count + first_cell(&self.rules)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        draw_level(&self.rules, &self.states[i], self.cells + i * self.rules.cell_count,
                   self.obstacles + i * self.rules.obstacles, &self.rng[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef uint8_t* grid = self.grid(i)
        cdef int action = self.actions[i]
        cdef uint8_t front
        if self.rules.level != DYNAMIC_OBSTACLES:
            self.act(i, state, grid, action)
            return
        # As in the package, what counts is what was in front of the agent before the obstacles moved.
        front = grid[state.agent + self.steps[state.direction]]
        self.move_obstacles(i, state, grid)
        self.act(i, state, grid, action if LEFT <= action <= FORWARD else LEFT)
        if action == FORWARD and front != EMPTY and front & KIND != GOAL:
            self.rewards[i] = -1
            self.terminations[i] = True

    cdef inline void act(self, Py_ssize_t i, State* state, uint8_t* grid, int action) noexcept nogil:
        cdef int32_t place = state.agent + self.steps[state.direction]
        cdef uint8_t cell = grid[place]
        if action == LEFT or action == RIGHT:
            state.direction = (state.direction + (3 if action == LEFT else 1)) & 3
            state.has_changed = True
        elif action == FORWARD:
            if WALKABLE >> (cell & KIND) & 1:
                state.agent = place
                state.has_changed = True
                if cell & KIND == GOAL:
                    self.succeed(i)
                elif cell & KIND == LAVA:
                    self.terminations[i] = True
        elif action == PICK_UP:
            if PORTABLE >> (cell & KIND) & 1 and state.carried == 0:
                state.carried = cell
                grid[place] = EMPTY
                state.has_changed = True
                if place == state.target:
                    state.target = NOWHERE
                    self.succeed(i)
        elif action == DROP:
            if cell == EMPTY and state.carried:
                grid[place] = state.carried
                state.carried = 0
                state.has_changed = True
        elif action == TOGGLE:
            self.toggle(state, grid, place)
            if self.rules.level == UNLOCK and grid[state.target] & KIND == DOOR:
                self.succeed(i)

    cdef inline void toggle(self, State* state, uint8_t* grid, int32_t place) noexcept nogil:
        cdef uint8_t cell = grid[place], colour = cell & (7 << COLOUR)
        cdef int kind = cell & KIND
        if kind == CLOSED_DOOR or (kind == LOCKED_DOOR and state.carried == (KEY | colour)):
            grid[place] = DOOR | colour
        elif kind == DOOR:
            grid[place] = CLOSED_DOOR | colour | OPAQUE
        elif kind == BOX:
            # It opens, and there is nothing in it.
            grid[place] = EMPTY
            if place == state.target:
                state.target = NOWHERE
        else:
            return
        state.has_changed = True

    cdef inline void succeed(self, Py_ssize_t i) noexcept nogil:
        self.rewards[i] = <float>(1 - 0.9 * ((self.elapsed[i] + 1) / <double>self.max_steps))
        self.terminations[i] = True
        self.statistics[i, 0] = 1

    cdef inline void move_obstacles(self, Py_ssize_t i, State* state, uint8_t* grid) noexcept nogil:
        """Each to a random empty cell beside its own; as in the package, one of 101 tries must find it."""
        cdef int32_t* obstacles = self.obstacles + i * self.rules.obstacles
        cdef int32_t place
        cdef int k
        state.has_changed = True
        for k in range(self.rules.obstacles):
            for _ in range(101):
                place = obstacles[k] + self.around[rng_below(&self.rng[i], 9)]
                if grid[place] == EMPTY and place != state.agent:
                    grid[place] = grid[obstacles[k]]
                    grid[obstacles[k]] = EMPTY
                    obstacles[k] = place
                    break

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef uint8_t* row = &self.rows[i, 0]
        cdef uint64_t[8] columns
        if self.retained and not state.has_changed:
            return
        state.has_changed = False
        minigrid_view(self.grid(i), self.rules.size, state.agent, self.steps[(state.direction + 1) & 3],
                      self.steps[state.direction], self.rules.sees_all, columns)
        minigrid_image(columns, state.carried if state.carried else EMPTY, row)
        row[DIRECTION] = state.direction
        row[MISSION_KIND] = state.mission_kind
        row[MISSION_COLOUR] = state.mission_colour

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state
        cdef Py_ssize_t i
        for i in range(first, last):
            if self.is_large and i + DISTANCE < last:
                state = &self.states[i + DISTANCE]
                minigrid_prefetch(self.grid(i + DISTANCE), self.rules.size, state.agent,
                                  self.steps[(state.direction + 1) & 3], self.steps[state.direction])
            self.step_one(i)
            self.observe(i)

    def state(self, copy):
        """The level of a copy as it is now: a dict.

        "grid" is as the package's `grid.encode()`, (width, height, 3) uint8; "position", "target" and "obstacles" are
        pairs x, y; "carrying" is a pair of Kind and colour, or None. "target" is the object to open or pick up, None if
        there is none (any more).
        """
        self.require_settled("state")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return level_values(&self.rules, &self.states[i], self.grid(i), self.obstacles + i * self.rules.obstacles)

    def set_level(self, copy, *, grid, position, direction, carrying=None, target=None, mission_colour=None,
                  obstacles=()):
        """Replace the level of a copy by one like those that `state` returns; its episode goes on.

        `mission_colour` need be given only where the object to pick up is gone. Raises TypeError or ValueError, before
        anything is changed, for what is no level of this kind.
        """
        self.require_settled("set_level")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        values = {"grid": grid, "position": position, "direction": direction, "carrying": carrying, "target": target,
                  "mission_colour": mission_colour, "obstacles": obstacles}
        read_level(&self.rules, &self.states[i], self.grid(i), self.obstacles + i * self.rules.obstacles, values)
        self.observe(i)

    @property
    def render_size(self):
        return tile_size(&self.rules) * self.rules.width, tile_size(&self.rules) * self.rules.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        draw_picture(canvas, &self.rules, &self.states[i], self.grid(i))
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return write_level(&self.rules, &self.states[i], self.grid(i))
