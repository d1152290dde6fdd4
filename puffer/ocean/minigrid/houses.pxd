# The levels of MiniGrid with rooms that always lie in the same places.
from puffer.ocean.minigrid.draft cimport (
    BALL, BLUE, CLOSED_DOOR, COLOURS, DOOR, Draft, EAST, GREEN, KEY, LOCKED_DOOR, Named, OUTER_WALL, RANDOM_LENGTH,
    RED, SIZE, State, draw_colours, draw_inside, fill, minigrid_cell, named, place_agent, place_agent_inside, put,
    set_goal, wall,
)
from puffer.ocean.minigrid.things cimport SORTS, draw_thing
from puffer.rng cimport rng_below

cdef enum:
    # Rooms of LockedRoom, and things in Playground.
    ROOMS = 6
    THINGS = 12


cdef inline int draw_in_side_room(Draft* draft, int room) noexcept nogil:
    """A random cell of a room of LockedRoom: three on the left, three on the right."""
    cdef int left = 1 if room < ROOMS // 2 else 12, top = room % (ROOMS // 2) * 6 + 1
    return (left + rng_below(draft.rng, 6)) * draft.rules.stride + top + rng_below(draft.rng, 5)


cdef inline void draw_locked_room(Draft* draft) noexcept nogil:
    """Rooms on both sides of a hallway. The goal is in one that is locked, its key in another one."""
    cdef int locked = rng_below(draft.rng, ROOMS), other = (locked + 1 + rng_below(draft.rng, ROOMS - 1)) % ROOMS
    cdef int height = draft.rules.height, k
    cdef int[COLOURS] colours
    for k in range(1, 3):
        fill(draft, 1, 6 * k, 6, 1, OUTER_WALL)
        fill(draft, 12, 6 * k, 6, 1, OUTER_WALL)
    fill(draft, 7, 0, 1, height, OUTER_WALL)
    fill(draft, 11, 0, 1, height, OUTER_WALL)
    set_goal(draft, draw_in_side_room(draft, locked))
    draw_colours(draft, colours)
    for k in range(ROOMS):
        put(draft, 7 if k < ROOMS // 2 else 11, k % (ROOMS // 2) * 6 + 3,
            LOCKED_DOOR if k == locked else CLOSED_DOOR, colours[k])
    draft.cells[draw_in_side_room(draft, other)] = minigrid_cell(KEY, colours[locked])
    place_agent(draft, 8, 1, 3, height - 2)
    draft.state.first, draft.state.second = named(KEY, colours[locked]), named(DOOR, colours[other])


cdef inline void draw_memory(Draft* draft) noexcept nogil:
    """A room with a thing in it, and a hallway that ends between one like it and another one."""
    cdef State* state = draft.state
    cdef int size = draft.rules.width, middle = size // 2, stride = draft.rules.stride
    cdef int end = 4 + rng_below(draft.rng, size - 6) if draft.rules.values[RANDOM_LENGTH] else size - 3
    cdef bint has_key, key_is_above
    fill(draft, 1, middle - 2, 4, 1, OUTER_WALL)
    fill(draft, 1, middle + 2, 4, 1, OUTER_WALL)
    fill(draft, 4, middle - 1, max(end - 4, 1), 1, OUTER_WALL)
    fill(draft, 4, middle + 1, max(end - 4, 1), 1, OUTER_WALL)
    fill(draft, end, 1, 1, middle - 1, OUTER_WALL)
    fill(draft, end, middle + 1, 1, middle - 1, OUTER_WALL)
    fill(draft, end + 2, 0, 1, size, OUTER_WALL)
    state.agent, state.direction = (1 + rng_below(draft.rng, end)) * stride + middle, EAST
    has_key, key_is_above = rng_below(draft.rng, 2), rng_below(draft.rng, 2)
    put(draft, 1, middle - 1, KEY if has_key else BALL, GREEN)
    put(draft, end + 1, middle - 2, KEY if key_is_above else BALL, GREEN)
    put(draft, end + 1, middle + 2, BALL if key_is_above else KEY, GREEN)
    # The places in front of both.
    state.target = state.other = (end + 1) * stride + middle
    state.target += -1 if has_key == key_is_above else 1
    state.other += 1 if has_key == key_is_above else -1


cdef inline void draw_playground(Draft* draft) noexcept nogil:
    """Nine rooms with doors between them, and things anywhere."""
    cdef int column, row
    cdef Named thing
    for row in range(3):
        for column in range(3):
            if column < 2:
                fill(draft, 6 * column + 6, 6 * row, 1, 6, OUTER_WALL)
                put(draft, 6 * column + 6, 6 * row + 1 + rng_below(draft.rng, 4), CLOSED_DOOR,
                    rng_below(draft.rng, COLOURS))
            if row < 2:
                fill(draft, 6 * column, 6 * row + 6, 6, 1, OUTER_WALL)
                put(draft, 6 * column + 1 + rng_below(draft.rng, 4), 6 * row + 6, CLOSED_DOOR,
                    rng_below(draft.rng, COLOURS))
    place_agent_inside(draft)
    for _ in range(THINGS):
        thing = draw_thing(draft, SORTS)
        draft.cells[draw_inside(draft)] = minigrid_cell(thing.kind, thing.colour)


cdef inline void draw_red_blue_doors(Draft* draft) noexcept nogil:
    """A room in the middle, with a red door on the left and a blue one on the right."""
    cdef State* state = draft.state
    cdef int size = draft.rules.values[SIZE], stride = draft.rules.stride, left = size // 2
    wall(draft, left, 0, size, size)
    place_agent(draft, left, 0, size, size)
    state.other = left * stride + 1 + rng_below(draft.rng, size - 2)
    state.target = (left + size - 1) * stride + 1 + rng_below(draft.rng, size - 2)
    draft.cells[state.other] = minigrid_cell(CLOSED_DOOR, RED)
    draft.cells[state.target] = minigrid_cell(CLOSED_DOOR, BLUE)
    state.second = named(DOOR, BLUE)
