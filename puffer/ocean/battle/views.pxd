# What the agents of Battle see.
from libc.stdint cimport int16_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from puffer.ocean.battle.armies cimport ACTIONS, Armies, GONE, SIGHT, WORDS, World, cell_of

cdef extern from * nogil:
    """
    /* The cells in sight, a circle: the bits of each row of the square around an agent. */
    static const uint16_t battle_circle[13] = {
        0x0040, 0x03F8, 0x07FC, 0x0FFE, 0x0FFE, 0x0FFE, 0x1FFF, 0x0FFE, 0x0FFE, 0x0FFE, 0x07FC, 0x03F8, 0x0040};
    #define lowest_bit(word) __builtin_ctz(word)
    """
    const uint16_t* CIRCLE "battle_circle"
    int lowest_bit(uint32_t)

cdef enum:
    SIDE = 2 * SIGHT + 1
    SQUARE = SIDE * SIDE
    # Channels of an agent in sight, its presence and its health, on each side; with the wall before them.
    CHANNELS = 5
    # Bits of an index among the extra features.
    INDEX_BITS = 10
    EXTRA = INDEX_BITS + ACTIONS + 1

# The form of an observation: numbers for each cell, the first of the two of an enemy, and those of the agent itself at
# the end, the same for each cell.
cdef struct Form:
    bint minimap
    bint extra
    int channels
    int enemy
    int own

# For red and blue and each cell of the square, the part of their agents that is in this part of the map.
cdef struct Minimap:
    int scale
    float[2][169] parts


cdef inline Form make_form(bint minimap, bint extra) noexcept nogil:
    cdef Form form
    form.minimap, form.extra = minimap, extra
    form.own = (EXTRA if extra else 0) + (2 if minimap else 0)
    form.enemy = 4 if minimap else 3
    form.channels = CHANNELS + (2 if minimap else 0) + form.own
    return form


cdef inline uint32_t in_sight(const uint16_t* bits, int x, int y, int down) noexcept nogil:
    """The bits of the cells in sight in one row of the square around x, y."""
    cdef const uint16_t* row = bits + (y + down) * WORDS + (x >> 4)
    return ((row[0] | <uint32_t>row[1] << 16) >> (x & 15)) & CIRCLE[down]


cdef inline void see(const World* world, const Armies* a, const Form* form, const Minimap* minimap, int k,
                     bint retained, uint16_t* seen, float* row) noexcept nogil:
    """Write the observation of an agent. `seen` has the cells that are not empty in it; `retained` says whether it
    holds for what is in the row."""
    if form.own or form.minimap or not retained:
        memset(row, 0, SQUARE * form.channels * sizeof(float))
        memset(seen, 0, SIDE * sizeof(uint16_t))
    see_agents(world, a, form, k, seen, row)
    if world.walled[cell_of(world, a.x[k], a.y[k])]:
        see_walls(world, a, form, k, seen, row)
    if form.minimap:
        see_minimap(world, a, form, minimap, k, row)
    if form.own:
        see_itself(world, a, form, k, row)


cdef inline void see_agents(const World* world, const Armies* a, const Form* form, int k, uint16_t* seen,
                            float* row) noexcept nogil:
    """Write the agents in sight, and empty the cells in which there was something and nobody is now."""
    cdef int x = a.x[k], y = a.y[k], down, other
    cdef bint is_red = k < world.red
    cdef float is_enemy
    cdef uint32_t here, stale
    cdef const int16_t* cells
    cdef float* square
    for down in range(SIDE):
        here = in_sight(a.bits, x, y, down)
        stale = seen[down] & ~here
        seen[down] = here
        square = row + down * SIDE * form.channels
        while stale:
            memset(square + lowest_bit(stale) * form.channels, 0, CHANNELS * sizeof(float))
            stale &= stale - 1
        cells = a.cells + (y + down) * world.stride + x
        while here:
            other = cells[lowest_bit(here)] - 1
            is_enemy = (other < world.red) != is_red
            write(square + lowest_bit(here) * form.channels, form.enemy, is_enemy, a.fraction[other])
            here &= here - 1


cdef inline void write(float* cell, int enemy, float is_enemy, float fraction) noexcept nogil:
    cell[0] = 0
    cell[1], cell[2] = 1 - is_enemy, (1 - is_enemy) * fraction
    cell[enemy], cell[enemy + 1] = is_enemy, is_enemy * fraction


cdef inline void see_walls(const World* world, const Armies* a, const Form* form, int k, uint16_t* seen,
                           float* row) noexcept nogil:
    cdef int x = a.x[k], y = a.y[k], down
    cdef uint32_t here
    for down in range(SIDE):
        here = in_sight(world.walls, x, y, down)
        seen[down] |= here
        while here:
            row[(down * SIDE + lowest_bit(here)) * form.channels] = 1
            here &= here - 1


cdef inline void draw_minimap(const World* world, const Armies* a, Minimap* minimap) noexcept nogil:
    """Draw the minimap. Who has fallen in this step is still on it."""
    cdef int k, cell, side
    cdef int[2] count = [0, 0]
    memset(minimap, 0, sizeof(Minimap))
    minimap.scale = (world.size + SIDE - 1) // SIDE
    for k in range(world.agents):
        if a.status[k] == GONE:
            continue
        cell = a.y[k] // minimap.scale * SIDE + a.x[k] // minimap.scale
        side = k >= world.red
        minimap.parts[side][cell] += 1
        count[side] += 1
    for side in range(2):
        for cell in range(SQUARE):
            minimap.parts[side][cell] /= <float>max(count[side], 1)


cdef inline void see_minimap(const World* world, const Armies* a, const Form* form, const Minimap* minimap, int k,
                             float* row) noexcept nogil:
    cdef int side = k >= world.red, cell
    cdef const float* friends = &minimap.parts[side][0]
    cdef const float* enemies = &minimap.parts[1 - side][0]
    for cell in range(SQUARE):
        row[cell * form.channels + 3] = friends[cell]
        row[cell * form.channels + 6] = enemies[cell]
    cell = a.y[k] // minimap.scale * SIDE + a.x[k] // minimap.scale
    row[cell * form.channels + 3] += 1
    row[cell * form.channels + 6] += 1


cdef inline void see_itself(const World* world, const Armies* a, const Form* form, int k, float* row) noexcept nogil:
    """Write what the agent knows of itself into every cell."""
    cdef float[34] numbers
    cdef int bit, cell
    memset(numbers, 0, sizeof(numbers))
    if form.extra:
        for bit in range(INDEX_BITS):
            numbers[bit] = k >> bit & 1
        if a.action[k] < ACTIONS:
            numbers[INDEX_BITS + a.action[k]] = 1
        numbers[EXTRA - 1] = a.shown[k]
    if form.minimap:
        numbers[form.own - 2] = a.x[k] / <float>world.size
        numbers[form.own - 1] = a.y[k] / <float>world.size
    row += form.channels - form.own
    for cell in range(SQUARE):
        memcpy(row + cell * form.channels, numbers, form.own * sizeof(float))
