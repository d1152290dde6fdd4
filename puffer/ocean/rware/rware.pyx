"""Robot warehouse: robots carry requested shelves to the goals, and back to a free cell.

Observation   float32 (8 + 7 * (2 * sensor_range + 1) ** 2,): x, y, whether the robot is loaded, its direction (one-hot:
              up, down, left, right), whether it is on a highway; then seven numbers for each cell of the square around
              the robot, row by row from the top left: whether a robot is there (itself included), the direction of
              that robot (one-hot; up if there is none), whether a shelf is there, whether that is requested. Cells
              outside the map are empty.
Action        Discrete(5): 0 nothing, 1 forward, 2 turn left, 3 turn right, 4 load or unload.
Reward        for a requested shelf on a goal: individual, 1 to the robot that carries it; global, 1 to every robot;
              two_stage, 0.5 to that robot, and 0.5 when it puts the shelf down afterwards.
Terminated    never by default; after max_inactivity_steps steps without a delivery, if given.
Truncated     after 500 steps, or max_steps if given.
Start         robots on random cells, in random directions; a shelf on every cell off the highways, of which
              request_queue_size random ones are requested.
Rules         Under a shelf, an unloaded robot may load it; off the highways, a loaded one may put it down. A loaded
              robot cannot enter a cell with a shelf. All robots move at once. They may follow each other, in circles
              too, but not swap cells. The longest queue moves into a free cell; the others wait. A delivered shelf is
              no longer requested; a random shelf that was not requested takes its place.
Source        Papoudakis et al. 2021, "Benchmarking Multi-Agent Deep Reinforcement Learning Algorithms in Cooperative
              Tasks"; everything as in rware 2.0, except that rware also calls its time limit terminated.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, memset, rng_below, uint8_t, uint64_t
from puffer.ocean.rware.floor cimport (
    CELL_FLOATS, HIGHWAY, MOST_ROBOTS, REQUESTED, ROBOT, SELF_FLOATS, SHELF, State, empty_floor, goal_cells,
    is_floor, place_numbers, request_shelf, rware_fill_tables, rware_move, rware_observe, rware_plan,
)
from puffer.ocean.rware.parameters cimport GLOBAL, TWO_STAGE, check_map, check_robots, reward_kind, reward_t
from puffer.ocean.rware.picture cimport TILE, draw_floor, write_floor

rware_fill_tables()

cpdef enum Action:
    NOTHING, FORWARD, TURN_LEFT, TURN_RIGHT, TOGGLE_LOAD

cpdef enum Direction:
    UP, DOWN, LEFT, RIGHT


@cython.final
cdef class Rware(Env):
    """Rware(num_envs=1, *, size="tiny", n_agents=4, request_queue_size=None, reward_type="individual",
      sensor_range=1, max_inactivity_steps=None, shelf_rows=None, shelf_columns=None, column_height=8, **options)
--

A warehouse of robots. See the module's docstring for the rules. Raises ValueError where there is no room for two
shelves or for all robots.

Parameters
----------
num_envs : int
    Number of warehouses.
size : str
    "tiny", "small", "medium" or "large": 1 x 3, 2 x 3, 2 x 5 or 3 x 5 blocks of shelves, each two shelves wide.
n_agents : int
    Robots of a warehouse, 1 to 64.
request_queue_size : int, optional
    Shelves that are requested at any time, from 1 to all but one; by default one per robot.
reward_type : str
    "individual", "global" or "two_stage".
sensor_range : int
    How many cells far a robot sees, 1 to 16.
max_inactivity_steps : int, optional
    Steps without a delivery that end an episode, at least 1; by default none do.
shelf_rows, shelf_columns : int, optional
    Rows of blocks, 1 to 40, and columns of blocks, 1 to 39 and odd, in place of those of `size`.
column_height : int
    Height of a block in cells, 1 to 40.
**options
    The options of `puffer.Env`.

Attributes
----------
n_agents, request_queue_size, sensor_range : int
reward_type : str
max_inactivity_steps : int or None
    The parameters.
width, height : int
    Cells of the map.

Notes
-----
`state(copy)` has `robots`, an int array with a row for each robot: x, y, direction, whether it is loaded, whether it
has delivered the shelf that it carries; `shelves`, int8 (height, width): 0 none, 1 a shelf, 2 a requested one;
`highways`, bool (height, width); `inactive`, the steps since a delivery.
"""

    default_max_steps = 500
    statistic_names = ("deliveries",)
    render_modes = ("rgb_array", "ansi")
    cdef readonly int n_agents, request_queue_size, sensor_range, width, height
    cdef readonly object max_inactivity_steps, reward_type
    cdef reward_t reward_kind
    # Steps without a delivery that end an episode, or -1.
    cdef int inactivity_limit
    cdef int shelves
    # Of a floor: cells from one row to the next, and in all, its walls included; its cells before the first reset.
    cdef int stride
    cdef Py_ssize_t floor_size
    cdef uint8_t[::1] start
    # By direction, the offset to the next cell; the cells of the goals.
    cdef int32_t[4] steps
    cdef int32_t[2] goals
    # By cell, the numbers of an observation that depend on where the robot is.
    cdef float[:, ::1] places
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    # A floor for each copy, a State for each robot, and for each copy the steps since a delivery.
    cdef uint8_t* floors
    cdef State* state
    cdef int32_t* inactive

    def __init__(self, num_envs=1, *, size="tiny", n_agents=4, request_queue_size=None, reward_type="individual",
                 sensor_range=1, max_inactivity_steps=None, shelf_rows=None, shelf_columns=None, column_height=8,
                 **options):
        rows, columns, column_height, highways = check_map(size, shelf_rows, shelf_columns, column_height)
        robots, queue, shelves = check_robots(highways, n_agents, request_queue_size)
        reward = reward_kind(reward_type)
        vision = checks.integer("sensor_range", sensor_range, 1, 16)
        limit = -1
        if max_inactivity_steps is not None:
            limit = checks.integer("max_inactivity_steps", max_inactivity_steps, 1, 2**31 - 1)
        high = np.ones(SELF_FLOATS + CELL_FLOATS * (2 * vision + 1)**2, np.float32)
        high[:2] = highways.shape[1] - 1, highways.shape[0] - 1
        super().__init__(num_envs, spaces.Box(np.zeros_like(high), high), spaces.Discrete(5), agents_per_env=robots,
                         snapshot_key=(rows, columns, column_height, queue, vision, reward, limit), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.n_agents, self.request_queue_size, self.sensor_range = robots, queue, vision
        self.reward_type, self.reward_kind, self.shelves = reward_type, reward, shelves
        self.max_inactivity_steps, self.inactivity_limit = max_inactivity_steps, limit
        self.height, self.width = highways.shape
        self.stride = self.width + 2 * self.sensor_range
        self.steps = [-self.stride, self.stride, -1, 1]
        self.goals = [self._cell(row, column) for row, column in goal_cells(highways)]
        self.start = empty_floor(highways, self.sensor_range)
        self.floor_size = self.start.shape[0]
        self.places = place_numbers(highways, self.sensor_range)
        self.floors = <uint8_t*>self.new_state(self.floor_size)
        self.state = <State*>self.new_state(self.n_agents * sizeof(State))
        self.inactive = <int32_t*>self.new_state(sizeof(int32_t))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* floor = self.floors + i * self.floor_size
        cdef State* robot
        cdef int32_t cell
        cdef int k
        memcpy(floor, &self.start[0], self.floor_size)
        self.inactive[i] = 0
        for k in range(self.n_agents):
            robot = &self.state[i * self.n_agents + k]
            while True:
                cell = self._cell(rng_below(&self.rng[i], self.height), 0)
                cell += rng_below(&self.rng[i], self.width)
                if floor[cell] & ROBOT == 0:
                    break
            memset(robot, 0, sizeof(State))
            robot.cell = cell
            robot.direction = rng_below(&self.rng[i], 4)
            floor[cell] |= robot.direction + 1
        for k in range(self.request_queue_size):
            self._request(i, k)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint8_t* floor = self.floors + i * self.floor_size
        cdef Py_ssize_t first = i * self.n_agents
        cdef State* robots = self.state + first
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
                self._deliver(i, self.goals[k])
        if self.inactive[i] == self.inactivity_limit:
            memset(&self.terminations[first], True, n)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observe_range(i, i + 1)

    cdef void observe_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        rware_observe(last - first, self.n_agents, 2 * self.sensor_range + 1, self.stride, self.floor_size,
                      self.state + first * self.n_agents, self.floors + first * self.floor_size, &self.places[0, 0],
                      &self.observations[first * self.n_agents, 0])

    cdef inline int32_t _cell(self, int row, int column) noexcept nogil:
        """The cell in this row and column of the map."""
        return (row + self.sensor_range) * self.stride + self.sensor_range + column

    cdef inline void _request(self, Py_ssize_t i, int requested) noexcept nogil:
        """Request one more of the shelves, `requested` of which are requested already."""
        request_shelf(self.floors + i * self.floor_size, rng_below(&self.rng[i], self.shelves - requested))

    cdef void _deliver(self, Py_ssize_t i, int32_t goal) noexcept nogil:
        cdef Py_ssize_t row, first = i * self.n_agents
        for row in range(first, first + self.n_agents):
            if self.state[row].cell == goal:
                self.state[row].delivered = True
                self.statistics[row, 0] += 1
                self.rewards[row] += <float>0.5 if self.reward_kind == TWO_STAGE else 1
            elif self.reward_kind == GLOBAL:
                self.rewards[row] += 1
        # The new request is not for the shelf that was just delivered.
        self._request(i, self.request_queue_size)
        self.floors[i * self.floor_size + goal] &= ~REQUESTED
        self.inactive[i] = 0

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        # The moves rely on all that the cells say of robots and shelves: a floor that is none begins anew.
        if not is_floor(self.floors + i * self.floor_size, &self.start[0], self.floor_size,
                        self.state + i * self.n_agents, self.n_agents, self.shelves, self.request_queue_size):
            self.reset_one(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef Py_ssize_t row
        cdef int margin = self.sensor_range
        floor = np.array(<uint8_t[:self.floor_size]>(self.floors + i * self.floor_size)).reshape(-1, self.stride)
        floor = floor[margin:-margin, margin:-margin]
        robots = []
        for row in range(i * self.n_agents, (i + 1) * self.n_agents):
            robot = self.state[row]
            y, x = divmod(robot.cell, self.stride)
            robots.append((x - margin, y - margin, robot.direction, robot.loaded, robot.delivered))
        shelves = (floor & SHELF != 0).astype(np.int8) + (floor & REQUESTED != 0)
        return {"robots": np.array(robots), "shelves": shelves, "highways": floor & HIGHWAY != 0,
                "inactive": self.inactive[i]}

    @property
    def render_size(self):
        return TILE * self.width, TILE * self.height

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw_floor(canvas, self.state_one(i))

    cdef object ansi_one(self, Py_ssize_t i):
        return write_floor(self.state_one(i))
