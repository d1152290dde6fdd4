# The levels of MiniGrid with rows and columns of rooms, drawn as the package's RoomGrid draws them.
from libc.stdint cimport uint8_t

from puffer.ocean.minigrid.draft cimport (
    BALL, BLOCKED_UNLOCK_PICKUP, BOX, CLOSED_DOOR, COLOURS, Draft, EMPTY, KEY, KIND, LOCKED_DOOR, NORTH,
    OUTER_WALL, State, UNLOCK, WALL, WEST, draw_position, fill, in_front, minigrid_cell, place_agent,
)
from puffer.rng cimport rng_below

cdef enum:
    MOST_ROWS = 8


# ---- Rows and columns of rooms ----

cdef inline int draw_in_room(Draft* draft, int column, int row, int kind, int colour) noexcept nogil:
    """Put an object into a room, not next to the agent; returns its position."""
    cdef int size = draft.rules.room_size
    cdef int position = draw_position(draft, column * (size - 1) + 1, row * (size - 1) + 1, size - 2, size - 2, 2)
    draft.cells[position] = minigrid_cell(kind, colour)
    return position


cdef inline void draw_start_in_room(Draft* draft, int column, int row) noexcept nogil:
    """Put the agent into a room, or where its wall was removed, with an empty cell or a wall in front of it."""
    cdef int size = draft.rules.room_size, kind = BOX
    while kind != EMPTY and kind != WALL:
        place_agent(draft, column * (size - 1), row * (size - 1), size, size)
        kind = draft.cells[in_front(draft.rules, draft.state)] & KIND


cdef inline void build_rooms(Draft* draft) noexcept nogil:
    cdef int size = draft.rules.room_size, columns = draft.rules.columns, column, row
    fill(draft, 0, 0, draft.rules.width, draft.rules.height, OUTER_WALL)
    for column in range(columns):
        for row in range(draft.rules.rows):
            fill(draft, column * (size - 1) + 1, row * (size - 1) + 1, size - 2, size - 2, EMPTY)
    # Until the agent is placed, it is in the middle of the grid, and objects keep away from there.
    draft.state.agent = (columns // 2 * (size - 1) + size // 2) * draft.rules.stride
    draft.state.agent += draft.rules.rows // 2 * (size - 1) + size // 2


cdef inline int draw_doorway(Draft* draft, int column, int row, bint below) noexcept nogil:
    """A random cell of the wall to the right of a room, or of the one below it."""
    cdef int size = draft.rules.room_size, along = 1 + rng_below(draft.rng, size - 2)
    cdef int x = column * (size - 1) + (along if below else size - 1)
    cdef int y = row * (size - 1) + (size - 1 if below else along)
    return x * draft.rules.stride + y


cdef inline int draw_wall_cell(Draft* draft, int column, int row, int side) noexcept nogil:
    """A random cell of any of the four walls of a room."""
    return draw_doorway(draft, column - (side == WEST), row - (side == NORTH), side & 1)


cdef inline void draw_unlock(Draft* draft) noexcept nogil:
    cdef State* state = draft.state
    cdef int colour = rng_below(draft.rng, COLOURS), door
    build_rooms(draft)
    if draft.rules.level != UNLOCK:
        state.first.colour = <uint8_t>rng_below(draft.rng, COLOURS)
        state.target = draw_in_room(draft, 1, 0, BOX, state.first.colour)
    door = draw_doorway(draft, 0, 0, False)
    draft.cells[door] = minigrid_cell(LOCKED_DOOR, colour)
    if draft.rules.level == BLOCKED_UNLOCK_PICKUP:
        draft.cells[door - draft.rules.stride] = minigrid_cell(BALL, rng_below(draft.rng, COLOURS))
    if draft.rules.level == UNLOCK:
        state.target = door
    draw_in_room(draft, 0, 0, KEY, colour)
    draw_start_in_room(draft, 0, 0)


cdef inline void draw_key_corridor(Draft* draft) noexcept nogil:
    cdef State* state = draft.state
    cdef int rows = draft.rules.rows, size = draft.rules.room_size
    cdef int colour = rng_below(draft.rng, COLOURS), locked = rng_below(draft.rng, rows)
    build_rooms(draft)
    fill(draft, size, 1, size - 2, draft.rules.height - 2, EMPTY)
    draft.cells[draw_doorway(draft, 1, locked, False)] = minigrid_cell(LOCKED_DOOR, colour)
    state.first.colour = <uint8_t>rng_below(draft.rng, COLOURS)
    state.target = draw_in_room(draft, 2, locked, draft.rules.kind, state.first.colour)
    draw_in_room(draft, 0, rng_below(draft.rng, rows), KEY, colour)
    draw_start_in_room(draft, 1, rows // 2)
    connect_rooms(draft, locked)


cdef inline void connect_rooms(Draft* draft, int locked) noexcept nogil:
    """Add doors at random until all rooms can be reached. The locked room, on the right, gets no other door."""
    cdef int rows = draft.rules.rows, column, row, room, other, wall, position
    cdef bint is_below
    # A bit for each room, column by column.
    cdef int one_column = (1 << rows) - 1, reached = 0
    cdef int[3 * MOST_ROWS] links
    for room in range(3 * rows):
        # The corridor is one room.
        links[room] = one_column << rows if room // rows == 1 else 1 << room
    links[rows] |= 1 << (2 * rows + locked)
    while True:
        reached = spread(links, one_column << rows)
        if reached == (1 << 3 * rows) - 1:
            return
        # The walls to the right of a room, then those below.
        wall = rng_below(draft.rng, 5 * rows - 3)
        is_below = wall >= 2 * rows
        room, other = wall, wall + rows
        if is_below:
            wall -= 2 * rows
            room = wall // (rows - 1) * rows + wall % (rows - 1)
            other = room + 1
        column, row = room // rows, room % rows
        if links[room] >> other & 1 or room == 2 * rows + locked or other == 2 * rows + locked:
            continue
        links[room] |= 1 << other
        links[other] |= 1 << room
        position = draw_doorway(draft, column, row, is_below)
        draft.cells[position] = minigrid_cell(CLOSED_DOOR, rng_below(draft.rng, COLOURS))


cdef inline int spread(const int* links, int reached) noexcept nogil:
    """The rooms that can be reached from these. links[k] has room k and the rooms with a door to it, as bits."""
    cdef int before = 0, room
    while reached != before:
        before = reached
        for room in range(3 * MOST_ROWS):
            if before >> room & 1:
                reached |= links[room]
    return reached
