"""Minigrid: find keys, doors, things and goals in rooms of which the agent sees only a part.

Observation   uint8 (150,). 0 to 146: the image of MiniGrid, (7, 7, 3) by column, row and channel. The agent is in the
              middle of the bottom row and looks up; its cell shows the object that it carries. The channels are: the
              Kind, as in MiniGrid (0 unseen); the colour: 0 red, 1 green, 2 blue, 3 purple, 4 yellow, 5 grey; of a
              door 0 open, 1 closed, 2 locked. Then 147: the direction, 0 right, 1 down, 2 left, 3 up; 148 and 149: the
              mission.
Mission       the Kind and the colour of what it names: the object to reach, open, take or move, the key to get (colour
              0 for the door of Unlock, which may have any; the red door in RedBlueDoors; 0 and 0 in Memory and
              Playground). Fetch, LockedRoom and PutNear have longer missions and rows of uint8 (153,): 150 and 151 are
              the Kind and the colour of a second thing, the door of the room with the key in LockedRoom, the object to
              bring the first one to in PutNear, 0 and 0 in Fetch; 152 is the phrase of Fetch: 0 "get a", 1 "go get a",
              2 "fetch a", 3 "go fetch a", 4 "you must fetch a". `env.call("mission")` has MiniGrid's texts. In pictures
              of levels with missions that differ, the top-left corner shows what they name.
Views         with `observation`, a row is a Dict of an image, the direction and the mission, all uint8, or int8 with
              "symbolic". The images are those of MiniGrid's wrappers: "full" of FullyObsWrapper, the grid, (width,
              height, 3), with 10, 0 and the direction where the agent is; "one_hot" of OneHotPartialObsWrapper, (7, 7,
              20), 11 kinds, 6 colours and 3 states; "symbolic" of SymbolicObsWrapper, int8 (width, height, 3), x, y and
              Kind, 10 for the agent and -1 for empty cells; "rgb_partial" of RGBImgPartialObsWrapper and "rgb_full" of
              RGBImgObsWrapper, its pictures of the view and of the grid, with tile_size pixels for a cell.
Action        Discrete(7): 0 left, 1 right, 2 forward, 3 pick up, 4 drop, 5 toggle, 6 idle (MiniGrid's "done"). In
              Dynamic-Obstacles Discrete(3): the first three. An action that is not possible changes nothing. In Memory
              3 does what 5 does.
Reward        1 - 0.9 * steps / max_steps on success, 0 otherwise. In Dynamic-Obstacles -1 for moving forward into an
              obstacle or a wall.
Terminated    on success: at the goal; in Unlock with a toggle while the door is open; on picking up the object of the
              mission in UnlockPickup, BlockedUnlockPickup, KeyCorridor, the mazes and Fetch; in GoToDoor and GoToObject
              on idling beside what the mission names; in Memory before the object that is like the one in the first
              room; in PutNear on dropping the object next to the other one; in RedBlueDoors on opening the blue door
              while the red one is open. Without success: on stepping into lava; in Dynamic-Obstacles with the reward of
              -1; in Fetch on picking up something else; in GoToDoor and GoToObject on idling elsewhere and on toggling;
              in Memory before the other object; in PutNear on picking up another object and on dropping it elsewhere,
              or trying to; in RedBlueDoors on opening the blue door first.
Truncated     after max_steps: by default that of MiniGrid for the level.
Start         a new level, from the distribution of MiniGrid; in Empty, Dynamic-Obstacles and DistShift, with
              random_start the agent is anywhere.
Copies        may have their own level and parameters from their next episode on, as far as they fit into the memory,
              the row and the actions of what the batch was made with: `env.set_next(copies, level=..., size=...)`.
Levels        Empty, DoorKey, FourRooms, Unlock, UnlockPickup, BlockedUnlockPickup, KeyCorridor, LavaGap, Crossing,
              DistShift, MultiRoom, Dynamic-Obstacles, Fetch, GoToDoor, GoToObject, PutNear, LockedRoom, Memory,
              ObstructedMaze_1Dlhb, ObstructedMaze_Full, ObstructedMaze_Full_V1, Playground, RedBlueDoors; and every id
              of MiniGrid, such as MiniGrid-LavaCrossingS9N1-v0, but for WFC, whose levels are made from pictures that
              the package's wheel lacks.
Names         `ocean-minigrid-DoorKey-8x8` and `ocean-minigrid-MiniGrid-DoorKey-8x8-v0` are this environment in that
              level. Without "ocean-", `minigrid-DoorKey-8x8` is the package in Python.
Source        the package minigrid 3: Chevalier-Boisvert et al. 2023, "Minigrid & Miniworld". Boxes are empty or, as in
              the mazes, grey with a key in them.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks
from puffer.ocean.minigrid._tiles import tiles

from puffer cimport Canvas, Env, int32_t, uint8_t, uint64_t
from puffer.ocean.minigrid.copies cimport Own, next_rules
from puffer.ocean.minigrid.draft cimport (
    COLOURS, DODGE, KIND, Rules, State, first_cell, in_front, minigrid_fill_tables, minigrid_image, minigrid_prefetch,
    minigrid_triples,
)
from puffer.ocean.minigrid.exchange cimport level_values, read_level
from puffer.ocean.minigrid.forms cimport has_long_mission, step_limit
from puffer.ocean.minigrid.levels cimport draw_level
from puffer.ocean.minigrid.missions cimport mission_text
from puffer.ocean.minigrid.moves cimport ON, SUCCESS, act, mark_possible, move_obstacles, outcome_t
from puffer.ocean.minigrid.parameters cimport level_parameters, parameter_names, read_rules
from puffer.ocean.minigrid.picture cimport cell_size, draw_picture, write_level
from puffer.ocean.minigrid.restored cimport restore_level, restore_rules
from puffer.ocean.minigrid.tasks cimport act_in_task, mark_task
from puffer.ocean.minigrid.things cimport PHRASES
from puffer.ocean.minigrid.views cimport (
    PARTIAL, Tiles, image_space, look, own_cell, row_space, shows_all, view_names, write_view,
)

minigrid_fill_tables()

cdef extern from "puffer/ocean/minigrid/minigrid.h" nogil:
    cpdef enum Action "minigrid_action":
        LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, IDLE
    cpdef enum Kind "minigrid_kind":
        UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA

cdef enum:
    # Indices in a row, from the end of the image on.
    DIRECTION
    MISSION_KIND
    MISSION_COLOUR
    # In rows for longer missions.
    SECOND_KIND
    SECOND_COLOUR
    PHRASE
    # How many copies ahead the cells of a view are prefetched.
    DISTANCE = 8


@cython.final
cdef class Minigrid(Env):
    """Minigrid(num_envs=1, *, level="DoorKey", size=None, random_start=None, n_obstacles=None, num_rows=None, \
room_size=None, obj_type=None, min_rooms=None, max_rooms=None, max_room_size=None, num_crossings=None, \
obstacle_type=None, strip2_row=None, num_objs=None, random_length=None, key_in_box=None, blocked=None, \
agent_room=None, num_quarters=None, num_rooms_visited=None, observation="partial", tile_size=8, max_steps=None, \
**options)
--

Levels of MiniGrid. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
level : str
    One of the levels of the rules; or an id of MiniGrid, "MiniGrid-DoorKey-8x8-v0", which may go without its prefix and
    its version (then it is the newest). Each of the following parameters belongs to some levels; the defaults are those
    of the id, or MiniGrid's.
size : int, optional
    Cells of the grid's side. Empty: 4 to 64, by default 8; DoorKey and Dynamic-Obstacles: 5 to 64, by default 8;
    LavaGap: 5 to 64, by default 7; Crossing: 5 to 63, odd, by default 9; Fetch: 4 to 64, by default 8; GoToDoor: 5 to
    64, by default 5; GoToObject: 4 to 64, by default 6; PutNear: 6 to 64, by default 6; Memory: 7 to 63, odd, by
    default 7; RedBlueDoors: 5 to 32, by default 8, of its height, which is half its width.
random_start : bool, optional
    Empty, Dynamic-Obstacles, DistShift: whether the agent starts anywhere, or in the corner, which is the default.
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
num_crossings : int, optional
    Crossing: rows and columns of lava or wall, 0 to size - 3, by default 1.
obstacle_type : str, optional
    Crossing: "lava" (the default) or "wall".
strip2_row : int, optional
    DistShift: the row of the second strip of lava, 1 to 5, by default 2.
num_objs : int, optional
    Objects: Fetch, by default 3; GoToObject, by default 2; PutNear, 2 or more, by default 2. At most so many that all
    have room; different ones, in GoToObject and PutNear at most 18.
random_length : bool, optional
    Memory: whether the length of the hallway is drawn, by default False.
key_in_box, blocked : bool, optional
    The mazes: whether keys are in boxes, and whether balls lie before locked doors; by default True.
agent_room : tuple of int, optional
    The large mazes: column and row of the room to start in, 0 to 2 each, by default (1, 1).
num_quarters : int, optional
    The large mazes: quarters with doors, 1 to 4, by default 4.
num_rooms_visited : int, optional
    The large mazes: max_steps is 144 times this, 1 to 1000, by default 25.
observation : str
    What the rows show: "partial", "full", "one_hot", "symbolic", "rgb_partial" or "rgb_full".
tile_size : int
    Pixels of a cell's side in "rgb_partial" and "rgb_full", 1 to 64.
**options
    The options of `puffer.Env`.

Attributes
----------
level : str
    The level, without what an id says of its parameters.

Notes
-----
`state(copy)` has the level as it is now: `grid`, uint8 (width, height, 3), as in the package's `grid.encode()`; the
pairs x, y `position`, `target` (the object to open or pick up, the place to go to or to bring something to; None if
there is none or it is gone), `other` (of Memory the wrong place, of RedBlueDoors the red door) and `obstacles` (a
list); `direction`; `carrying`, a pair of Kind and colour, or None, or of a box with a key also the key's colour;
`mission_kind`, `mission_colour`, `second` (a pair, or None) and `phrase`, as in the rows; `boxes`, a list of x, y and
the key's colour for each box with a key.
"""

    statistic_names = ("success",)
    task_parameter = "level"
    draws_changes = True
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    cdef readonly str level
    cdef Rules rules
    # Whether the cells of all copies are larger than the caches of one core.
    cdef bint is_large
    # Whether rows have room for longer missions.
    cdef bint has_second
    # What rows show, the bytes of its image, and the pictures of cells that are in it.
    cdef int view
    cdef Py_ssize_t image_size
    cdef Tiles tiles
    cdef object pictures
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
                 room_size=None, obj_type=None, min_rooms=None, max_rooms=None, max_room_size=None, num_crossings=None,
                 obstacle_type=None, strip2_row=None, num_objs=None, random_length=None, key_in_box=None, blocked=None,
                 agent_room=None, num_quarters=None, num_rooms_visited=None, observation="partial", tile_size=8,
                 max_steps=None, **options):
        given = (size, random_start, n_obstacles, num_rows, room_size, obj_type, min_rooms, max_rooms, max_room_size,
                 num_crossings, obstacle_type, strip2_row, num_objs, random_length, key_in_box, blocked, agent_room,
                 num_quarters, num_rooms_visited)
        cdef Rules rules = read_rules(level, dict(zip(parameter_names(), given)))
        name, values = level_parameters(&rules)
        self.has_second = has_long_mission(&rules)
        self.view = view_names().index(checks.choice("observation", observation, view_names()))
        image = image_space(self.view, &rules, checks.integer("tile_size", tile_size, 1, 64))
        last = [3, LAVA, COLOURS - 1] + ([LAVA, COLOURS - 1, PHRASES - 1] if self.has_second else [])
        super().__init__(num_envs, row_space(self.view, image, last),
                         spaces.Discrete(FORWARD + 1 if rules.task == DODGE else IDLE + 1), observes_in_step=True,
                         snapshot_key=(name, *values.items(), observation),
                         max_steps=step_limit(&rules) if max_steps is None else max_steps, **options)
        self.rows, self.actions = self.buffers.observations.view(np.uint8), self.buffers.actions
        self.image_size = int(np.prod(image.shape))
        if observation.startswith("rgb"):
            self._load_tiles(tile_size)
        self.level = name
        self.rules = rules
        self.is_large = self.num_copies * self.rules.cell_count > 1 << 22
        self.cells = <uint8_t*>self.new_state(self.rules.cell_count)
        self.state = <State*>self.new_state(sizeof(State))
        self.obstacles = <int32_t*>self.new_state(self.rules.obstacles * sizeof(int32_t))
        self.own = <Own*>self.new_state(sizeof(Own))

    cdef int _load_tiles(self, int side) except -1:
        cdef const int32_t[:, :, ::1] numbers
        cdef const uint8_t[:, :, :, ::1] pixels
        self.pictures = tiles(side, bytes(<uint8_t[:1024]>&minigrid_triples[0][0]))
        numbers, pixels = self.pictures
        self.tiles = Tiles(numbers=&numbers[0, 0, 0], pixels=&pixels[0, 0, 0, 0], side=side)
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
        if rules.task != DODGE:
            if rules.task < DODGE:
                outcome = act(rules, state, grid, action)
            else:
                outcome = act_in_task(rules, state, grid, action)
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
        cdef uint8_t* end = row + self.image_size
        cdef uint64_t[8] columns
        if self.retained and not state.has_changed:
            return
        state.has_changed = False
        if self.view == PARTIAL:
            look(rules, state, self._grid(i), columns)
            minigrid_image(columns, own_cell(state), row)
        else:
            write_view(self.view, rules, state, self._grid(i), self.tiles, row)
        end[DIRECTION] = state.direction
        end[MISSION_KIND] = state.first.kind
        end[MISSION_COLOUR] = state.first.colour
        if self.has_second:
            end[SECOND_KIND] = state.second.kind
            end[SECOND_COLOUR] = state.second.colour
            end[PHRASE] = state.phrase

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            if self._rules(i).task > DODGE:
                mark_task(self._rules(i), &self.state[i], self._grid(i), &masks[i, 0])
            else:
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
        get its defaults. The grid must not have more cells, nor the level more obstacles, a longer mission or other
        actions, than what the batch was made with. The time limit stays that of the batch.
        """
        cdef Py_ssize_t i, k
        cdef Rules rules
        cdef list levels = []
        checks.arguments("set_next() of Minigrid", parameters, ("level", *parameter_names()))
        copies = [checks.integer("copy", copy, 0, self.num_copies - 1) for copy in copies]
        for k, i in enumerate(copies):
            rules = self._rules(i)[0]
            if self.has_own and self.own[i].has_coming:
                rules = self.own[i].coming
            rules = next_rules(&rules, &self.rules, {name: values[k] for name, values in parameters.items()},
                               shows_all(self.view))
            levels.append(level_parameters(&rules))
        self._let_own()
        for k, i in enumerate(copies):
            level, values = levels[k]
            self.own[i].coming = read_rules(level, values)
            self.own[i].has_coming = True

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
        return {"level": level, **dict.fromkeys(parameter_names()), **own}

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
        if not restore_rules(&own.now, &self.rules, shows_all(self.view)):
            own.now = self.rules
        if not restore_rules(&own.coming, &self.rules, shows_all(self.view)):
            own.has_coming = False
        self.has_own = True

    def mission(self, copy):
        """The mission of a copy, as the text that MiniGrid gives."""
        self.require_settled("mission")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return mission_text(self._rules(i), &self.state[i])

    cdef dict state_one(self, Py_ssize_t i):
        return level_values(self._rules(i), &self.state[i], self._grid(i), self._obstacles(i))

    def set_level(self, copy, *, grid, position, direction, carrying=None, target=None, other=None, mission_kind=None,
                  mission_colour=None, second=None, phrase=0, obstacles=(), boxes=()):
        """Replace the level of one copy by one like those that `state` returns; its episode goes on.

        Parameters
        ----------
        copy : int
            Index of the copy.
        grid, position, direction, carrying, target, other, second, phrase, obstacles, boxes
            As in `state`.
        mission_kind, mission_colour : int, optional
            By default what the level's missions always have, and the colour of the target; required where the mission
            may name anything, and the colour where the object to pick up is gone.

        Raises TypeError or ValueError, before anything is changed, for values that are not a level of this kind.
        """
        self.require_settled("set_level")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        values = {"grid": grid, "position": position, "direction": direction, "carrying": carrying, "target": target,
                  "other": other, "mission_kind": mission_kind, "mission_colour": mission_colour, "second": second,
                  "phrase": phrase, "obstacles": obstacles, "boxes": boxes}
        read_level(self._rules(i), &self.state[i], self._grid(i), self._obstacles(i), values)
        self.redraw(i)

    @property
    def render_size(self):
        return cell_size(&self.rules) * self.rules.width, cell_size(&self.rules) * self.rules.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        draw_picture(canvas, self._rules(i), &self.state[i], self._grid(i))
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return write_level(self._rules(i), &self.state[i], self._grid(i))
