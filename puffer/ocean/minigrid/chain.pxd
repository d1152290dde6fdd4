# The level MultiRoom of MiniGrid: a chain of rooms, each behind a door of the previous one.
from puffer.ocean.minigrid.draft cimport (
    CLOSED_DOOR, COLOURS, Draft, EAST, EMPTY, MAX_ROOMS, MAX_ROOM_SIZE, MIN_ROOMS, OUTER_WALL, Rules, SOUTH, WEST,
    draw_position, fill, minigrid_cell, place_agent, set_goal,
)
from puffer.rng cimport rng_below, rng_t

cdef enum:
    MOST_ROOMS = 8
    SMALLEST_ROOM = 4

cdef struct Room:
    int left, top, width, height
    # The door from the previous room, and the side it is on.
    int door, side


cdef inline void draw_exit(rng_t* rng, const Room* room, int stride, Room* following) noexcept nogil:
    """Draw a door out of a room, in a wall other than that of the door into it."""
    cdef int side = (room.side + 1 + rng_below(rng, 3)) & 3, x = room.left, y = room.top
    if side & 1:
        x += 1 + rng_below(rng, room.width - 2)
        y += room.height - 1 if side == SOUTH else 0
    else:
        x += room.width - 1 if side == EAST else 0
        y += 1 + rng_below(rng, room.height - 2)
    following.side = side ^ 2
    following.door = x * stride + y


cdef inline void draw_room(Draft* draft, Room* room) noexcept nogil:
    """Draw the size of a room, and its position around its door."""
    cdef int sizes = draft.rules.values[MAX_ROOM_SIZE] - SMALLEST_ROOM + 1
    cdef int x = room.door // draft.rules.stride, y = room.door % draft.rules.stride
    room.width = SMALLEST_ROOM + rng_below(draft.rng, sizes)
    room.height = SMALLEST_ROOM + rng_below(draft.rng, sizes)
    room.left = x - room.width + 1 if room.side == EAST else x
    room.top = y - room.height + 1 if room.side == SOUTH else y
    if room.side & 1:
        room.left = x - room.width + 2 + rng_below(draft.rng, room.width - 2)
    else:
        room.top = y - room.height + 2 + rng_below(draft.rng, room.height - 2)


cdef inline bint fits(const Rules* rules, const Room* rooms, int count) noexcept nogil:
    """Whether the room after the first `count` lies in the grid, apart from all of them but the last."""
    cdef const Room* room = &rooms[count]
    cdef const Room* other
    cdef int k
    # As in the package, the comparison on the right is not strict, nor are those among rooms.
    if room.left < 0 or room.top < 0 or room.left + room.width > rules.width or room.top + room.height >= rules.height:
        return False
    for k in range(count - 1):
        other = &rooms[k]
        if not (room.left + room.width < other.left or other.left + other.width <= room.left
                or room.top + room.height < other.top or other.top + other.height <= room.top):
            return False
    return True


cdef inline bint draw_chain(Draft* draft, Room* rooms, int wanted) noexcept nogil:
    """Draw a chain of rooms; returns whether all of them found room."""
    cdef const Rules* rules = draft.rules
    cdef int count
    rooms[0].side = WEST
    rooms[0].door = rng_below(draft.rng, rules.width - 2) * rules.stride + rng_below(draft.rng, rules.width - 2)
    draw_room(draft, &rooms[0])
    # The first room has no door into it; its corner is there instead.
    rooms[0].top = rooms[0].door % rules.stride
    if not fits(rules, rooms, 0):
        return False
    for count in range(1, wanted):
        for _ in range(8):
            draw_exit(draft.rng, &rooms[count - 1], rules.stride, &rooms[count])
            draw_room(draft, &rooms[count])
            if fits(rules, rooms, count):
                break
        else:
            return False
    return True


cdef inline void draw_multi_room(Draft* draft) noexcept nogil:
    cdef const Rules* rules = draft.rules
    cdef Room[MOST_ROOMS] rooms
    cdef const Room* room = rooms
    cdef int wanted = rules.values[MIN_ROOMS]
    cdef int colour = 0, k
    wanted += rng_below(draft.rng, rules.values[MAX_ROOMS] - wanted + 1)
    # With MOST_ROOMS rooms of the largest size, one chain in twelve fits the grid.
    while not draw_chain(draft, rooms, wanted):
        pass
    fill(draft, 0, 0, rules.width, rules.height, EMPTY)
    for k in range(wanted):
        room = &rooms[k]
        fill(draft, room.left, room.top, room.width, room.height, OUTER_WALL)
        fill(draft, room.left + 1, room.top + 1, room.width - 2, room.height - 2, EMPTY)
        if k > 0:
            # Never the colour of the previous door.
            if k == 1:
                colour = rng_below(draft.rng, COLOURS)
            else:
                colour = (colour + 1 + rng_below(draft.rng, COLOURS - 1)) % COLOURS
            draft.cells[room.door] = minigrid_cell(CLOSED_DOOR, colour)
    place_agent(draft, rooms[0].left, rooms[0].top, rooms[0].width, rooms[0].height)
    set_goal(draft, draw_position(draft, room.left, room.top, room.width, room.height, 1))
