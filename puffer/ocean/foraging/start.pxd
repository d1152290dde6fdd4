# The start of an episode of level-based foraging: random cells and levels of players and foods.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from puffer.ocean.foraging.field cimport Field, Meal, Thing, WALL, cell_of
from puffer.ocean.foraging.parameters cimport PLAYERS_AT_FOOD
from puffer.ocean.foraging.rules cimport Levels, Rules
from puffer.rng cimport rng_below, rng_t

cdef enum:
    # Random cells that are looked at for the foods of an episode, and how often it is seen whether any is free.
    TRIES = 1000, LOOK = 32


cdef inline void shuffle(rng_t* rng, const Levels* levels, int32_t* order) noexcept nogil:
    """Which of the levels is given to each."""
    cdef int k, other
    for k in range(levels.count):
        order[k] = k
    if levels.differ:
        for k in range(levels.count - 1, 0, -1):
            other = rng_below(rng, k + 1)
            order[k], order[other] = order[other], order[k]


cdef inline bint is_taken(const Thing* players, int n, int row, int column) noexcept nogil:
    cdef int k
    for k in range(n):
        if players[k].row == row and players[k].column == column:
            return True
    return False


cdef inline void empty(Field field, uint8_t* cells) noexcept nogil:
    """Cells without food, in their walls."""
    cdef int row
    memset(cells, WALL, (field.rows + 2) * field.stride)
    for row in range(field.rows):
        memset(cells + cell_of(field, row, 0), 0, field.columns)


cdef inline void start_players(rng_t* rng, Field field, const Levels* levels, Thing* players) noexcept nogil:
    cdef int32_t[200] order
    cdef int k, which
    shuffle(rng, levels, order)
    for k in range(levels.count):
        while True:
            players[k].row = rng_below(rng, field.rows)
            players[k].column = rng_below(rng, field.columns)
            if not is_taken(players, k, players[k].row, players[k].column):
                break
        which = order[k]
        players[k].level = levels.least[which] + rng_below(rng, levels.most[which] - levels.least[which] + 1)


cdef inline int lowest_levels(const Thing* players, int n) noexcept nogil:
    """The sum of the PLAYERS_AT_FOOD lowest levels."""
    cdef int[3] lowest = [0, 0, 0]
    cdef int k, j, level, held, count = 0
    for k in range(n):
        level = players[k].level
        for j in range(count):
            if level < lowest[j]:
                held = lowest[j]
                lowest[j] = level
                level = held
        if count < PLAYERS_AT_FOOD:
            lowest[count] = level
            count += 1
    return lowest[0] + lowest[1] + lowest[2]


cdef inline bint has_room(Field field, const uint8_t* cells, const Thing* players, int n, int row,
                          int column) noexcept nogil:
    """Whether a cell that is not at the edge is free for food, as far from other food as it must be."""
    cdef int cell = cell_of(field, row, column), down, right
    for down in range(-2, 3):
        for right in range(-2, 3):
            if abs(down) + abs(right) <= 2 and 0 < cells[cell + down * field.stride + right] < WALL:
                return False
    return not is_taken(players, n, row, column)


cdef inline bint has_any_room(Field field, const uint8_t* cells, const Thing* players, int n) noexcept nogil:
    cdef int row, column
    for row in range(1, field.rows - 1):
        for column in range(1, field.columns - 1):
            if has_room(field, cells, players, n, row, column):
                return True
    return False


cdef inline void start_foods(rng_t* rng, const Rules* rules, const Levels* levels, const Thing* players, int n,
                             uint8_t* cells, Thing* foods, Meal* meal) noexcept nogil:
    """Spread the foods."""
    cdef Field field = rules.field
    cdef int32_t[200] order
    cdef int tries = 0, placed = 0, row, column, k, least, most
    cdef int follows = lowest_levels(players, n) if rules.follow else 0
    cdef Thing food
    shuffle(rng, levels, order)
    memset(foods, 0, levels.count * sizeof(Thing))
    memset(meal, 0, sizeof(Meal))
    while placed < levels.count and tries < TRIES:
        tries += 1
        row, column = 1 + rng_below(rng, field.rows - 2), 1 + rng_below(rng, field.columns - 2)
        if not has_room(field, cells, players, n, row, column):
            # Most often there is none left if many tries have failed.
            if tries % LOOK == 0 and not has_any_room(field, cells, players, n):
                break
            continue
        most = follows if rules.follow else levels.most[order[placed]]
        # Where the levels of a snapshot do not fit each other, there is no range to draw from.
        least = most if rules.force_coop else min(levels.least[order[placed]], most)
        food.row, food.column, food.level = row, column, least + rng_below(rng, most - least + 1)
        cells[cell_of(field, row, column)] = 1
        # They are kept row by row.
        k = placed
        while k and (foods[k - 1].row > row or (foods[k - 1].row == row and foods[k - 1].column > column)):
            foods[k] = foods[k - 1]
            k -= 1
        foods[k] = food
        meal.spawned += food.level
        placed += 1
    meal.left = placed
    lay_foods(field, cells, foods, levels.count)


cdef inline void lay_foods(Field field, uint8_t* cells, const Thing* foods, int count) noexcept nogil:
    """Write the numbers of the foods into their cells."""
    cdef int k
    for k in range(count):
        if foods[k].level:
            cells[cell_of(field, foods[k].row, foods[k].column)] = k + 1
