# The obstructed mazes of MiniGrid: locked doors, with balls in the way and keys in boxes.
from puffer.ocean.minigrid.draft cimport (
    AGENT_ROOM, BALL, BLOCKED, BLUE, CLOSED_DOOR, COLOURS, Draft, GREEN, KEY, KEY_BOX, KEY_IN_BOX, LARGE_MAZE,
    LOCKED_DOOR, NUM_QUARTERS, Rules, draw_colours, minigrid_cell, towards,
)
from puffer.ocean.minigrid.rooms cimport build_rooms, draw_in_room, draw_start_in_room, draw_wall_cell
from puffer.rng cimport rng_below


cdef inline void draw_locked_door(Draft* draft, int column, int row, int side, int colour) noexcept nogil:
    """Draw a locked door in a wall of a room, and a ball before it if it is blocked, whatever lies there."""
    cdef const Rules* rules = draft.rules
    cdef int door = draw_wall_cell(draft, column, row, side)
    draft.cells[door] = minigrid_cell(LOCKED_DOOR, colour)
    if rules.values[BLOCKED]:
        draft.cells[door - towards(side, rules.stride)] = minigrid_cell(BALL, GREEN)


cdef inline void draw_key(Draft* draft, int column, int row, int colour) noexcept nogil:
    draw_in_room(draft, column, row, KEY_BOX if draft.rules.values[KEY_IN_BOX] else KEY, colour)


cdef inline void draw_small_maze(Draft* draft) noexcept nogil:
    """Two rooms with a door between them."""
    cdef int colour = rng_below(draft.rng, COLOURS)
    build_rooms(draft)
    draw_locked_door(draft, 0, 0, 0, colour)
    draw_key(draft, 0, 0, colour)
    draft.state.target = draw_in_room(draft, 1, 0, BALL, BLUE)
    draw_start_in_room(draft, 0, 0)


cdef inline void draw_large_maze(Draft* draft) noexcept nogil:
    """Nine rooms. In each quarter, a door from the middle to a side room, and locked ones from there to the corners."""
    cdef const Rules* rules = draft.rules
    # The columns of the side rooms, and of the corners; the rows are those of the next but two, and the next.
    cdef int[4] columns = [2, 1, 0, 1], rows = [1, 2, 1, 0]
    cdef int[4] corner_columns = [2, 2, 0, 0], corner_rows = [0, 2, 2, 0]
    cdef int[COLOURS] colours
    cdef int quarter, k, corner
    build_rooms(draft)
    draw_colours(draft, colours)
    for quarter in range(rules.values[NUM_QUARTERS]):
        draft.cells[draw_wall_cell(draft, 1, 1, quarter)] = minigrid_cell(CLOSED_DOOR, colours[quarter])
        for k in range(-1, 2, 2):
            draw_locked_door(draft, columns[quarter], rows[quarter], (quarter + k) & 3,
                             colours[(quarter + k + COLOURS) % COLOURS])
            # In the first version, the ball before the second door may replace the key of the first one.
            if rules.level == LARGE_MAZE:
                draw_key(draft, columns[quarter], rows[quarter], colours[(quarter + k + COLOURS) % COLOURS])
        for k in range(-1, 2, 2):
            if rules.level != LARGE_MAZE:
                draw_key(draft, columns[quarter], rows[quarter], colours[(quarter + k + COLOURS) % COLOURS])
    corner = rng_below(draft.rng, rules.values[NUM_QUARTERS])
    draft.state.target = draw_in_room(draft, corner_columns[corner], corner_rows[corner], BALL, BLUE)
    draw_start_in_room(draft, rules.values[AGENT_ROOM] // 3, rules.values[AGENT_ROOM] % 3)
