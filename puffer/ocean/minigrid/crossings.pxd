# The levels of MiniGrid with strips of lava or walls in one room.
from puffer.ocean.minigrid.draft cimport (
    Draft, EMPTY, LAVA, NUM_CROSSINGS, OBSTACLE_TYPE, OUTER_WALL, RANDOM_START, RED, Rules, STRIP2_ROW,
    corner, fill, minigrid_cell, place_agent_inside, set_goal, set_start,
)
from puffer.rng cimport rng_below

cdef enum:
    # Odd rows and columns of the largest level, and one more.
    MOST_RIVERS = 32


cdef inline int draw_rivers(Draft* draft, int* columns, int* rows) noexcept nogil:
    """Draw which even columns and rows are rivers, in order; returns how many columns."""
    cdef int places = (draft.rules.width - 3) // 2, left = 2 * places
    cdef int wanted = draft.rules.values[NUM_CROSSINGS], count_columns = 0, count_rows = 0, k
    for k in range(2 * places):
        # Of those that are left, as many as are still wanted.
        if rng_below(draft.rng, left) < wanted:
            wanted -= 1
            if k < places:
                columns[count_columns] = 2 + 2 * k
                count_columns += 1
            else:
                rows[count_rows] = 2 + 2 * (k - places)
                count_rows += 1
        left -= 1
    return count_columns


cdef inline void draw_crossing(Draft* draft) noexcept nogil:
    cdef int size = draft.rules.width, stride = draft.rules.stride, k, x, y
    cdef int river = OUTER_WALL if draft.rules.values[OBSTACLE_TYPE] else minigrid_cell(LAVA, RED)
    cdef int[MOST_RIVERS] columns, rows
    cdef int across = draw_rivers(draft, columns, rows), down = draft.rules.values[NUM_CROSSINGS] - across
    cdef int column = 0, row = 0
    set_start(draft)
    set_goal(draft, corner(draft.rules))
    for k in range(down):
        fill(draft, 1, rows[k], size - 2, 1, river)
    for k in range(across):
        fill(draft, columns[k], 1, 1, size - 2, river)
    columns[across], rows[down] = size - 1, size - 1
    # From one field between rivers to the next one, to the right or down, until the last one.
    while column < across or row < down:
        x, y = columns[column - 1] if column else 0, rows[row - 1] if row else 0
        if rng_below(draft.rng, across - column + down - row) < across - column:
            y += 1 + rng_below(draft.rng, rows[row] - y - 1)
            draft.cells[columns[column] * stride + y] = EMPTY
            column += 1
        else:
            x += 1 + rng_below(draft.rng, columns[column] - x - 1)
            draft.cells[x * stride + rows[row]] = EMPTY
            row += 1


cdef inline void draw_dist_shift(Draft* draft) noexcept nogil:
    """Two strips of lava, one of them in the row of the goal."""
    cdef const Rules* rules = draft.rules
    set_goal(draft, (rules.width - 2) * rules.stride + 1)
    fill(draft, 3, 1, rules.width - 6, 1, minigrid_cell(LAVA, RED))
    fill(draft, 3, rules.values[STRIP2_ROW], rules.width - 6, 1, minigrid_cell(LAVA, RED))
    if rules.values[RANDOM_START]:
        place_agent_inside(draft)
    else:
        set_start(draft)
