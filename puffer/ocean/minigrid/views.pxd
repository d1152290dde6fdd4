# What the rows of Minigrid show: the agent's view or the whole grid, as numbers or as a picture.
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from puffer.ocean.minigrid.draft cimport (
    AGENT, CELLS, COLOURS, EMPTY, LAVA, RED, Rules, State, UNSEEN, VIEW, minigrid_seen, minigrid_triples,
    minigrid_view,
)

cdef enum view_t:
    PARTIAL, FULL, ONE_HOT, SYMBOLIC, RGB_PARTIAL, RGB_FULL

cdef enum:
    # One-hot numbers of a cell: kinds with that of the agent, colours, states of a door.
    KINDS = AGENT + 1
    BITS = KINDS + COLOURS + 3
    # The cell of the agent in its view.
    OWN = VIEW // 2 * VIEW + VIEW - 1

# Pictures of cells, `side` pixels wide and high: their numbers by code, agent and light, and their pixels.
cdef struct Tiles:
    const int32_t* numbers
    const uint8_t* pixels
    int side


cdef inline bint shows_all(int view) noexcept nogil:
    """Whether a view is of the whole grid, so that its size depends on the level."""
    return view == FULL or view == SYMBOLIC or view == RGB_FULL


cdef inline void look(const Rules* rules, const State* state, const uint8_t* grid, uint64_t* columns) noexcept nogil:
    """The cells that the agent sees."""
    minigrid_view(grid, rules.size, state.agent, rules.steps[(state.direction + 1) & 3], rules.steps[state.direction],
                  rules.sees_all, columns)


cdef inline int own_cell(const State* state) noexcept nogil:
    """What the view shows where the agent is."""
    return state.carried if state.carried else EMPTY


cdef inline void write_view(int view, const Rules* rules, const State* state, const uint8_t* grid, Tiles tiles,
                            uint8_t* image) noexcept nogil:
    """Write an image other than PARTIAL, and up to one byte more."""
    cdef uint64_t[8] columns
    if view == FULL:
        write_full(rules, state, grid, image)
    elif view == SYMBOLIC:
        write_symbols(rules, state, grid, image)
    else:
        look(rules, state, grid, columns)
        if view == ONE_HOT:
            write_one_hot(state, columns, image)
        elif view == RGB_PARTIAL:
            paint_view(state, columns, tiles, image)
        else:
            paint_grid(rules, state, grid, columns, tiles, image)


# ---- Numbers ----

cdef inline void write_full(const Rules* rules, const State* state, const uint8_t* grid,
                            uint8_t* image) noexcept nogil:
    cdef uint8_t* own = image + 3 * (state.agent // rules.stride * rules.height + state.agent % rules.stride)
    cdef int x, y
    for x in range(rules.width):
        for y in range(rules.height):
            memcpy(image, minigrid_triples[grid[x * rules.stride + y]], 4)
            image += 3
    own[0], own[1], own[2] = AGENT, RED, state.direction


cdef inline void write_symbols(const Rules* rules, const State* state, const uint8_t* grid,
                               uint8_t* image) noexcept nogil:
    cdef int x, y, position, kind
    for x in range(rules.width):
        for y in range(rules.height):
            position = x * rules.stride + y
            kind = minigrid_triples[grid[position]][0]
            if position == state.agent:
                kind = AGENT
            image[0], image[1] = <uint8_t>x, <uint8_t>y
            image[2] = <uint8_t>(-1 if kind == EMPTY else kind)
            image += 3


cdef inline void write_one_hot(const State* state, const uint64_t* columns, uint8_t* image) noexcept nogil:
    cdef const uint8_t* triple
    cdef int k
    memset(image, 0, CELLS * BITS)
    for k in range(CELLS):
        triple = minigrid_triples[own_cell(state) if k == OWN else minigrid_seen(columns, k)]
        image[triple[0]] = image[KINDS + triple[1]] = image[KINDS + COLOURS + triple[2]] = 1
        image += BITS


# ---- Pictures ----

cdef inline void paint(Tiles tiles, int cell, int agent, bint is_lit, uint8_t* image, Py_ssize_t line) noexcept nogil:
    """Copy the picture of a cell to where its first pixel is; a line of the image has so many bytes."""
    cdef Py_ssize_t width = 3 * tiles.side
    cdef const uint8_t* pixels = tiles.pixels + tiles.numbers[(5 * cell + agent) * 2 + is_lit] * width * tiles.side
    cdef int k
    for k in range(tiles.side):
        memcpy(image + k * line, pixels + k * width, width)


cdef inline void paint_view(const State* state, const uint64_t* columns, Tiles tiles, uint8_t* image) noexcept nogil:
    cdef Py_ssize_t line = 3 * VIEW * tiles.side
    cdef int k, cell
    for k in range(CELLS):
        cell = own_cell(state) if k == OWN else minigrid_seen(columns, k)
        # The agent looks up.
        paint(tiles, cell, 4 if k == OWN else 0, cell != UNSEEN,
              image + k % VIEW * tiles.side * line + k // VIEW * 3 * tiles.side, line)


cdef inline void paint_grid(const Rules* rules, const State* state, const uint8_t* grid, const uint64_t* columns,
                            Tiles tiles, uint8_t* image) noexcept nogil:
    """The whole grid, with light on what the agent sees."""
    cdef Py_ssize_t line = 3 * rules.width * tiles.side, across = 3 * tiles.side, down = tiles.side * line
    cdef int right = rules.steps[(state.direction + 1) & 3], ahead = rules.steps[state.direction], x, y, k
    cdef int32_t position
    for x in range(rules.width):
        for y in range(rules.height):
            paint(tiles, grid[x * rules.stride + y], 0, False, image + y * down + x * across, line)
    for k in range(CELLS):
        position = state.agent + (k // VIEW - VIEW // 2) * right + (VIEW - 1 - k % VIEW) * ahead
        x, y = position // rules.stride, position % rules.stride
        if minigrid_seen(columns, k) != UNSEEN and 0 <= position < rules.size and y < rules.height:
            paint(tiles, grid[position], 1 + state.direction if k == OWN else 0, True, image + y * down + x * across,
                  line)


# ---- Spaces ----

cdef inline tuple view_names():
    """The names of views, in the order of view_t."""
    return "partial", "full", "one_hot", "symbolic", "rgb_partial", "rgb_full"


cdef inline object image_space(int view, const Rules* rules, int side):
    """The Box of an image."""
    import numpy as np
    from gymnasium import spaces
    cdef int width = rules.width if shows_all(view) else VIEW, height = rules.height if shows_all(view) else VIEW
    if view == RGB_PARTIAL or view == RGB_FULL:
        return spaces.Box(0, 255, (height * side, width * side, 3), np.uint8)
    if view == ONE_HOT:
        return spaces.Box(0, 1, (width, height, BITS), np.uint8)
    shape = width, height, 3
    if view == SYMBOLIC:
        return spaces.Box(np.broadcast_to(np.int8([0, 0, -1]), shape),
                          np.broadcast_to(np.int8([width - 1, height - 1, AGENT]), shape), dtype=np.int8)
    high = np.uint8([AGENT, COLOURS - 1, 3] if view == FULL else [LAVA, COLOURS - 1, 2])
    return spaces.Box(np.zeros(shape, np.uint8), np.broadcast_to(high, shape), dtype=np.uint8)


cdef inline object row_space(int view, object image, list last):
    """The space of rows that end with a direction and a mission with these upper bounds."""
    from collections import OrderedDict
    import numpy as np
    from gymnasium import spaces
    if view == PARTIAL:
        high = np.concatenate([image.high.ravel(), np.array(last, np.uint8)])
        return spaces.Box(np.zeros_like(high), high, dtype=np.uint8)
    mission = np.array(last[1:], image.dtype)
    return spaces.Dict(OrderedDict(
        image=image, direction=spaces.Box(0, 3, (), image.dtype),
        mission=spaces.Box(np.zeros_like(mission), mission, dtype=image.dtype)))
