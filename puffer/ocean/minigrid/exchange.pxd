# Levels of MiniGrid as plain values in the encoding of the package, read from the memory of a copy and written to it.
from libc.stdint cimport int32_t, uint8_t

from puffer.ocean.minigrid.draft cimport (
    BALL, CLOSED_DOOR, COLOUR, COLOURS, DOOR, EMPTY, GOAL, GREEN, KIND, LAVA, NOWHERE, PORTABLE, Rules, State, UNLOCK,
    WALKABLE, minigrid_cell, minigrid_triples,
)


cdef inline dict level_values(const Rules* rules, const State* state, const uint8_t* grid, const int32_t* obstacles):
    import numpy as np
    cdef int k
    codes = np.asarray(<uint8_t[:rules.width, :rules.stride]><uint8_t*>grid)[:, :rules.height]
    return {
        "grid": np.asarray(<uint8_t[:256, :4]>&minigrid_triples[0][0])[codes, :3],
        "position": pair(rules, state.agent),
        "direction": int(state.direction),
        "carrying": (state.carried & KIND, state.carried >> COLOUR) if state.carried else None,
        "target": None if state.target == NOWHERE else pair(rules, state.target),
        "mission_colour": int(state.mission_colour),
        "obstacles": [pair(rules, obstacles[k]) for k in range(rules.obstacles)],
    }


cdef inline tuple pair(const Rules* rules, int position):
    return position // rules.stride, position % rules.stride


cdef inline int read_level(const Rules* rules, State* state, uint8_t* grid, int32_t* obstacles, dict values) except -1:
    """Write values like those of `level_values`. Everything is checked before anything is written."""
    from puffer import checks
    cdef State read
    cdef int k
    read.has_changed = True
    codes = read_grid(rules, values["grid"])
    read.agent = read_position(rules, "position", values["position"])
    if not WALKABLE >> (codes[read.agent] & KIND) & 1:
        raise ValueError(f"position must be a cell that the agent can stand on, got {values['position']!r}")
    read.direction = <uint8_t>checks.integer("direction", values["direction"], 0, 3)
    read.carried = read_carried(values["carrying"])
    read.mission_kind = <uint8_t>rules.kind
    read.target = read_target(rules, codes, values["target"])
    read.mission_colour = read_colour(rules, codes, read.target, values["mission_colour"])
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


cdef inline dict read_grid(const Rules* rules, object encoded):
    """The cells, by position, of a grid in the package's encoding."""
    import numpy as np
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
        kind, colour = carrying
    except (TypeError, ValueError):
        raise ValueError(f"carrying must be None or a pair kind, colour, got {carrying!r}") from None
    kind = checks.integer("carrying[0]", kind, 0, LAVA)
    if not PORTABLE >> kind & 1:
        raise ValueError(f"carrying[0] must be the kind of a key, ball or box, got {kind}")
    return minigrid_cell(kind, checks.integer("carrying[1]", colour, 0, COLOURS - 1))


cdef inline int read_target(const Rules* rules, dict codes, object target) except -2:
    if rules.kind == GOAL and target is not None:
        raise ValueError(f"target must be None in a level with a goal, got {target!r}")
    if target is None and rules.level != UNLOCK:
        return NOWHERE
    position = read_position(rules, "target", target)
    if minigrid_triples[codes[position]][0] != rules.kind:
        raise ValueError(f"target must be the position of an object of kind {rules.kind}, got {target!r}")
    return position


cdef inline int read_colour(const Rules* rules, dict codes, int target, object colour) except -1:
    """The colour that the mission names, by default that of the target."""
    from puffer import checks
    if not PORTABLE >> rules.kind & 1:
        fixed = GREEN if rules.kind == GOAL else 0
        return fixed if colour is None else checks.integer("mission_colour", colour, fixed, fixed)
    if target != NOWHERE:
        own = minigrid_triples[codes[target]][1]
        return own if colour is None else checks.integer("mission_colour", colour, own, own)
    return checks.integer("mission_colour", colour, 0, COLOURS - 1)
