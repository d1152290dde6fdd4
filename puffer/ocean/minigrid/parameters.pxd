# The parameters of the levels of MiniGrid, and the rules that follow from them.
from puffer.ocean.minigrid.chain cimport MOST_ROOMS, SMALLEST_ROOM
from puffer.ocean.minigrid.draft cimport (
    AGENT_ROOM, BLOCKED, BOX, CROSSING, DIST_SHIFT, DYNAMIC_OBSTACLES, DOOR_KEY, EMPTY_ROOM, FETCH, GO_TO_DOOR,
    GO_TO_OBJECT, KEY, KEY_CORRIDOR, KEY_IN_BOX, LARGE_MAZE, LARGE_MAZE_V1, LAVA_GAP, MAX_ROOMS, MAX_ROOM_SIZE, MEMORY,
    MIN_ROOMS, MULTI_ROOM, NUM_CROSSINGS, NUM_OBJS, NUM_QUARTERS, NUM_ROOMS_VISITED, NUM_ROWS, N_OBSTACLES, OBJ_TYPE,
    OBSTACLE_TYPE, PARAMETERS, PUT_NEAR, RANDOM_LENGTH, RANDOM_START, RED_BLUE_DOORS, ROOM_SIZE, Rules, SIZE,
    SMALL_MAZE, STRIP2_ROW,
)
from puffer.ocean.minigrid.forms cimport derive
from puffer.ocean.minigrid.rooms cimport MOST_ROWS
from puffer.ocean.minigrid.things cimport MOST_THINGS

cdef enum:
    # What parameters may be at most.
    MOST_SIZE = 64
    MOST_ROOM_SIZE = 16
    LARGEST_ROOM = 10
    MOST_TO_FETCH = 64
    MOST_VISITED = 1000


cdef inline dict default_parameters():
    """The parameters of each level with their defaults.

    The levels are in the order of level_t. A parameter comes after those that its limits depend on.
    """
    maze = {"agent_room": (1, 1), "key_in_box": True, "blocked": True, "num_quarters": 4, "num_rooms_visited": 25}
    return {
        "Empty": {"size": 8, "random_start": False},
        "DoorKey": {"size": 8},
        "FourRooms": {},
        "Unlock": {},
        "UnlockPickup": {},
        "KeyCorridor": {"num_rows": 3, "room_size": 6, "obj_type": "ball"},
        "LavaGap": {"size": 7},
        "MultiRoom": {"min_rooms": 6, "max_rooms": 6, "max_room_size": 10},
        "Dynamic-Obstacles": {"size": 8, "n_obstacles": 4, "random_start": False},
        "BlockedUnlockPickup": {},
        "Crossing": {"size": 9, "num_crossings": 1, "obstacle_type": "lava"},
        "DistShift": {"strip2_row": 2, "random_start": False},
        "Fetch": {"size": 8, "num_objs": 3},
        "GoToDoor": {"size": 5},
        "GoToObject": {"size": 6, "num_objs": 2},
        "LockedRoom": {},
        "Memory": {"size": 7, "random_length": False},
        "ObstructedMaze_1Dlhb": {"key_in_box": True, "blocked": True},
        "ObstructedMaze_Full": maze,
        "ObstructedMaze_Full_V1": maze,
        "Playground": {},
        "PutNear": {"size": 6, "num_objs": 2},
        "RedBlueDoors": {"size": 8},
    }


cdef inline tuple parameter_names():
    """The names of all parameters, in the order of their indices."""
    return ("size", "random_start", "n_obstacles", "num_rows", "room_size", "obj_type", "min_rooms", "max_rooms",
            "max_room_size", "num_crossings", "obstacle_type", "strip2_row", "num_objs", "random_length", "key_in_box",
            "blocked", "agent_room", "num_quarters", "num_rooms_visited")


cdef inline dict parameter_choices():
    """The values of parameters that are neither numbers nor truths."""
    return {"obj_type": ("key", "ball", "box"), "obstacle_type": ("lava", "wall")}


# ---- Limits ----

cdef inline void limits(const Rules* rules, int parameter, int* low, int* high) noexcept nogil:
    """The least and the greatest value of a parameter of a level, given those before it; of another one, 0 and 0."""
    cdef int level = rules.level, size = rules.values[SIZE]
    cdef bint is_large_maze = level == LARGE_MAZE or level == LARGE_MAZE_V1
    low[0] = high[0] = 0
    if parameter == SIZE:
        size_limits(level, low, high)
    elif parameter == RANDOM_START:
        high[0] = level == EMPTY_ROOM or level == DYNAMIC_OBSTACLES or level == DIST_SHIFT
    elif parameter == RANDOM_LENGTH:
        high[0] = level == MEMORY
    elif parameter == KEY_IN_BOX or parameter == BLOCKED:
        high[0] = is_large_maze or level == SMALL_MAZE
    elif parameter == OBSTACLE_TYPE:
        high[0] = level == CROSSING
    elif parameter == N_OBSTACLES and level == DYNAMIC_OBSTACLES:
        # As in the package, which reduces a number that is too large for the grid.
        high[0] = size // 2 + 1
    elif parameter == NUM_CROSSINGS and level == CROSSING:
        high[0] = size - 3
    elif parameter == STRIP2_ROW and level == DIST_SHIFT:
        low[0], high[0] = 1, 5
    elif parameter == NUM_OBJS:
        things_limits(level, (size - 2) * (size - 2), low, high)
    elif level == KEY_CORRIDOR:
        corridor_limits(parameter, low, high)
    elif level == MULTI_ROOM:
        chain_limits(rules.values[MIN_ROOMS], parameter, low, high)
    elif is_large_maze:
        maze_limits(parameter, low, high)


cdef inline void size_limits(int level, int* low, int* high) noexcept nogil:
    if level == DOOR_KEY or level == LAVA_GAP or level == DYNAMIC_OBSTACLES or level == GO_TO_DOOR:
        low[0], high[0] = 5, MOST_SIZE
    elif level == EMPTY_ROOM or level == FETCH or level == GO_TO_OBJECT:
        low[0], high[0] = 4, MOST_SIZE
    elif level == CROSSING:
        low[0], high[0] = 5, MOST_SIZE - 1
    elif level == MEMORY:
        low[0], high[0] = 7, MOST_SIZE - 1
    elif level == PUT_NEAR:
        low[0], high[0] = 6, MOST_SIZE
    elif level == RED_BLUE_DOORS:
        low[0], high[0] = 5, MOST_SIZE // 2


cdef inline void things_limits(int level, int cells, int* low, int* high) noexcept nogil:
    """So many that there is always room for the next one, and for the agent."""
    if level == FETCH:
        low[0], high[0] = 1, min(cells - 1, MOST_TO_FETCH)
    elif level == GO_TO_OBJECT:
        low[0], high[0] = 1, min(cells - 1, MOST_THINGS)
    elif level == PUT_NEAR:
        low[0], high[0] = 2, min((cells - 1) // 9 + 1, MOST_THINGS)


cdef inline void corridor_limits(int parameter, int* low, int* high) noexcept nogil:
    if parameter == NUM_ROWS:
        low[0], high[0] = 1, MOST_ROWS
    elif parameter == ROOM_SIZE:
        low[0], high[0] = 3, MOST_ROOM_SIZE
    elif parameter == OBJ_TYPE:
        low[0], high[0] = KEY, BOX


cdef inline void chain_limits(int least_rooms, int parameter, int* low, int* high) noexcept nogil:
    if parameter == MIN_ROOMS or parameter == MAX_ROOMS:
        low[0], high[0] = 1 if parameter == MIN_ROOMS else least_rooms, MOST_ROOMS
    elif parameter == MAX_ROOM_SIZE:
        low[0], high[0] = SMALLEST_ROOM, LARGEST_ROOM


cdef inline void maze_limits(int parameter, int* low, int* high) noexcept nogil:
    if parameter == AGENT_ROOM:
        high[0] = 8
    elif parameter == NUM_QUARTERS:
        low[0], high[0] = 1, 4
    elif parameter == NUM_ROOMS_VISITED:
        low[0], high[0] = 1, MOST_VISITED


cdef inline bint has_odd_size(int level) noexcept nogil:
    return level == CROSSING or level == MEMORY


cdef inline bint are_possible(const Rules* rules) noexcept nogil:
    """Whether all parameters are within their limits."""
    cdef int parameter, low, high
    for parameter in range(PARAMETERS):
        limits(rules, parameter, &low, &high)
        if not low <= rules.values[parameter] <= high:
            return False
    return rules.values[SIZE] & 1 or not has_odd_size(rules.level)


# ---- From values and back ----

cdef inline Rules read_rules(object level, dict given) except *:
    """The rules of a level with these parameters, checked.

    None stands for the default, or for what the id of the level says. It is required for those of other levels.
    """
    from puffer.ocean.minigrid._names import named_level
    cdef Rules rules
    cdef int parameter, low, high
    defaults = default_parameters()
    name, said = named_level(level, defaults)
    own = defaults[name]
    for parameter_name, value in given.items():
        if value is not None and parameter_name not in own:
            raise ValueError(f"{parameter_name} is not a parameter of level {level!r}, which has "
                             f"{', '.join(own) or 'none'}; got {value!r}")
    said = {**said, **{one: value for one, value in given.items() if value is not None}}
    values = {**own, **said}
    if "max_rooms" in own and ("min_rooms" in said) != ("max_rooms" in said):
        # If only one of them is given, the other one is the same.
        values["min_rooms"] = values["max_rooms"] = said.get("min_rooms", said.get("max_rooms"))
    rules.level = list(defaults).index(name)
    for parameter in range(PARAMETERS):
        rules.values[parameter] = 0
    names = parameter_names()
    for one, value in values.items():
        parameter = names.index(one)
        limits(&rules, parameter, &low, &high)
        if one == "n_obstacles" and one not in said:
            value = min(value, rules.values[SIZE] // 2)
        rules.values[parameter] = read_value(one, value, low, high)
        if parameter == SIZE and has_odd_size(rules.level) and not rules.values[SIZE] & 1:
            raise ValueError(f"size must be odd in level {level!r}, got {value!r}")
    derive(&rules)
    return rules


cdef inline int read_value(str name, object value, int low, int high) except? -1:
    """The number that stands for the value of a parameter."""
    from puffer import checks
    choices = parameter_choices().get(name)
    if choices:
        return low + choices.index(checks.choice(name, value, choices))
    if name == "agent_room":
        try:
            column, row = value
        except (TypeError, ValueError):
            raise ValueError(f"agent_room must be a pair column, row, got {value!r}") from None
        return 3 * checks.integer("agent_room[0]", column, 0, 2) + checks.integer("agent_room[1]", row, 0, 2)
    if high == 1 and low == 0 and name != "n_obstacles" and name != "num_crossings":
        return checks.boolean(name, value)
    return checks.integer(name, value, low, high)


cdef inline tuple level_parameters(const Rules* rules):
    """The level and the parameters that `read_rules` has made these of."""
    cdef int parameter
    level, own = list(default_parameters().items())[rules.level]
    values, names = {}, parameter_names()
    for name, default in own.items():
        parameter = names.index(name)
        number = rules.values[parameter]
        choices = parameter_choices().get(name)
        if choices:
            number = choices[number - (KEY if parameter == OBJ_TYPE else 0)]
        elif isinstance(default, bool):
            number = bool(number)
        elif isinstance(default, tuple):
            number = divmod(number, 3)
        values[name] = number
    return level, values
