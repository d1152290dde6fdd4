# The levels of MiniGrid, drawn from the same distribution as in the package, with other random numbers.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer.ocean.minigrid.chain cimport draw_multi_room
from puffer.ocean.minigrid.draft cimport (
    BALL, BLUE, DOOR_KEY, DYNAMIC_OBSTACLES, Draft, EMPTY, EMPTY_ROOM, FOUR_ROOMS, GOAL, GREEN, KEY, KEY_CORRIDOR, LAVA,
    LAVA_GAP, LOCKED_DOOR, MULTI_ROOM, NOWHERE, OUTER_WALL, RED, Rules, State, YELLOW, corner, draw_position, fill,
    first_cell, minigrid_cell, place_agent, set_goal, set_start,
)
from puffer.ocean.minigrid.rooms cimport draw_key_corridor, draw_unlock
from puffer.rng cimport rng_below, rng_t


# ---- One room ----

cdef inline void draw_empty(Draft* draft) noexcept nogil:
    set_goal(draft, corner(draft.rules))
    if draft.rules.random_start:
        place_agent(draft, 1, 1, draft.rules.width - 2, draft.rules.height - 2)
    else:
        set_start(draft)


cdef inline void draw_door_key(Draft* draft) noexcept nogil:
    cdef int size = draft.rules.width, split = 2 + rng_below(draft.rng, size - 4)
    set_goal(draft, corner(draft.rules))
    fill(draft, split, 1, 1, size - 2, OUTER_WALL)
    place_agent(draft, 1, 1, split - 1, size - 2)
    # As in the package, the door is never in the last row.
    draft.cells[split * draft.rules.stride + 1 + rng_below(draft.rng, size - 3)] = minigrid_cell(LOCKED_DOOR, YELLOW)
    draft.cells[draw_position(draft, 1, 1, split - 1, size - 2, 1)] = minigrid_cell(KEY, YELLOW)


cdef inline void draw_four_rooms(Draft* draft) noexcept nogil:
    cdef int stride = draft.rules.stride, size = draft.rules.width, middle = size // 2, k
    fill(draft, middle, 1, 1, size - 2, OUTER_WALL)
    fill(draft, 1, middle, size - 2, 1, OUTER_WALL)
    for k in range(2):
        draft.cells[middle * stride + k * middle + 1 + rng_below(draft.rng, middle - 1)] = EMPTY
        draft.cells[(k * middle + 1 + rng_below(draft.rng, middle - 1)) * stride + middle] = EMPTY
    place_agent(draft, 1, 1, size - 2, size - 2)
    set_goal(draft, draw_position(draft, 1, 1, size - 2, size - 2, 1))


cdef inline void draw_lava_gap(Draft* draft) noexcept nogil:
    cdef int size = draft.rules.width, column = 2 + rng_below(draft.rng, size - 4)
    set_goal(draft, corner(draft.rules))
    fill(draft, column, 1, 1, size - 2, minigrid_cell(LAVA, RED))
    draft.cells[column * draft.rules.stride + 1 + rng_below(draft.rng, size - 2)] = EMPTY
    set_start(draft)


cdef inline void draw_obstacles(Draft* draft, int32_t* obstacles) noexcept nogil:
    cdef int k
    draw_empty(draft)
    for k in range(draft.rules.obstacles):
        obstacles[k] = draw_position(draft, 1, 1, draft.rules.width - 2, draft.rules.height - 2, 1)
        draft.cells[obstacles[k]] = minigrid_cell(BALL, BLUE)


# ---- All ----

cdef inline void draw_level(const Rules* rules, State* state, uint8_t* cells, int32_t* obstacles,
                            rng_t* rng) noexcept nogil:
    """Draw a new level. `cells` begins with the border."""
    cdef Draft draft = Draft(rules=rules, state=state, cells=cells + first_cell(rules), rng=rng)
    memset(cells, OUTER_WALL, rules.cell_count)
    fill(&draft, 1, 1, rules.width - 2, rules.height - 2, EMPTY)
    state.agent = state.target = NOWHERE
    state.carried = 0
    state.mission_kind = <uint8_t>rules.kind
    state.mission_colour = GREEN if rules.kind == GOAL else 0
    state.has_changed = True
    if rules.level == EMPTY_ROOM:
        draw_empty(&draft)
    elif rules.level == DOOR_KEY:
        draw_door_key(&draft)
    elif rules.level == FOUR_ROOMS:
        draw_four_rooms(&draft)
    elif rules.level == KEY_CORRIDOR:
        draw_key_corridor(&draft)
    elif rules.level == LAVA_GAP:
        draw_lava_gap(&draft)
    elif rules.level == MULTI_ROOM:
        draw_multi_room(&draft)
    elif rules.level == DYNAMIC_OBSTACLES:
        draw_obstacles(&draft, obstacles)
    else:
        draw_unlock(&draft)
