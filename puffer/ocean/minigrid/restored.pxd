# Levels and rules that come from a snapshot, whoever has made it: nothing in them may index memory outside.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer.ocean.minigrid.chain cimport MOST_ROOMS, SMALLEST_ROOM
from puffer.ocean.minigrid.draft cimport (
    BORDER, DOOR_KEY, DYNAMIC_OBSTACLES, EMPTY_ROOM, KEY_CORRIDOR, LAVA_GAP, MULTI_ROOM, NOWHERE, OUTER_WALL,
    PORTABLE, Rules, State, first_cell,
)
from puffer.ocean.minigrid.parameters cimport LARGEST_ROOM, MOST_ROOM_SIZE, MOST_SIZE, ROOM_SIZE, derive
from puffer.ocean.minigrid.rooms cimport MOST_ROWS


cdef inline bint restore_rules(Rules* rules, const Rules* largest) noexcept nogil:
    """Whether rules are those of a level that has room in the memory of another one, and its actions.

    Only their parameters are taken as they are; the rest is derived from them.
    """
    cdef int level = rules.level, size = rules.room_size
    cdef int least_size = ROOM_SIZE, most_size = ROOM_SIZE, most_rows = 1, most_obstacles = 0
    if not EMPTY_ROOM <= level <= DYNAMIC_OBSTACLES or (level == DYNAMIC_OBSTACLES) != (
            largest.level == DYNAMIC_OBSTACLES):
        return False
    if level == EMPTY_ROOM or level == DOOR_KEY or level == LAVA_GAP or level == DYNAMIC_OBSTACLES:
        least_size, most_size = 4 if level == EMPTY_ROOM else 5, MOST_SIZE
    elif level == KEY_CORRIDOR:
        least_size, most_size, most_rows = 3, MOST_ROOM_SIZE, MOST_ROWS
        if not 0 <= rules.kind <= 15 or not PORTABLE >> rules.kind & 1:
            return False
    elif level == MULTI_ROOM and not (1 <= rules.least_rooms <= rules.most_rooms <= MOST_ROOMS
                                      and SMALLEST_ROOM <= rules.largest_room <= LARGEST_ROOM):
        return False
    if not (least_size <= size <= most_size and 1 <= rules.rows <= most_rows):
        return False
    if level == DYNAMIC_OBSTACLES:
        most_obstacles = min(size // 2 + 1, largest.obstacles)
    if not 0 <= rules.obstacles <= most_obstacles:
        return False
    derive(rules)
    return rules.cell_count <= largest.cell_count


cdef inline bint restore_level(const Rules* rules, const State* state, uint8_t* cells,
                               const int32_t* obstacles) noexcept nogil:
    """Whether the agent, the target and the obstacles are in the grid, around which the walls are put up again.

    `cells` begins with the border.
    """
    cdef uint8_t* grid = cells + first_cell(rules)
    cdef int x, k
    memset(cells, OUTER_WALL, first_cell(rules))
    for x in range(rules.width):
        memset(grid + x * rules.stride + rules.height, OUTER_WALL, BORDER)
    memset(grid + rules.size, OUTER_WALL, rules.stride)
    for k in range(rules.obstacles):
        if not is_inside(rules, obstacles[k]):
            return False
    return state.direction < 4 and is_inside(rules, state.agent) and (
        state.target == NOWHERE or is_inside(rules, state.target))


cdef inline bint is_inside(const Rules* rules, int32_t position) noexcept nogil:
    return 0 <= position < rules.size and position % rules.stride < rules.height
