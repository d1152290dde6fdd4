# What follows from the parameters of a level of MiniGrid: the size of its grid, its task and its time limit.
from puffer.ocean.minigrid.draft cimport (
    BALL, BLOCKED_UNLOCK_PICKUP, BLUE, BORDER, BOX, BRING, CHOOSE, DIST_SHIFT, DODGE, DOOR, DOOR_KEY,
    DYNAMIC_OBSTACLES, EMPTY_ROOM, FETCH, FOUR_ROOMS, GOAL, GO_TO, GO_TO_DOOR, GO_TO_OBJECT, GREEN, KEY_CORRIDOR,
    LARGE_MAZE, LARGE_MAZE_V1, LOCKED_ROOM, MAX_ROOMS, MEMORY, MULTI_ROOM, NUM_ROOMS_VISITED, NUM_ROWS, N_OBSTACLES,
    OBJ_TYPE, OPEN, PLAYGROUND, PUT_NEAR, REACH, RED, RED_BLUE_DOORS, ROOM_SIZE, Rules, SIZE, SMALL_MAZE, TAKE,
    TAKE_FIRST, TWO_DOORS, UNLOCK, UNLOCK_PICKUP, UNSEEN, towards,
)

cdef enum:
    # Of a room, where the level has no parameter for it.
    ROOM_SIDE = 6


cdef inline void derive(Rules* rules) noexcept nogil:
    """Set what follows from the parameters of a level."""
    cdef int level = rules.level, k
    rules.obstacles = rules.values[N_OBSTACLES]
    rules.sees_all = (level == EMPTY_ROOM or level == DYNAMIC_OBSTACLES or level == DIST_SHIFT or level == FETCH
                      or level == GO_TO_DOOR or level == GO_TO_OBJECT or level == PUT_NEAR)
    derive_task(rules)
    derive_size(rules)
    rules.stride = rules.height + BORDER
    for k in range(4):
        rules.steps[k] = towards(k, rules.stride)
    for k in range(9):
        rules.around[k] = (k // 3 - 1) * rules.stride + k % 3 - 1
    rules.size = rules.width * rules.stride
    rules.cell_count = BORDER + rules.size + 2 * rules.stride


cdef inline bint is_maze(int level) noexcept nogil:
    return level == SMALL_MAZE or level == LARGE_MAZE or level == LARGE_MAZE_V1


cdef inline bint has_long_mission(const Rules* rules) noexcept nogil:
    """Whether the mission needs more than a kind and a colour."""
    return rules.level == FETCH or rules.level == LOCKED_ROOM or rules.level == PUT_NEAR


cdef inline bint has_own_mission(const Rules* rules) noexcept nogil:
    """Whether the level draws the kind of what its mission names."""
    return has_long_mission(rules) or rules.task == GO_TO


cdef inline void derive_task(Rules* rules) noexcept nogil:
    """Set the task, and what is always in its mission."""
    cdef int level = rules.level
    rules.task, rules.kind, rules.colour = REACH, UNSEEN, 0
    if level == UNLOCK:
        rules.task, rules.kind = OPEN, DOOR
    elif level == UNLOCK_PICKUP or level == BLOCKED_UNLOCK_PICKUP:
        rules.task, rules.kind = TAKE, BOX
    elif level == KEY_CORRIDOR:
        rules.task, rules.kind = TAKE, rules.values[OBJ_TYPE]
    elif is_maze(level):
        rules.task, rules.kind, rules.colour = TAKE, BALL, BLUE
    elif level == FETCH:
        rules.task = TAKE_FIRST
    elif level == GO_TO_DOOR or level == GO_TO_OBJECT:
        rules.task = GO_TO
    elif level == MEMORY:
        rules.task = CHOOSE
    elif level == PUT_NEAR:
        rules.task = BRING
    elif level == RED_BLUE_DOORS:
        rules.task, rules.kind, rules.colour = TWO_DOORS, DOOR, RED
    elif level != LOCKED_ROOM and level != PLAYGROUND:
        rules.task, rules.kind, rules.colour = DODGE if level == DYNAMIC_OBSTACLES else REACH, GOAL, GREEN


cdef inline void derive_size(Rules* rules) noexcept nogil:
    cdef int level = rules.level
    rules.rows, rules.columns, rules.room_size = 1, 1, rules.values[SIZE]
    if level == FOUR_ROOMS or level == LOCKED_ROOM or level == PLAYGROUND:
        rules.room_size = 19
    elif level == MULTI_ROOM:
        rules.room_size = 25
    elif level == UNLOCK or level == UNLOCK_PICKUP or level == BLOCKED_UNLOCK_PICKUP or level == SMALL_MAZE:
        rules.columns, rules.room_size = 2, ROOM_SIDE
    elif level == KEY_CORRIDOR:
        rules.rows, rules.columns, rules.room_size = rules.values[NUM_ROWS], 3, rules.values[ROOM_SIZE]
    elif level == LARGE_MAZE or level == LARGE_MAZE_V1:
        rules.rows, rules.columns, rules.room_size = 3, 3, ROOM_SIDE
    rules.width = rules.columns * (rules.room_size - 1) + 1
    rules.height = rules.rows * (rules.room_size - 1) + 1
    if level == DIST_SHIFT:
        rules.width, rules.height = 9, 7
    elif level == RED_BLUE_DOORS:
        rules.width = 2 * rules.values[SIZE]


cdef inline int step_limit(const Rules* rules) noexcept nogil:
    """The package's max_steps."""
    cdef int level = rules.level, cells = rules.room_size * rules.room_size
    if level == FOUR_ROOMS or level == PLAYGROUND:
        return 100
    if level == MULTI_ROOM:
        return 20 * rules.values[MAX_ROOMS]
    if level == LOCKED_ROOM or level == PUT_NEAR:
        return (10 if level == LOCKED_ROOM else 5) * rules.room_size
    if level == DIST_SHIFT:
        return 4 * rules.width * rules.height
    if is_maze(level):
        return 4 * (2 if level == SMALL_MAZE else rules.values[NUM_ROOMS_VISITED]) * cells
    if level == KEY_CORRIDOR:
        return 30 * cells
    if level == RED_BLUE_DOORS:
        return 20 * cells
    if level == BLOCKED_UNLOCK_PICKUP:
        return 16 * cells
    if level == DOOR_KEY:
        return 10 * cells
    if level == UNLOCK or level == UNLOCK_PICKUP:
        return 8 * cells
    return (5 if level == FETCH or level == GO_TO_OBJECT or level == MEMORY else 4) * cells
