# Levels of MiniGrid as plain values in the encoding of the package, read from the memory of a copy and written to it.
from libc.stdint cimport int32_t, uint8_t

from puffer.ocean.minigrid.draft cimport (
    BALL, BOX, BRING, CHOOSE, CLOSED_DOOR, COLOUR, COLOURS, DOOR, EMPTY, FETCH, GOAL, GO_TO, GREY, KEY_BOX, KIND, LAVA,
    NOWHERE, Named, OPEN, PORTABLE, Rules, State, TAKE, TWO_DOORS, WALKABLE, LOCKED_ROOM, minigrid_cell,
    minigrid_triples, named,
)
from puffer.ocean.minigrid.forms cimport has_own_mission
from puffer.ocean.minigrid.things cimport PHRASES


cdef inline dict level_values(const Rules* rules, const State* state, const uint8_t* grid, const int32_t* obstacles):
    import numpy as np
    cdef int k
    codes = np.asarray(<uint8_t[:rules.width, :rules.stride]><uint8_t*>grid)[:, :rules.height]
    return {
        "grid": np.asarray(<uint8_t[:256, :4]>&minigrid_triples[0][0])[codes, :3],
        "position": pair(rules, state.agent),
        "direction": int(state.direction),
        "carrying": carried_values(state.carried),
        "target": None if state.target == NOWHERE else pair(rules, state.target),
        "other": None if state.other == NOWHERE else pair(rules, state.other),
        "mission_kind": int(state.first.kind),
        "mission_colour": int(state.first.colour),
        "second": (int(state.second.kind), int(state.second.colour)) if state.second.kind else None,
        "phrase": int(state.phrase),
        "obstacles": [pair(rules, obstacles[k]) for k in range(rules.obstacles)],
        "boxes": [(int(x), int(y), int(codes[x, y]) >> COLOUR) for x, y in np.argwhere((codes & KIND) == KEY_BOX)],
    }


cdef inline tuple carried_values(int carried):
    if carried == 0:
        return None
    shown = minigrid_triples[carried][0], minigrid_triples[carried][1]
    return (*shown, carried >> COLOUR) if carried & KIND == KEY_BOX else shown


cdef inline tuple pair(const Rules* rules, int position):
    return position // rules.stride, position % rules.stride


cdef inline int read_level(const Rules* rules, State* state, uint8_t* grid, int32_t* obstacles, dict values) except -1:
    """Write values like those of `level_values`. Everything is checked before anything is written."""
    from puffer import checks
    cdef State read
    cdef int k
    read.has_changed = True
    codes = read_grid(rules, values["grid"], values["boxes"])
    read.agent = read_position(rules, "position", values["position"])
    if not WALKABLE >> (codes[read.agent] & KIND) & 1:
        raise ValueError(f"position must be a cell that the agent can stand on, got {values['position']!r}")
    read.direction = <uint8_t>checks.integer("direction", values["direction"], 0, 3)
    read.carried = read_carried(values["carrying"])
    read.target = read_target(rules, codes, values["target"])
    read.other = read_other(rules, codes, values["other"])
    read.first = read_first(rules, codes, read.target, values["mission_kind"], values["mission_colour"])
    read.second = read_second(rules, values["second"])
    read.phrase = <uint8_t>checks.integer("phrase", values["phrase"], 0, PHRASES - 1 if rules.level == FETCH else 0)
    positions = [read_position(rules, f"obstacles[{k}]", position) for k, position in enumerate(values["obstacles"])]
    if len(positions) != rules.obstacles or len(set(positions)) != len(positions):
        raise ValueError(f"obstacles must be {rules.obstacles} distinct positions, got {values['obstacles']!r}")
    for k in range(rules.obstacles):
        if codes[positions[k]] & KIND != BALL:
            raise ValueError(f"obstacles[{k}] must be the position of a ball, got {values['obstacles'][k]!r}")
    state[0] = read
    for k in range(rules.obstacles):
        obstacles[k] = positions[k]
    for position, code in codes.items():
        grid[position] = code
    return 0


cdef inline dict read_grid(const Rules* rules, object encoded, object boxes):
    """The cells, by position, of a grid in the package's encoding, with the keys in some of its boxes."""
    import numpy as np
    from puffer import checks
    encoded = np.asarray(encoded)
    shape = (rules.width, rules.height, 3)
    if encoded.shape != shape or encoded.dtype != np.uint8:
        raise ValueError(f"grid must be a uint8 array of shape {shape}, got {encoded.dtype} of {encoded.shape}")
    codes = {}
    for x in range(rules.width):
        for y in range(rules.height):
            kind, colour, door = encoded[x, y].tolist()
            is_known = EMPTY <= kind <= LAVA and colour < COLOURS and (kind != EMPTY or colour == 0)
            if not is_known or door > (2 if kind == DOOR else 0):
                raise ValueError(f"grid[{x}, {y}] is not a cell of a grid: {encoded[x, y].tolist()}")
            codes[x * rules.stride + y] = minigrid_cell(CLOSED_DOOR + door - 1 if door else kind, colour)
    for box in boxes:
        try:
            x, y, colour = box
        except (TypeError, ValueError):
            raise ValueError(f"boxes must be triples x, y, colour of the key in it, got {box!r}") from None
        position = read_position(rules, "boxes", (x, y))
        if codes[position] != minigrid_cell(BOX, GREY):
            raise ValueError(f"boxes must be positions of grey boxes, got {box!r}")
        codes[position] = minigrid_cell(KEY_BOX, checks.integer("boxes", colour, 0, COLOURS - 1))
    return codes


cdef inline int read_position(const Rules* rules, str name, object position) except -1:
    from puffer import checks
    try:
        x, y = position
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair x, y, got {position!r}") from None
    x = checks.integer(f"{name}[0]", x, 0, rules.width - 1)
    return x * rules.stride + checks.integer(f"{name}[1]", y, 0, rules.height - 1)


cdef inline int read_carried(object carrying) except -1:
    from puffer import checks
    if carrying is None:
        return 0
    try:
        kind, colour, *inside = carrying
        if len(inside) > 1:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(f"carrying must be None or a pair kind, colour, got {carrying!r}") from None
    kind = checks.integer("carrying[0]", kind, 0, LAVA)
    if not PORTABLE >> kind & 1:
        raise ValueError(f"carrying[0] must be the kind of a key, ball or box, got {kind}")
    colour = checks.integer("carrying[1]", colour, 0, COLOURS - 1)
    if inside and (kind, colour) != (BOX, GREY):
        raise ValueError(f"carrying may have the colour of a key in it for a grey box alone, got {carrying!r}")
    if inside:
        return minigrid_cell(KEY_BOX, checks.integer("carrying[2]", inside[0], 0, COLOURS - 1))
    return minigrid_cell(kind, colour)


cdef inline int read_target(const Rules* rules, dict codes, object target) except -2:
    cdef int task = rules.task
    if task != TAKE and task != OPEN and task != GO_TO and task != CHOOSE and task != BRING and task != TWO_DOORS:
        if target is not None:
            where = "a level with a goal" if rules.kind == GOAL else "this level"
            raise ValueError(f"target must be None in {where}, got {target!r}")
        return NOWHERE
    if target is None and task == TAKE:
        return NOWHERE
    position = read_position(rules, "target", target)
    kind = rules.kind if task == TAKE or task == OPEN or task == TWO_DOORS else 0
    if kind and minigrid_triples[codes[position]][0] != kind:
        raise ValueError(f"target must be the position of an object of kind {kind}, got {target!r}")
    return position


cdef inline int read_other(const Rules* rules, dict codes, object other) except -2:
    if rules.task != CHOOSE and rules.task != TWO_DOORS:
        if other is not None:
            raise ValueError(f"other must be None in this level, got {other!r}")
        return NOWHERE
    position = read_position(rules, "other", other)
    if rules.task == TWO_DOORS and minigrid_triples[codes[position]][0] != DOOR:
        raise ValueError(f"other must be the position of a door, got {other!r}")
    return position


cdef inline Named read_first(const Rules* rules, dict codes, int target, object kind, object colour) except *:
    """What the mission names. Its colour is by default that of the target."""
    from puffer import checks
    if has_own_mission(rules):
        kind = checks.integer("mission_kind", kind, DOOR, BOX)
        return named(kind, checks.integer("mission_colour", colour, 0, COLOURS - 1))
    if kind is not None:
        checks.integer("mission_kind", kind, rules.kind, rules.kind)
    if rules.task != TAKE:
        fixed = rules.colour
        return named(rules.kind, fixed if colour is None else checks.integer("mission_colour", colour, fixed, fixed))
    if target != NOWHERE:
        own = minigrid_triples[codes[target]][1]
        return named(rules.kind, own if colour is None else checks.integer("mission_colour", colour, own, own))
    return named(rules.kind, checks.integer("mission_colour", colour, 0, COLOURS - 1))


cdef inline Named read_second(const Rules* rules, object second) except *:
    """The other thing that the mission names."""
    from puffer import checks
    if second is None and rules.level != LOCKED_ROOM and rules.task != BRING:
        return named(0, 0)
    try:
        kind, colour = second
    except (TypeError, ValueError):
        raise ValueError(f"second must be a pair kind, colour, got {second!r}") from None
    kind = checks.integer("second[0]", kind, DOOR, BOX)
    return named(kind, checks.integer("second[1]", colour, 0, COLOURS - 1))
