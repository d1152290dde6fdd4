"""Robot warehouse: robots carry the shelves that are asked for to the goals, and back to a free place.

Observation   float32 (8 + 7 * (2 * sensor_range + 1) ** 2,): x, y, whether loaded, direction (one of four: up, down,
              left, right), whether on a highway; then of every cell of the square around the robot, row by row from
              the top left, seven numbers: whether a robot is there (the own one included), its direction (without a
              robot: up), whether a shelf is there, whether it is requested. Cells outside the map are empty.
Action        Discrete(5): 0 nothing, 1 forward, 2 turn left, 3 turn right, 4 load or unload.
Reward        for a requested shelf on a goal: individual, 1 to the robot that carries it; global, 1 to every robot;
              two_stage, 0.5 to that robot, and 0.5 when it puts the shelf down afterwards.
Terminated    never by default; after max_inactivity_steps steps without a delivery, if given.
Truncated     after 500 steps, or max_steps if given.
Start         robots on random cells, in random directions; a shelf on every cell off the highways, of which
              request_queue_size random ones are requested.
Rules         Under a shelf, an unloaded robot may load it; off the highways, a loaded one may put it down. A loaded
              robot cannot enter a cell with a shelf. All move at once: robots may follow each other, and circle, but
              not change places; into a free cell goes the longest queue, the others wait. A delivered shelf is
              requested no more, and instead of it a random one that was not.
Source        Papoudakis et al. 2021, "Benchmarking Multi-Agent Deep Reinforcement Learning Algorithms in Cooperative
              Tasks"; everything as in rware 2.0, except that it calls its time limit, too, terminated.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean.rware.floor cimport (
    CELL_FLOATS, HIGHWAY, MOST_ROBOTS, REQUESTED, ROBOT, SELF_FLOATS, SHELF, WALL, draw_cell, draw_robot,
    highway_cells, rware_fill_tables, rware_move, rware_observe, rware_plan, rware_robot,
)
from puffer.rng cimport rng_below

import_puffer()

rware_fill_tables()

cpdef enum Action:
    NOTHING, FORWARD, TURN_LEFT, TURN_RIGHT, TOGGLE_LOAD

cpdef enum Direction:
    UP, DOWN, LEFT, RIGHT

cdef enum reward_t:
    INDIVIDUAL, GLOBAL, TWO_STAGE

# shelf_rows and shelf_columns.
_SIZES = {"tiny": (1, 3), "small": (2, 3), "medium": (2, 5), "large": (3, 5)}
_REWARDS = {"individual": INDIVIDUAL, "global": GLOBAL, "two_stage": TWO_STAGE}


@cython.final
cdef class Rware(Env):
    """Rware(num_envs=1, *, size="tiny", n_agents=4, request_queue_size=None, reward_type="individual",
      sensor_range=1, max_inactivity_steps=None, shelf_rows=None, shelf_columns=None, column_height=8, **options)
--

`size` is "tiny", "small", "medium" or "large": 1 x 3, 2 x 3, 2 x 5 or 3 x 5 blocks of shelves, unless `shelf_rows` (1
to 40) and `shelf_columns` (odd, 1 to 39) are given; a block is two shelves wide and `column_height` (1 to 40) high.
`n_agents` (1 to 64) robots see `sensor_range` (1 to 16) cells far. `request_queue_size` shelves are requested at any
time, by default one per robot; at least one is not, also by default. `reward_type` is "individual", "global" or
"two_stage". The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 500
    statistic_names = ("deliveries",)
    render_modes = ("rgb_array", "ansi")
    cdef readonly int n_agents, request_queue_size, sensor_range, width, height
    cdef readonly object max_inactivity_steps, reward_type
    cdef reward_t reward_kind
    cdef int shelves, inactivity_limit, stride
    cdef Py_ssize_t floor_size
    cdef int32_t[4] steps
    cdef int32_t[2] goals
    cdef uint8_t[::1] start
    cdef float[:, ::1] places, observations
    cdef int32_t[::1] actions
    cdef uint8_t* floors
    cdef rware_robot* robots
    cdef int32_t* inactive

    def __init__(self, num_envs=1, *, size="tiny", n_agents=4, request_queue_size=None, reward_type="individual",
                 sensor_range=1, max_inactivity_steps=None, shelf_rows=None, shelf_columns=None, column_height=8,
                 **options):
        rows, columns = _SIZES[checks.choice("size", size, _SIZES)]
        rows = checks.integer("shelf_rows", rows if shelf_rows is None else shelf_rows, 1, 40)
        columns = checks.integer("shelf_columns", columns if shelf_columns is None else shelf_columns, 1, 39)
        if columns % 2 == 0:
            raise ValueError(f"shelf_columns must be odd, so that the goals are in the middle, got {columns}")
        highways = highway_cells(rows, columns, checks.integer("column_height", column_height, 1, 40))
        robots = checks.integer("n_agents", n_agents, 1, min(MOST_ROBOTS, highways.size))
        shelves = int((highways == 0).sum())
        if shelves < 2:
            raise ValueError(f"shelf_rows={rows}, shelf_columns={columns} and column_height={column_height} leave room "
                             f"for {shelves} shelves; there must be 2 at least")
        queue = min(robots, shelves - 1) if request_queue_size is None else request_queue_size
        queue = checks.integer("request_queue_size", queue, 1, shelves - 1)
        reward = _REWARDS[checks.choice("reward_type", reward_type, _REWARDS)]
        vision = checks.integer("sensor_range", sensor_range, 1, 16)
        limit = -1
        if max_inactivity_steps is not None:
            limit = checks.integer("max_inactivity_steps", max_inactivity_steps, 1, 2**31 - 1)
        high = np.ones(SELF_FLOATS + CELL_FLOATS * (2 * vision + 1)**2, np.float32)
        high[:2] = highways.shape[1] - 1, highways.shape[0] - 1
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high), spaces.Discrete(5), agents_per_env=robots,
                         snapshot_key=(rows, columns, column_height, queue, vision, reward, limit), **options)
        self.n_agents, self.request_queue_size, self.sensor_range = robots, queue, vision
        self.reward_type, self.reward_kind, self.shelves = reward_type, reward, shelves
        self.max_inactivity_steps, self.inactivity_limit = max_inactivity_steps, limit
        self.set_layout(highways)
        self.floors = <uint8_t*>self.new_state(self.floor_size)
        self.robots = <rware_robot*>self.new_state(self.n_agents * sizeof(rware_robot))
        self.inactive = <int32_t*>self.new_state(sizeof(int32_t))

    cdef int set_layout(self, highways) except -1:
        """Make what all copies share: the floor with its walls, and what an observation says of a place."""
        margin = self.sensor_range
        self.height, self.width = highways.shape
        self.stride = self.width + 2 * margin
        self.steps = [-self.stride, self.stride, -1, 1]
        first_goal = (self.height - 1 + margin) * self.stride + margin + self.width // 2 - 1
        self.goals = [first_goal, first_goal + 1]
        start = np.pad(np.where(highways, HIGHWAY, SHELF).astype(np.uint8), margin, constant_values=WALL)
        self.start = start.ravel()
        self.floor_size = start.size
        places = np.zeros((*start.shape, SELF_FLOATS), np.float32)
        places[..., 1], places[..., 0] = np.indices(start.shape) - margin
        places[..., 7] = np.pad(highways, margin)
        self.places = places.reshape(-1, SELF_FLOATS)
        return 0

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* floor = self.floors + i * self.floor_size
        cdef rware_robot* robot
        cdef int32_t cell
        cdef int k
        memcpy(floor, &self.start[0], self.floor_size)
        self.inactive[i] = 0
        for k in range(self.n_agents):
            robot = &self.robots[i * self.n_agents + k]
            while True:
                cell = (rng_below(&self.rng[i], self.height) + self.sensor_range) * self.stride + self.sensor_range
                cell += rng_below(&self.rng[i], self.width)
                if floor[cell] & ROBOT == 0:
                    break
            memset(robot, 0, sizeof(rware_robot))
            robot.cell = cell
            robot.direction = rng_below(&self.rng[i], 4)
            floor[cell] |= robot.direction + 1
        for k in range(self.request_queue_size):
            self.request(i, k)

    cdef void request(self, Py_ssize_t i, int requested) noexcept nogil:
        """Request one more of the shelves, `requested` of which are requested already."""
        cdef uint8_t* floor = self.floors + i * self.floor_size
        cdef int before = rng_below(&self.rng[i], self.shelves - requested)
        cdef Py_ssize_t cell = 0
        while True:
            if floor[cell] & (SHELF | REQUESTED) == SHELF:
                if before == 0:
                    break
                before -= 1
            cell += 1
        floor[cell] |= REQUESTED

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* floor = self.floors + i * self.floor_size
        cdef Py_ssize_t first = i * self.n_agents
        cdef rware_robot* robots = self.robots + first
        cdef const int32_t* actions = &self.actions[first]
        cdef int32_t[MOST_ROBOTS] targets
        cdef uint64_t returned
        cdef int k, n = self.n_agents
        rware_plan(n, robots, actions, floor, self.steps, self.stride, self.sensor_range, targets)
        returned = rware_move(n, robots, actions, floor, targets)
        if returned and self.reward_kind == TWO_STAGE:
            for k in range(n):
                self.rewards[first + k] += <float>0.5 * (returned >> k & 1)
        self.inactive[i] += 1
        for k in range(2):
            if floor[self.goals[k]] & REQUESTED:
                self.deliver(i, self.goals[k])
        if self.inactive[i] == self.inactivity_limit:
            memset(&self.terminations[first], True, n)

    cdef void deliver(self, Py_ssize_t i, int32_t goal) noexcept nogil:
        cdef Py_ssize_t row, first = i * self.n_agents
        for row in range(first, first + self.n_agents):
            if self.robots[row].cell == goal:
                self.robots[row].delivered = True
                self.statistics[row, 0] += 1
                self.rewards[row] += <float>0.5 if self.reward_kind == TWO_STAGE else 1
            elif self.reward_kind == GLOBAL:
                self.rewards[row] += 1
        # The new request is not for the shelf that was just delivered.
        self.request(i, self.request_queue_size)
        self.floors[i * self.floor_size + goal] &= ~REQUESTED
        self.inactive[i] = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observe_range(i, i + 1)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        rware_observe(last - first, self.n_agents, 2 * self.sensor_range + 1, self.stride, self.floor_size,
                      self.robots + first * self.n_agents, self.floors + first * self.floor_size, &self.places[0, 0],
                      &self.observations[first * self.n_agents, 0])

    def state(self, copy):
        """The state of one copy as a dict.

        `robots`, an int array with a row for each robot: x, y, direction, whether loaded, whether it has delivered what
        it carries. `shelves`, int8 (height, width): 0 none, 1 a shelf, 2 a requested one. `highways`, bool (height,
        width). `inactive`, the steps since a delivery.
        """
        self.require_settled("state")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1), row
        floor = np.array(<uint8_t[:self.floor_size]>(self.floors + i * self.floor_size)).reshape(-1, self.stride)
        floor = floor[self.sensor_range:-self.sensor_range, self.sensor_range:-self.sensor_range]
        robots = []
        for row in range(i * self.n_agents, (i + 1) * self.n_agents):
            robot = self.robots[row]
            y, x = divmod(robot.cell, self.stride)
            x, y = x - self.sensor_range, y - self.sensor_range
            robots.append((x, y, robot.direction, robot.loaded, robot.delivered))
        shelves = (floor & SHELF != 0).astype(np.int8) + (floor & REQUESTED != 0)
        return {"robots": np.array(robots), "shelves": shelves, "highways": floor & HIGHWAY != 0,
                "inactive": self.inactive[i]}

    @property
    def render_size(self):
        return 24 * self.width, 24 * self.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef const uint8_t* floor = self.floors + i * self.floor_size
        cdef rware_robot robot
        cdef int row, column, k, cell, corner = self.sensor_range * (self.stride + 1)
        canvas.clear(0xC9CED6)
        for row in range(self.height):
            for column in range(self.width):
                cell = corner + row * self.stride + column
                draw_cell(canvas, row, column, floor[cell], cell == self.goals[0] or cell == self.goals[1])
        for k in range(self.n_agents):
            robot = self.robots[i * self.n_agents + k]
            cell = robot.cell - corner
            draw_robot(canvas, cell // self.stride, cell % self.stride, robot.direction, robot.loaded)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef int goal = self.width // 2
        state = self.state(i)
        # Two characters for a cell: where the robot there faces; and the shelf there, small when it is carried.
        board = np.where(state["highways"], ord("."), ord("_"))
        board[self.height - 1, goal - 1:goal + 1] = ord("G")
        board[state["shelves"] == 1] = ord("S")
        board[state["shelves"] == 2] = ord("R")
        facing = np.full_like(board, ord(" "))
        for x, y, direction, loaded, _ in state["robots"]:
            facing[y, x] = ord("^v<>"[direction])
            board[y, x] += 32 * loaded
        lines = np.stack([facing, board], axis=2).reshape(self.height, -1)
        return "\n".join("".join(map(chr, line)) for line in lines)
