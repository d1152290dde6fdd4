# The parameters of the levels of MiniGrid.
from puffer.ocean.minigrid.chain cimport MOST_ROOMS, SMALLEST_ROOM
from puffer.ocean.minigrid.draft cimport (
    BALL, BORDER, BOX, DOOR, DYNAMIC_OBSTACLES, EMPTY_ROOM, GOAL, KEY, KEY_CORRIDOR, MULTI_ROOM, Rules, UNLOCK,
    UNLOCK_PICKUP, towards,
)
from puffer.ocean.minigrid.rooms cimport MOST_ROWS


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
        values["size"] = check_integer(values, "size", 4 if level == "Empty" else 5, 64)
    if "n_obstacles" in values:
        # As in the package, which reduces a number that is too large for the grid.
        if given["n_obstacles"] is None:
            values["n_obstacles"] = min(4, values["size"] // 2)
        values["n_obstacles"] = check_integer(values, "n_obstacles", 0, values["size"] // 2 + 1)
    if "num_rows" in values:
        values["num_rows"] = check_integer(values, "num_rows", 1, MOST_ROWS)
        values["room_size"] = check_integer(values, "room_size", 3, 16)
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
        values["max_room_size"] = check_integer(values, "max_room_size", SMALLEST_ROOM, 10)
    if not isinstance(values.get("random_start", False), bool):
        raise TypeError(f"random_start must be a bool, got {values['random_start']!r}")
    return values


cdef inline int check_integer(dict values, str name, int low, int high) except -1:
    from puffer import checks
    return checks.integer(name, values[name], low, high)


cdef inline Rules make_rules(str level, dict values) except *:
    cdef Rules rules
    cdef int size = values.get("size", values.get("room_size", 6)), rooms = values.get("num_rows", 1)
    rules.level = list(default_parameters()).index(level)
    rules.width = rules.height = size
    rules.room_size, rules.rows = size, rooms
    rules.kind = GOAL
    if level == "FourRooms":
        rules.width = rules.height = 19
    elif rules.level == MULTI_ROOM:
        rules.width = rules.height = 25
    elif rules.level == UNLOCK or rules.level == UNLOCK_PICKUP:
        rules.width = 2 * (size - 1) + 1
        rules.kind = DOOR if rules.level == UNLOCK else BOX
    elif rules.level == KEY_CORRIDOR:
        rules.width, rules.height = 3 * (size - 1) + 1, rooms * (size - 1) + 1
        rules.kind = {"key": KEY, "ball": BALL, "box": BOX}[values["obj_type"]]
    rules.stride = rules.height + BORDER
    rules.steps = [towards(direction, rules.stride) for direction in range(4)]
    rules.around = [x * rules.stride + y for x in (-1, 0, 1) for y in (-1, 0, 1)]
    rules.size = rules.width * rules.stride
    rules.cell_count = BORDER + rules.size + 2 * rules.stride
    rules.least_rooms, rules.most_rooms = values.get("min_rooms", 0), values.get("max_rooms", 0)
    rules.largest_room = values.get("max_room_size", 0)
    rules.obstacles = values.get("n_obstacles", 0)
    rules.random_start = values.get("random_start", False)
    rules.sees_all = rules.level == EMPTY_ROOM or rules.level == DYNAMIC_OBSTACLES
    return rules


cdef inline tuple level_parameters(const Rules* rules):
    """The level and the parameters that `make_rules` has made these of."""
    level, own = list(default_parameters().items())[rules.level]
    every = {"size": rules.width, "random_start": rules.random_start, "n_obstacles": rules.obstacles,
             "num_rows": rules.rows, "room_size": rules.room_size,
             "obj_type": {KEY: "key", BALL: "ball", BOX: "box"}.get(rules.kind), "min_rooms": rules.least_rooms,
             "max_rooms": rules.most_rooms, "max_room_size": rules.largest_room}
    return level, {name: every[name] for name in own}


cdef inline bint is_sound(const Rules* rules, const Rules* largest) noexcept nogil:
    """Whether rules are those of a level that has room in the memory of another one."""
    cdef int direction
    if not (0 <= rules.level <= DYNAMIC_OBSTACLES and 3 <= rules.width <= 64 and 3 <= rules.height <= 64
            and rules.stride == rules.height + BORDER and rules.size == rules.width * rules.stride
            and rules.cell_count == BORDER + rules.size + 2 * rules.stride
            and rules.cell_count <= largest.cell_count and 0 <= rules.obstacles <= largest.obstacles
            and 0 <= rules.least_rooms <= rules.most_rooms <= MOST_ROOMS and 0 <= rules.largest_room <= 10
            and 1 <= rules.rows <= MOST_ROWS and 0 <= rules.kind <= 15):
        return False
    for direction in range(4):
        if rules.steps[direction] != towards(direction, rules.stride):
            return False
    for direction in range(9):
        if rules.around[direction] != (direction // 3 - 1) * rules.stride + direction % 3 - 1:
            return False
    return True


cdef inline int step_limit(str level, dict values):
    """The package's max_steps."""
    if level == "FourRooms":
        return 100
    if level == "MultiRoom":
        return 20 * values["max_rooms"]
    size = values.get("size", values.get("room_size", 6))
    return {"DoorKey": 10, "Unlock": 8, "UnlockPickup": 8, "KeyCorridor": 30}.get(level, 4) * size**2
