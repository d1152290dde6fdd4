# Levels and rules that come from a snapshot, whoever has made it: nothing in them may index memory outside.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer.ocean.minigrid.draft cimport (
    BORDER, COLOURS, DYNAMIC_OBSTACLES, LAVA, LEVELS, NOWHERE, Named, OUTER_WALL, Rules, State, first_cell,
)
from puffer.ocean.minigrid.forms cimport derive
from puffer.ocean.minigrid.parameters cimport are_possible
from puffer.ocean.minigrid.things cimport PHRASES


cdef inline bint restore_rules(Rules* rules, const Rules* largest, bint same_size) noexcept nogil:
    """Whether rules are those of a level that has room in the memory of another one.

    Only their parameters are taken as they are; the rest is derived from them.
    """
    if not 0 <= rules.level < LEVELS or not are_possible(rules):
        return False
    derive(rules)
    return have_room(rules, largest, same_size)


cdef inline bint have_room(const Rules* rules, const Rules* largest, bint same_size) noexcept nogil:
    """Whether a level has room in the memory of another one, its actions, and if so wanted a grid of its size."""
    if same_size and (rules.width != largest.width or rules.height != largest.height):
        return False
    return rules.cell_count <= largest.cell_count and rules.obstacles <= largest.obstacles and (
        (rules.level == DYNAMIC_OBSTACLES) == (largest.level == DYNAMIC_OBSTACLES))


cdef inline bint restore_level(const Rules* rules, const State* state, uint8_t* cells,
                               const int32_t* obstacles) noexcept nogil:
    """Whether all positions are in the grid, around which the walls are put up again, and the mission is one.

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
    return (state.direction < 4 and is_inside(rules, state.agent)
            and (state.target == NOWHERE or is_inside(rules, state.target))
            and (state.other == NOWHERE or is_inside(rules, state.other))
            and is_named(state.first) and is_named(state.second) and state.phrase < PHRASES)


cdef inline bint is_inside(const Rules* rules, int32_t position) noexcept nogil:
    return 0 <= position < rules.size and position % rules.stride < rules.height


cdef inline bint is_named(Named thing) noexcept nogil:
    return thing.kind <= LAVA and thing.colour < COLOURS
