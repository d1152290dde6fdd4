# The levels of MiniGrid, drawn from the same distribution as in the package, with other random numbers.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer.ocean.minigrid.chain cimport draw_multi_room
from puffer.ocean.minigrid.crossings cimport draw_crossing, draw_dist_shift
from puffer.ocean.minigrid.draft cimport (
    BALL, BLUE, CROSSING, DIST_SHIFT, DOOR_KEY, DYNAMIC_OBSTACLES, Draft, EMPTY, EMPTY_ROOM, FETCH, FOUR_ROOMS,
    GO_TO_DOOR, GO_TO_OBJECT, KEY, KEY_CORRIDOR, LARGE_MAZE, LARGE_MAZE_V1, LAVA, LAVA_GAP, LOCKED_DOOR, LOCKED_ROOM,
    MEMORY, MULTI_ROOM, NOWHERE, OUTER_WALL, PLAYGROUND, PUT_NEAR, RANDOM_START, RED, RED_BLUE_DOORS, Rules,
    SMALL_MAZE, State, YELLOW, corner, draw_inside, draw_position, fill, first_cell, minigrid_cell, named, place_agent,
    place_agent_inside, set_goal, set_start,
)
from puffer.ocean.minigrid.houses cimport draw_locked_room, draw_memory, draw_playground, draw_red_blue_doors
from puffer.ocean.minigrid.mazes cimport draw_large_maze, draw_small_maze
from puffer.ocean.minigrid.rooms cimport draw_key_corridor, draw_unlock
from puffer.ocean.minigrid.things cimport draw_fetch, draw_go_to_door, draw_go_to_object, draw_put_near
from puffer.rng cimport rng_below, rng_t


# ---- One room ----

cdef inline void draw_empty(Draft* draft) noexcept nogil:
    set_goal(draft, corner(draft.rules))
    if draft.rules.values[RANDOM_START]:
        place_agent_inside(draft)
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
    place_agent_inside(draft)
    set_goal(draft, draw_inside(draft))


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
        obstacles[k] = draw_inside(draft)
        draft.cells[obstacles[k]] = minigrid_cell(BALL, BLUE)


# ---- All ----

cdef inline void draw_level(const Rules* rules, State* state, uint8_t* cells, int32_t* obstacles,
                            rng_t* rng) noexcept nogil:
    """Draw a new level. `cells` begins with the border."""
    cdef Draft draft = Draft(rules=rules, state=state, cells=cells + first_cell(rules), rng=rng)
    memset(cells, OUTER_WALL, rules.cell_count)
    fill(&draft, 1, 1, rules.width - 2, rules.height - 2, EMPTY)
    state.agent = state.target = state.other = NOWHERE
    state.carried = 0
    state.first, state.second = named(rules.kind, rules.colour), named(0, 0)
    state.phrase = 0
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
    elif rules.level == CROSSING:
        draw_crossing(&draft)
    elif rules.level == DIST_SHIFT:
        draw_dist_shift(&draft)
    elif rules.level == FETCH:
        draw_fetch(&draft)
    elif rules.level == GO_TO_DOOR:
        draw_go_to_door(&draft)
    elif rules.level == GO_TO_OBJECT:
        draw_go_to_object(&draft)
    elif rules.level == LOCKED_ROOM:
        draw_locked_room(&draft)
    elif rules.level == MEMORY:
        draw_memory(&draft)
    elif rules.level == SMALL_MAZE:
        draw_small_maze(&draft)
    elif rules.level == LARGE_MAZE or rules.level == LARGE_MAZE_V1:
        draw_large_maze(&draft)
    elif rules.level == PLAYGROUND:
        draw_playground(&draft)
    elif rules.level == PUT_NEAR:
        draw_put_near(&draft)
    elif rules.level == RED_BLUE_DOORS:
        draw_red_blue_doors(&draft)
    else:
        # Three levels with two rooms.
        draw_unlock(&draft)
