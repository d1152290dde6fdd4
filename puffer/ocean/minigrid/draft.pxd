# The levels of MiniGrid: their rules, their state, and the pieces that they are drawn from.
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memset

from puffer.rng cimport rng_below, rng_t

cdef extern from "puffer/ocean/minigrid/minigrid.h" nogil:
    enum:
        UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA, AGENT, CLOSED_DOOR, LOCKED_DOOR, KEY_BOX
        RED, GREEN, BLUE, PURPLE, YELLOW, GREY, COLOURS
        KIND, COLOUR, OPAQUE, OUTER_WALL, WALKABLE, PORTABLE, VIEW, BORDER, CELLS, IMAGE
    uint8_t[256][4] minigrid_triples
    uint8_t minigrid_cell(int kind, int colour)
    void minigrid_fill_tables()
    void minigrid_view(const uint8_t* grid, Py_ssize_t size, Py_ssize_t agent, Py_ssize_t right, Py_ssize_t ahead,
                       bint sees_all, uint64_t* columns)
    void minigrid_prefetch(const uint8_t* grid, Py_ssize_t size, Py_ssize_t agent, Py_ssize_t right, Py_ssize_t ahead)
    uint8_t minigrid_seen(const uint64_t* columns, int cell)
    void minigrid_image(uint64_t* columns, uint8_t own, uint8_t* image)

cdef enum level_t:
    EMPTY_ROOM, DOOR_KEY, FOUR_ROOMS, UNLOCK, UNLOCK_PICKUP, KEY_CORRIDOR, LAVA_GAP, MULTI_ROOM, DYNAMIC_OBSTACLES
    BLOCKED_UNLOCK_PICKUP, CROSSING, DIST_SHIFT, FETCH, GO_TO_DOOR, GO_TO_OBJECT, LOCKED_ROOM, MEMORY, SMALL_MAZE
    LARGE_MAZE, LARGE_MAZE_V1, PLAYGROUND, PUT_NEAR, RED_BLUE_DOORS
    LEVELS

# The index of each parameter.
cdef enum:
    SIZE, RANDOM_START, N_OBSTACLES, NUM_ROWS, ROOM_SIZE, OBJ_TYPE, MIN_ROOMS, MAX_ROOMS, MAX_ROOM_SIZE, NUM_CROSSINGS
    OBSTACLE_TYPE, STRIP2_ROW, NUM_OBJS, RANDOM_LENGTH, KEY_IN_BOX, BLOCKED, AGENT_ROOM, NUM_QUARTERS
    NUM_ROOMS_VISITED
    PARAMETERS

# What ends an episode, beside the goal, lava and the time limit: nothing; taking the target; opening it; running into
# something. From TAKE_FIRST on, the task looks at each step: taking any object; ending beside the target; going to the
# target or to the other place; bringing an object near the target; opening two doors.
cdef enum task_t:
    REACH, TAKE, OPEN, DODGE, TAKE_FIRST, GO_TO, CHOOSE, BRING, TWO_DOORS

# As the package numbers directions; of rooms, also their sides.
cdef enum:
    EAST, SOUTH, WEST, NORTH

cdef enum:
    NOWHERE = -1

# The parameters of a level, the same for all copies.
cdef struct Rules:
    int level
    int values[PARAMETERS]
    # What follows is derived. Cells lie column by column, as in the package's encoding, with `stride` cells from one
    # column to the next and `size` cells in all columns. On either side there is a column of wall, so that there is a
    # cell in front of any agent.
    int width, height, stride, size, cell_count
    int task, room_size, rows, columns, obstacles
    bint sees_all
    # What the mission is about; the colour is often drawn.
    int kind, colour
    # The offset to the next cell in each direction, and those to the nine cells around one, itself included.
    int32_t steps[4]
    int32_t around[9]

# A kind and a colour that a mission names; 0 and 0 if it names none.
cdef struct Named:
    uint8_t kind, colour

cdef struct State:
    # Positions in the grid, x * stride + y: of the agent, and of the place or object that the level is about, or
    # NOWHERE; of Memory's wrong object and RedBlueDoors' red door, or NOWHERE.
    int32_t agent, target, other
    uint8_t direction
    # The cell that the agent carries, or 0.
    uint8_t carried
    # What the mission names, and the number of its phrase in Fetch.
    Named first, second
    uint8_t phrase
    # Whether the observation row may differ from the agent's view.
    uint8_t has_changed

# A level that is being drawn. `cells` begins with the cell (0, 0), after the border.
cdef struct Draft:
    const Rules* rules
    State* state
    uint8_t* cells
    rng_t* rng


# ---- Positions ----

cdef inline int first_cell(const Rules* rules) noexcept nogil:
    """The number of cells before the cell (0, 0): a column of wall, and the border."""
    return rules.stride + BORDER


cdef inline int towards(int direction, int stride) noexcept nogil:
    """The offset to the next cell in a direction."""
    cdef int step = 1 if direction & 1 else stride
    return -step if direction & 2 else step


cdef inline int32_t in_front(const Rules* rules, const State* state) noexcept nogil:
    """The position in front of the agent."""
    return state.agent + rules.steps[state.direction]


cdef inline int corner(const Rules* rules) noexcept nogil:
    """The last cell inside the outer walls."""
    return (rules.width - 2) * rules.stride + rules.height - 2


cdef inline bint is_thing(int cell, Named named) noexcept nogil:
    """Whether a cell looks like what a mission names."""
    return minigrid_triples[cell][0] == named.kind and minigrid_triples[cell][1] == named.colour


# ---- Pieces ----

cdef inline void fill(Draft* draft, int left, int top, int width, int height, int cell) noexcept nogil:
    cdef int x
    for x in range(left, left + width):
        memset(draft.cells + x * draft.rules.stride + top, cell, height)


cdef inline void wall(Draft* draft, int left, int top, int width, int height) noexcept nogil:
    """The four walls of a room, around what is there."""
    fill(draft, left, top, 1, height, OUTER_WALL)
    fill(draft, left + width - 1, top, 1, height, OUTER_WALL)
    fill(draft, left, top, width, 1, OUTER_WALL)
    fill(draft, left, top + height - 1, width, 1, OUTER_WALL)


cdef inline void put(Draft* draft, int x, int y, int kind, int colour) noexcept nogil:
    draft.cells[x * draft.rules.stride + y] = minigrid_cell(kind, colour)


cdef inline bint is_near(const Draft* draft, int x, int y, int reach) noexcept nogil:
    cdef int stride = draft.rules.stride, agent = draft.state.agent
    return agent != NOWHERE and abs(x - agent // stride) + abs(y - agent % stride) < reach


cdef inline int draw_position(Draft* draft, int left, int top, int width, int height, int reach) noexcept nogil:
    """A random empty cell of a rectangle, at least `reach` steps from the agent. Every level has one."""
    cdef int x, y
    while True:
        x = left + rng_below(draft.rng, width)
        y = top + rng_below(draft.rng, height)
        if draft.cells[x * draft.rules.stride + y] == EMPTY and not is_near(draft, x, y, reach):
            return x * draft.rules.stride + y


cdef inline int draw_inside(Draft* draft) noexcept nogil:
    """A random empty cell inside the outer walls, where the agent is not."""
    return draw_position(draft, 1, 1, draft.rules.width - 2, draft.rules.height - 2, 1)


cdef inline void place_agent(Draft* draft, int left, int top, int width, int height) noexcept nogil:
    draft.state.agent = NOWHERE
    draft.state.agent = draw_position(draft, left, top, width, height, 1)
    draft.state.direction = <uint8_t>rng_below(draft.rng, 4)


cdef inline void place_agent_inside(Draft* draft) noexcept nogil:
    place_agent(draft, 1, 1, draft.rules.width - 2, draft.rules.height - 2)


cdef inline void set_start(Draft* draft) noexcept nogil:
    draft.state.agent = draft.rules.stride + 1
    draft.state.direction = EAST


cdef inline void set_goal(Draft* draft, int position) noexcept nogil:
    draft.cells[position] = minigrid_cell(GOAL, GREEN)


cdef inline Named named(int kind, int colour) noexcept nogil:
    cdef Named one = Named(kind=<uint8_t>kind, colour=<uint8_t>colour)
    return one


cdef inline void draw_colours(Draft* draft, int* colours) noexcept nogil:
    """All colours, in a random order."""
    cdef int k, swap
    for k in range(COLOURS):
        colours[k] = k
    for k in range(COLOURS - 1, 0, -1):
        swap = rng_below(draft.rng, k + 1)
        colours[k], colours[swap] = colours[swap], colours[k]
