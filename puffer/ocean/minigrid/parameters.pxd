# The parameters of the levels of MiniGrid.
from puffer.ocean.minigrid.chain cimport MOST_ROOMS, SMALLEST_ROOM
from puffer.ocean.minigrid.draft cimport (
    BALL, BORDER, BOX, DOOR, DYNAMIC_OBSTACLES, EMPTY_ROOM, FOUR_ROOMS, GOAL, KEY, KEY_CORRIDOR, MULTI_ROOM, Rules,
    UNLOCK, UNLOCK_PICKUP, towards,
)
from puffer.ocean.minigrid.rooms cimport MOST_ROWS

cdef enum:
    # Of a room, where the level has no parameter for it.
    ROOM_SIZE = 6
    # What parameters may be at most.
    MOST_SIZE = 64
    MOST_ROOM_SIZE = 16
    LARGEST_ROOM = 10


cdef inline dict default_parameters():
    """The parameters of each level with their defaults. The levels are in the order of level_t."""
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
    }


cdef inline dict check_parameters(object level, dict given):
    """The parameters of a level, checked: None stands for the default, and is required for those of other levels."""
    from puffer import checks
    defaults = default_parameters()
    own = defaults[checks.choice("level", level, defaults)]
    for name, value in given.items():
        if value is not None and name not in own:
            raise ValueError(f"{name} is not a parameter of level {level!r}, which has {', '.join(own) or 'none'}; "
                             f"got {value!r}")
    values = {name: default if given[name] is None else given[name] for name, default in own.items()}
    if "size" in values:
        values["size"] = check_integer(values, "size", 4 if level == "Empty" else 5, MOST_SIZE)
    if "n_obstacles" in values:
        # As in the package, which reduces a number that is too large for the grid.
        if given["n_obstacles"] is None:
            values["n_obstacles"] = min(4, values["size"] // 2)
        values["n_obstacles"] = check_integer(values, "n_obstacles", 0, values["size"] // 2 + 1)
    if "num_rows" in values:
        values["num_rows"] = check_integer(values, "num_rows", 1, MOST_ROWS)
        values["room_size"] = check_integer(values, "room_size", 3, MOST_ROOM_SIZE)
        if not isinstance(values["obj_type"], str) or values["obj_type"] not in ("key", "ball", "box"):
            raise ValueError(f"obj_type must be 'key', 'ball' or 'box', got {values['obj_type']!r}")
    if "max_rooms" in values:
        # If only one of them is given, the other one is the same.
        if given["min_rooms"] is None:
            values["min_rooms"] = values["max_rooms"]
        if given["max_rooms"] is None:
            values["max_rooms"] = values["min_rooms"]
        values["min_rooms"] = check_integer(values, "min_rooms", 1, MOST_ROOMS)
        values["max_rooms"] = check_integer(values, "max_rooms", values["min_rooms"], MOST_ROOMS)
        values["max_room_size"] = check_integer(values, "max_room_size", SMALLEST_ROOM, LARGEST_ROOM)
    if not isinstance(values.get("random_start", False), bool):
        raise TypeError(f"random_start must be a bool, got {values['random_start']!r}")
    return values


cdef inline int check_integer(dict values, str name, int low, int high) except -1:
    from puffer import checks
    return checks.integer(name, values[name], low, high)


cdef inline Rules make_rules(str level, dict values) except *:
    cdef Rules rules
    rules.level = list(default_parameters()).index(level)
    rules.room_size = values.get("size", values.get("room_size", ROOM_SIZE))
    rules.rows = values.get("num_rows", 1)
    rules.kind = {"key": KEY, "ball": BALL, "box": BOX}.get(values.get("obj_type"), GOAL)
    rules.least_rooms, rules.most_rooms = values.get("min_rooms", 0), values.get("max_rooms", 0)
    rules.largest_room = values.get("max_room_size", 0)
    rules.obstacles = values.get("n_obstacles", 0)
    rules.random_start = values.get("random_start", False)
    derive(&rules)
    return rules


cdef inline void derive(Rules* rules) noexcept nogil:
    """Set what follows from the parameters of a level."""
    cdef int size = rules.room_size, k
    rules.width = rules.height = size
    if rules.level == FOUR_ROOMS:
        rules.width = rules.height = 19
    elif rules.level == MULTI_ROOM:
        rules.width = rules.height = 25
    elif rules.level == UNLOCK or rules.level == UNLOCK_PICKUP:
        rules.width = 2 * (size - 1) + 1
        rules.kind = DOOR if rules.level == UNLOCK else BOX
    elif rules.level == KEY_CORRIDOR:
        rules.width, rules.height = 3 * (size - 1) + 1, rules.rows * (size - 1) + 1
    rules.stride = rules.height + BORDER
    for k in range(4):
        rules.steps[k] = towards(k, rules.stride)
    for k in range(9):
        rules.around[k] = (k // 3 - 1) * rules.stride + k % 3 - 1
    rules.size = rules.width * rules.stride
    rules.cell_count = BORDER + rules.size + 2 * rules.stride
    rules.sees_all = rules.level == EMPTY_ROOM or rules.level == DYNAMIC_OBSTACLES


cdef inline tuple level_parameters(const Rules* rules):
    """The level and the parameters that `make_rules` has made these of."""
    level, own = list(default_parameters().items())[rules.level]
    every = {"size": rules.width, "random_start": rules.random_start, "n_obstacles": rules.obstacles,
             "num_rows": rules.rows, "room_size": rules.room_size,
             "obj_type": {KEY: "key", BALL: "ball", BOX: "box"}.get(rules.kind), "min_rooms": rules.least_rooms,
             "max_rooms": rules.most_rooms, "max_room_size": rules.largest_room}
    return level, {name: every[name] for name in own}


cdef inline int step_limit(str level, dict values):
    """The package's max_steps."""
    if level == "FourRooms":
        return 100
    if level == "MultiRoom":
        return 20 * values["max_rooms"]
    size = values.get("size", values.get("room_size", 6))
    return {"DoorKey": 10, "Unlock": 8, "UnlockPickup": 8, "KeyCorridor": 30}.get(level, 4) * size**2
