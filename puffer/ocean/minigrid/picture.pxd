# Pictures of MiniGrid's levels, and the levels as text.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from puffer._core cimport Canvas
from puffer.ocean.minigrid.draft cimport (
    BALL, BOX, CELLS, CLOSED_DOOR, COLOUR, DOOR, EAST, EMPTY, FLOOR, GOAL, KEY, KEY_BOX, KIND, LAVA, LOCKED_DOOR,
    NORTH, Named, Rules, SOUTH, State, UNSEEN, VIEW, WALL, WEST, minigrid_cell, minigrid_seen, minigrid_triples,
)
from puffer.ocean.minigrid.forms cimport has_own_mission
from puffer.ocean.minigrid.views cimport look


cdef inline uint32_t paint(int cell) noexcept nogil:
    """The colour of a cell, 0xRRGGBB."""
    cdef uint32_t[8] paints = [0xE63946, 0x52B788, 0x4895EF, 0x9D4EDD, 0xF4D35E, 0x77839A, 0, 0]
    return paints[minigrid_triples[cell][1]]


cdef inline int cell_size(const Rules* rules) noexcept nogil:
    return max(8, min(32, 768 // max(rules.width, rules.height, 1)))


cdef inline void draw_picture(Canvas canvas, const Rules* rules, const State* state,
                              const uint8_t* grid) noexcept nogil:
    """Draw the grid, the agent's view of it on a lighter ground, and the agent with the object it carries.

    Where missions differ, what they name is in the corner, which is always a wall.
    """
    cdef uint64_t[8] columns
    # The picture may be that of a larger level, or of a longer one.
    cdef int size = min(cell_size(rules), min(canvas.width // rules.width, canvas.height // rules.height))
    cdef int stride = rules.stride, direction = state.direction
    cdef int agent_x = state.agent // stride, agent_y = state.agent % stride
    cdef int dx = (direction == EAST) - (direction == WEST), dy = (direction == SOUTH) - (direction == NORTH)
    cdef int k, x, y, ahead, right, cell
    canvas.clear(0x0B1118)
    for x in range(rules.width):
        for y in range(rules.height):
            draw_cell(canvas, size * x, size * y, size, grid[x * stride + y], False)
    look(rules, state, grid, columns)
    for k in range(CELLS):
        right, ahead = k // VIEW - VIEW // 2, VIEW - 1 - k % VIEW
        x, y = agent_x + ahead * dx - right * dy, agent_y + ahead * dy + right * dx
        cell = minigrid_seen(columns, k)
        if cell != UNSEEN and 0 <= x < rules.width and 0 <= y < rules.height:
            draw_cell(canvas, size * x, size * y, size, cell, True)
    if has_own_mission(rules):
        draw_named(canvas, 0, size, state.first)
        if state.second.kind:
            draw_named(canvas, size, size, state.second)
    draw_agent(canvas, size * (agent_x + 0.5), size * (agent_y + 0.5), 0.36 * size, dx, dy)
    if state.carried:
        canvas.disc(size * (agent_x + 0.72), size * (agent_y + 0.72), 0.3 * size, 0x0B1118)
        draw_thing(canvas, size * (agent_x + 0.47), size * (agent_y + 0.47), 0.5 * size, state.carried, 0x0B1118)


cdef inline void draw_named(Canvas canvas, double x, double size, Named thing) noexcept nogil:
    """What a mission names, in a cell of the wall at the top, on a ground that no other cell has."""
    cdef int cell = minigrid_cell(CLOSED_DOOR if thing.kind == DOOR else thing.kind, thing.colour)
    if thing.kind == DOOR:
        draw_door(canvas, x, 0, size, CLOSED_DOOR, paint(cell), 0xF4F1EA)
        return
    fill_square(canvas, x, 0, size, 0, 0xF4F1EA)
    draw_thing(canvas, x, 0, size, cell, 0xF4F1EA)


cdef inline void draw_cell(Canvas canvas, double x, double y, double size, int cell, bint is_seen) noexcept nogil:
    """One cell of the grid, with its top-left corner at these coordinates."""
    cdef int kind = cell & KIND
    cdef uint32_t ground = 0x2A3B4E if is_seen else 0x151F2B
    if kind == WALL:
        fill_square(canvas, x, y, size, 0, paint(cell) if is_seen else 0x4A5468)
        return
    fill_square(canvas, x, y, size, 0.02, ground)
    if kind == FLOOR:
        # At half the brightness, to look different from a goal.
        fill_square(canvas, x, y, size, 0.02, (paint(cell) & 0xFEFEFE) >> 1)
    elif kind == GOAL:
        fill_square(canvas, x, y, size, 0.1, paint(cell))
    elif kind == LAVA:
        draw_lava(canvas, x, y, size)
    elif kind == DOOR or kind == CLOSED_DOOR or kind == LOCKED_DOOR:
        draw_door(canvas, x, y, size, kind, paint(cell), ground)
    else:
        draw_thing(canvas, x, y, size, cell, ground)


cdef inline void fill_square(Canvas canvas, double x, double y, double size, double margin,
                             uint32_t colour) noexcept nogil:
    margin *= size
    canvas.rectangle(x + margin, y + margin, x + size - margin, y + size - margin, colour)


cdef inline void draw_lava(Canvas canvas, double x, double y, double size) noexcept nogil:
    cdef double height
    cdef int k
    fill_square(canvas, x, y, size, 0.02, 0xF3722C)
    for k in range(3):
        height = y + size * (0.28 + 0.22 * k)
        canvas.line(x + 0.15 * size, height + 0.08 * size, x + 0.5 * size, height - 0.04 * size, 0.07 * size, 0x7F1D1D)
        canvas.line(x + 0.5 * size, height - 0.04 * size, x + 0.85 * size, height + 0.08 * size, 0.07 * size, 0x7F1D1D)


cdef inline void draw_door(Canvas canvas, double x, double y, double size, int kind, uint32_t colour,
                           uint32_t ground) noexcept nogil:
    """Open, a frame; closed, a leaf with a knob; locked, a full leaf with a keyhole."""
    fill_square(canvas, x, y, size, 0, colour)
    if kind == LOCKED_DOOR:
        fill_square(canvas, x, y, size, 0.08, 0x0B1118)
        fill_square(canvas, x, y, size, 0.14, colour)
        canvas.disc(x + 0.5 * size, y + 0.42 * size, 0.11 * size, 0x0B1118)
        canvas.line(x + 0.5 * size, y + 0.42 * size, x + 0.5 * size, y + 0.68 * size, 0.1 * size, 0x0B1118)
        return
    fill_square(canvas, x, y, size, 0.1, ground)
    if kind == CLOSED_DOOR:
        fill_square(canvas, x, y, size, 0.2, colour)
        canvas.disc(x + 0.68 * size, y + 0.5 * size, 0.07 * size, 0x0B1118)


cdef inline void draw_thing(Canvas canvas, double x, double y, double size, int cell, uint32_t ground) noexcept nogil:
    """A key, a ball or a box; `ground` is the colour in the hole of the key and inside the box."""
    cdef int kind = cell & KIND
    cdef uint32_t colour = paint(cell)
    if kind == BALL:
        canvas.disc(x + 0.5 * size, y + 0.5 * size, 0.32 * size, colour)
    elif kind == BOX or kind == KEY_BOX:
        fill_square(canvas, x, y, size, 0.16, colour)
        fill_square(canvas, x, y, size, 0.26, ground)
        canvas.line(x + 0.3 * size, y + 0.5 * size, x + 0.7 * size, y + 0.5 * size, 0.08 * size, colour)
    elif kind == KEY:
        canvas.line(x + 0.5 * size, y + 0.3 * size, x + 0.5 * size, y + 0.82 * size, 0.12 * size, colour)
        canvas.line(x + 0.5 * size, y + 0.8 * size, x + 0.68 * size, y + 0.8 * size, 0.1 * size, colour)
        canvas.line(x + 0.5 * size, y + 0.62 * size, x + 0.64 * size, y + 0.62 * size, 0.1 * size, colour)
        canvas.disc(x + 0.5 * size, y + 0.28 * size, 0.19 * size, colour)
        canvas.disc(x + 0.5 * size, y + 0.28 * size, 0.08 * size, ground)


cdef inline void draw_agent(Canvas canvas, double x, double y, double reach, int dx, int dy) noexcept nogil:
    """A triangle around this centre that points the way (dx, dy)."""
    cdef double[6] corners
    corners[0], corners[1] = x + reach * dx, y + reach * dy
    corners[2], corners[3] = x - reach * (dx - 0.85 * dy), y - reach * (dy + 0.85 * dx)
    corners[4], corners[5] = x - reach * (dx + 0.85 * dy), y - reach * (dy - 0.85 * dx)
    canvas.polygon(corners, 3, 0xF4F1EA)


cdef inline str write_level(const Rules* rules, const State* state, const uint8_t* grid):
    """The level as the package prints it, two characters a cell."""
    rows = []
    for y in range(rules.height):
        row = [write_cell(grid[x * rules.stride + y]) for x in range(rules.width)]
        if y == state.agent % rules.stride:
            row[state.agent // rules.stride] = (">>", "VV", "<<", "^^")[state.direction]
        rows.append("".join(row))
    return "\n".join(rows)


cdef inline str write_cell(int cell):
    cdef int kind = cell & KIND
    if kind == EMPTY:
        return "  "
    if kind == DOOR:
        return "__"
    # A locked door is an L; a box with a key in it is grey.
    return "  WF_KABGV_DLB"[kind] + ("G" if kind == KEY_BOX else "RGBPYG"[cell >> COLOUR & 7])
