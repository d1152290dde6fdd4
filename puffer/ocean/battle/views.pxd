# What the agents of Battle see.
from libc.string cimport memset

from puffer.ocean.battle.armies cimport ACTIONS, ALIVE, Armies, GONE, SIGHT, World, cell_of

cdef extern from * nogil:
    """
    #include <string.h>

    /* How many cells from the middle of a row of the square around an agent are in sight, which is a circle. */
    static const signed char battle_reach[13] = {0, 3, 4, 5, 5, 5, 6, 5, 5, 5, 4, 3, 0};

    /* Copy some floats, at least 4, in steps of 4: calls and string instructions take longer. */
    static inline __attribute__((always_inline)) void battle_copy(float* to, const float* from, int count) {
        for (int k = 0; k + 4 <= count; k += 4)
            memcpy(to + k, from + k, 16);
        memcpy(to + count - 4, from + count - 4, 16);
    }

    static inline __attribute__((always_inline)) void battle_empty(float* to, int count) {
        for (int k = 0; k < count; k++)
            to[k] = 0;
    }

    /* Copy the cells of one row that are in sight, and empty those beside them. */
    static inline __attribute__((always_inline)) void battle_row(float* to, const float* from, int reach, int empties) {
        const int beside = 5 * (6 - reach), inside = 5 * (2 * reach + 1);
        if (empties)
            battle_empty(to, beside);
        battle_copy(to + beside, from + beside, inside);
        if (empties)
            battle_empty(to + beside + inside, beside);
    }

    /* Copy what is in sight from the map, with rows of `stride` floats; without `empties` leave the rest alone. */
    static inline __attribute__((always_inline)) void battle_window(float* to, const float* from, long stride,
                                                                    int empties) {
        battle_row(to, from, 0, empties);
        battle_row(to + 65, from + stride, 3, empties);
        battle_row(to + 2 * 65, from + 2 * stride, 4, empties);
        for (int down = 3; down < 6; down++)
            battle_row(to + down * 65, from + down * stride, 5, empties);
        battle_row(to + 6 * 65, from + 6 * stride, 6, empties);
        for (int down = 7; down < 10; down++)
            battle_row(to + down * 65, from + down * stride, 5, empties);
        battle_row(to + 10 * 65, from + 10 * stride, 4, empties);
        battle_row(to + 11 * 65, from + 11 * stride, 3, empties);
        battle_row(to + 12 * 65, from + 12 * stride, 0, empties);
    }
    """
    const signed char* REACH "battle_reach"
    void copy_window "battle_window"(float* to, const float* from_, long stride, bint empties)

cdef enum:
    SIDE = 2 * SIGHT + 1
    SQUARE = SIDE * SIDE
    # Numbers of a cell: whether there is a wall, then presence and health of an agent of the own side, and of an enemy.
    CHANNELS = 5
    FRIEND = 1
    ENEMY = 3
    # Bits of an index among the extra features.
    INDEX_BITS = 10
    EXTRA = INDEX_BITS + ACTIONS + 1

# The form of an observation: numbers for each cell, and how many of them are of the agent itself, the same for each
# cell, at the end.
cdef struct Form:
    bint minimap
    bint extra
    int channels
    int own

# For red and blue and each cell of the square, the part of their agents that is in this part of the map.
cdef struct Minimap:
    int scale
    float[2][169] parts


cdef inline Form make_form(bint minimap, bint extra) noexcept nogil:
    cdef Form form
    form.minimap, form.extra = minimap, extra
    form.own = (EXTRA if extra else 0) + (2 if minimap else 0)
    form.channels = CHANNELS + (2 if minimap else 0) + form.own
    return form


# The image of a map has CHANNELS numbers for each cell, as one side sees them. Between observations only walls are in it.

cdef inline void draw(const World* world, const Armies* a, bint for_red, float* image) noexcept nogil:
    """Draw the agents as one side sees them, over how the other one does."""
    cdef int k
    cdef float* cell
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            cell = image + CHANNELS * cell_of(world, a.x[k], a.y[k])
            cell[FRIEND] = cell[FRIEND + 1] = cell[ENEMY] = cell[ENEMY + 1] = 0
            cell += FRIEND if (k < world.red) == for_red else ENEMY
            cell[0], cell[1] = 1, a.fraction[k]


cdef inline void erase(const World* world, const Armies* a, float* image) noexcept nogil:
    cdef int k, channel
    cdef float* cell
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            cell = image + CHANNELS * cell_of(world, a.x[k], a.y[k])
            for channel in range(FRIEND, CHANNELS):
                cell[channel] = 0


cdef inline void see(const World* world, const Armies* a, const Form* form, const Minimap* minimap, const float* image,
                     int k, bint retained, float* row) noexcept nogil:
    """Write the observation of an agent. What no agent ever sees need not be written where a row is `retained`."""
    image += CHANNELS * (a.y[k] * world.stride + a.x[k])
    if form.channels > CHANNELS:
        see_all(world, a, form, minimap, image, k, row)
    elif retained:
        copy_window(row, image, CHANNELS * world.stride, False)
    else:
        copy_window(row, image, CHANNELS * world.stride, True)


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


cdef inline void see_all(const World* world, const Armies* a, const Form* form, const Minimap* minimap,
                         const float* image, int k, float* row) noexcept nogil:
    """Write an observation with more channels."""
    cdef int side = k >= world.red, behind = 2 if form.minimap else 0, down, right, channel
    cdef float[34] own
    cdef const float* cell
    cdef float* first = row
    see_itself(world, a, form, k, own)
    for down in range(SIDE):
        for right in range(SIDE):
            cell = image + CHANNELS * (down * world.stride + right)
            if abs(right - SIGHT) <= REACH[down]:
                row[0], row[1], row[2], row[3 + behind // 2], row[4 + behind // 2] = (
                    cell[0], cell[1], cell[2], cell[3], cell[4])
            else:
                row[0] = row[1] = row[2] = row[3 + behind // 2] = row[4 + behind // 2] = 0
            if behind:
                row[3] = minimap.parts[side][down * SIDE + right]
                row[6] = minimap.parts[1 - side][down * SIDE + right]
            for channel in range(form.own):
                row[CHANNELS + behind + channel] = own[channel]
            row += form.channels
    if behind:
        first += form.channels * (a.y[k] // minimap.scale * SIDE + a.x[k] // minimap.scale)
        first[3] += 1
        first[6] += 1


cdef inline void see_itself(const World* world, const Armies* a, const Form* form, int k, float* own) noexcept nogil:
    """Write what an agent knows of itself."""
    cdef int bit
    memset(own, 0, form.own * sizeof(float))
    if form.extra:
        for bit in range(INDEX_BITS):
            own[bit] = k >> bit & 1
        if a.action[k] < ACTIONS:
            own[INDEX_BITS + a.action[k]] = 1
        own[EXTRA - 1] = a.shown[k]
    if form.minimap:
        own[form.own - 2] = a.x[k] / <float>world.size
        own[form.own - 1] = a.y[k] / <float>world.size
