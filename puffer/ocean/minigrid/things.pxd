# The levels of MiniGrid with things in one room, and a mission about one or two of them.
from libc.stdint cimport uint8_t

from puffer.ocean.minigrid.draft cimport (
    CLOSED_DOOR, COLOURS, DOOR, Draft, EMPTY, KEY, NUM_OBJS, Named, SIZE, State,
    draw_colours, draw_inside, fill, minigrid_cell, named, place_agent, place_agent_inside, wall,
)
from puffer.rng cimport rng_below

cdef enum:
    # Kinds of things, and of things in Fetch.
    SORTS = 3
    SORTS_TO_FETCH = 2
    PHRASES = 5
    MOST_THINGS = SORTS * COLOURS


cdef inline Named draw_thing(Draft* draft, int sorts) noexcept nogil:
    """A key, a ball, or of three sorts a box, of any colour."""
    cdef int kind = KEY + rng_below(draft.rng, sorts)
    return named(kind, rng_below(draft.rng, COLOURS))


cdef inline Named draw_new_thing(Draft* draft, int* seen) noexcept nogil:
    """A thing unlike those before; `seen` has a bit for each sort and colour."""
    cdef Named thing
    cdef int bit
    while True:
        thing = draw_thing(draft, SORTS)
        bit = 1 << ((thing.kind - KEY) * COLOURS + thing.colour)
        if not seen[0] & bit:
            seen[0] |= bit
            return thing


cdef inline void draw_fetch(Draft* draft) noexcept nogil:
    cdef State* state = draft.state
    cdef int count = draft.rules.values[NUM_OBJS], wanted = rng_below(draft.rng, count), k
    cdef Named thing
    for k in range(count):
        thing = draw_thing(draft, SORTS_TO_FETCH)
        draft.cells[draw_inside(draft)] = minigrid_cell(thing.kind, thing.colour)
        if k == wanted:
            state.first = thing
    place_agent_inside(draft)
    state.phrase = <uint8_t>rng_below(draft.rng, PHRASES)


cdef inline void draw_go_to_object(Draft* draft) noexcept nogil:
    cdef State* state = draft.state
    cdef int count = draft.rules.values[NUM_OBJS], wanted = rng_below(draft.rng, count), seen = 0, k, position
    cdef Named thing
    for k in range(count):
        thing = draw_new_thing(draft, &seen)
        position = draw_inside(draft)
        draft.cells[position] = minigrid_cell(thing.kind, thing.colour)
        if k == wanted:
            state.target, state.first = position, thing
    place_agent_inside(draft)


cdef inline void draw_go_to_door(Draft* draft) noexcept nogil:
    """A room of a random size in the corner, of which the rest of the grid is the empty outside."""
    cdef int size = draft.rules.values[SIZE], stride = draft.rules.stride, k
    cdef int width = 5 + rng_below(draft.rng, size - 4), height = 5 + rng_below(draft.rng, size - 4)
    cdef int[4] doors
    cdef int[COLOURS] colours
    fill(draft, 0, 0, size, size, EMPTY)
    wall(draft, 0, 0, width, height)
    doors[0] = (2 + rng_below(draft.rng, width - 4)) * stride
    doors[1] = (2 + rng_below(draft.rng, width - 4)) * stride + height - 1
    doors[2] = 2 + rng_below(draft.rng, height - 4)
    doors[3] = (width - 1) * stride + 2 + rng_below(draft.rng, height - 4)
    draw_colours(draft, colours)
    for k in range(4):
        draft.cells[doors[k]] = minigrid_cell(CLOSED_DOOR, colours[k])
    place_agent(draft, 0, 0, width, height)
    k = rng_below(draft.rng, 4)
    draft.state.target, draft.state.first = doors[k], named(DOOR, colours[k])


cdef inline void draw_put_near(Draft* draft) noexcept nogil:
    """Things of which no two are next to each other, one to move and one to bring it to."""
    cdef State* state = draft.state
    cdef int count = draft.rules.values[NUM_OBJS], seen = 0, k
    cdef int moved = rng_below(draft.rng, count), target = rng_below(draft.rng, count - 1)
    cdef int[MOST_THINGS] positions
    cdef Named thing
    target += target >= moved
    for k in range(count):
        thing = draw_new_thing(draft, &seen)
        positions[k] = draw_apart(draft, positions, k)
        draft.cells[positions[k]] = minigrid_cell(thing.kind, thing.colour)
        if k == moved:
            state.first = thing
        elif k == target:
            state.second, state.target = thing, positions[k]
    place_agent_inside(draft)


cdef inline int draw_apart(Draft* draft, const int* positions, int count) noexcept nogil:
    """A random empty cell that is none of the nine around any of these positions."""
    cdef int position, k, around
    cdef bint is_apart = False
    while not is_apart:
        position = draw_inside(draft)
        is_apart = True
        for k in range(count):
            for around in range(9):
                if position == positions[k] + draft.rules.around[around]:
                    is_apart = False
    return position
