# The field of level-based foraging: its players and foods, their moves, and what a player sees of them.
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t
from libc.string cimport memset

cdef enum action_t:
    NONE, NORTH, SOUTH, WEST, EAST, LOAD

cdef enum:
    # Cells of a field: 0 is empty, k the food with the index k - 1, which ends at 199. Walls stand around the field.
    WALL = 255

# A player, or a food; a food that has been eaten has the level 0.
cdef struct Thing:
    int16_t row
    int16_t column
    int16_t level

# Levels of food: all that there was at the start, and as much as has been eaten; how many foods there are yet.
cdef struct Meal:
    int32_t spawned
    int32_t eaten
    int32_t left

# The cells of a field, with the walls: their rows are `stride` apart.
cdef struct Field:
    int rows
    int columns
    int stride


cdef inline int action_of(int32_t action) noexcept nogil:
    """An action that is none does nothing."""
    return action if <uint32_t>action <= LOAD else NONE


cdef inline int cell_of(Field field, int row, int column) noexcept nogil:
    return (row + 1) * field.stride + column + 1


cdef inline int food_beside(const uint8_t* cells, int cell, int stride) noexcept nogil:
    """The food beside a cell, as the cells have it, or 0. Foods are so far apart that there is one at most."""
    cdef int[4] beside = [cells[cell + stride], cells[cell - stride], cells[cell + 1], cells[cell - 1]]
    cdef int k, found = 0
    for k in range(4):
        found = beside[k] if 0 < beside[k] < WALL else found
    return found


cdef inline void move(Field field, const uint8_t* cells, Thing* players, int n, const int32_t* actions) noexcept nogil:
    """Move the players. Of those who go to the same cell, or to one in which somebody stays, none moves."""
    cdef int[64] targets
    cdef bint[64] clash
    cdef int k, other, action, here
    for k in range(n):
        action = action_of(actions[k])
        here = cell_of(field, players[k].row, players[k].column)
        targets[k] = here + ((action == SOUTH) - (action == NORTH)) * field.stride + (action == EAST) - (action == WEST)
        if cells[targets[k]]:
            targets[k] = here
        clash[k] = False
        for other in range(k):
            if targets[other] == targets[k]:
                clash[k] = clash[other] = True
    for k in range(n):
        if not clash[k]:
            players[k].row = targets[k] // field.stride - 1
            players[k].column = targets[k] % field.stride - 1


# ---- Observations. `sight` is how far a player sees, in rows and in columns. ----

cdef inline float* see_foods(const Thing* me, const Thing* foods, int count, int sight, float* row) noexcept nogil:
    """Write row, column and level of the foods in sight, relative to the part of the field in sight."""
    cdef int top = max(me.row - sight, 0), left = max(me.column - sight, 0), k
    cdef float* end = row + 3 * count
    for k in range(count):
        if foods[k].level and abs(foods[k].row - me.row) <= sight and abs(foods[k].column - me.column) <= sight:
            row[0], row[1], row[2] = foods[k].row - top, foods[k].column - left, foods[k].level
            row += 3
    while row < end:
        row[0], row[1], row[2] = -1, -1, 0
        row += 3
    return end


cdef inline void see_players(int me, const Thing* players, int n, int sight, int width, float* row) noexcept nogil:
    """Write the player itself, then the others that it sees, in `width` numbers each: row, column, level.

    As in the package, it sees others up to twice as far down and to the right if it is near the top or the left.
    """
    cdef int top = players[me].row - min(sight, players[me].row)
    cdef int left = players[me].column - min(sight, players[me].column)
    cdef float* end = row + width * n
    cdef int k, down, right
    row = _place(players[me].row - top, players[me].column - left, players[me].level, width, row)
    for k in range(n):
        down, right = players[k].row - top, players[k].column - left
        if k != me and 0 <= down <= 2 * sight and 0 <= right <= 2 * sight:
            row = _place(down, right, players[k].level, width, row)
    while row < end:
        row = _place(-1, -1, 0, width, row)


cdef inline float* _place(int down, int right, int level, int width, float* row) noexcept nogil:
    row[0], row[1] = down, right
    if width == 3:
        row[2] = level
    return row + width


cdef inline void see_grid(Field field, const Thing* me, const Thing* players, int n, const Thing* foods, int count,
                          int sight, bint sees_levels, float* planes) noexcept nogil:
    """Write three planes of the square around a player: the levels of players, those of foods, which cells are free."""
    cdef int side = 2 * sight + 1, top = me.row - sight, left = me.column - sight, row, column, k, cell
    cdef int first = max(left, 0) - left, last = min(left + side, field.columns) - left
    cdef float* foods_plane = planes + side * side
    cdef float* free = foods_plane + side * side
    memset(planes, 0, 3 * side * side * sizeof(float))
    for row in range(max(top, 0) - top, min(top + side, field.rows) - top):
        for column in range(first, last):
            free[row * side + column] = 1
    for k in range(count):
        if foods[k].level and abs(foods[k].row - me.row) <= sight and abs(foods[k].column - me.column) <= sight:
            cell = (foods[k].row - top) * side + foods[k].column - left
            foods_plane[cell] = foods[k].level
            free[cell] = 0
    for k in range(n):
        if abs(players[k].row - me.row) <= sight and abs(players[k].column - me.column) <= sight:
            cell = (players[k].row - top) * side + players[k].column - left
            planes[cell] = players[k].level if sees_levels else 1
            free[cell] = 0
