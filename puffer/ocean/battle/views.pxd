# What the agents of Battle see.
from libc.string cimport memset

from puffer.ocean.battle.armies cimport ACTIONS, ALIVE, Armies, GONE, SIGHT, World, cell_of

cdef extern from * nogil:
    """
    #include <string.h>

    /* How many cells from the middle of a row of the square around an agent are in sight, which is a circle. */
    static const signed char battle_reach[13] = {0, 3, 4, 5, 5, 5, 6, 5, 5, 5, 4, 3, 0};

    /* Copy some bytes, in steps of 16: calls and string instructions take longer. The last step may overlap. */
    static inline __attribute__((always_inline)) void battle_copy(char* to, const char* from, int bytes) {
        const int step = bytes >= 16 ? 16 : bytes >= 8 ? 8 : 4;
        for (int k = 0; k + step <= bytes; k += step)
            memcpy(to + k, from + k, step);
        memcpy(to + bytes - step, from + bytes - step, step);
    }

    /* Copy the cells of one row that are in sight, and nothing, if it is given, to those beside them. */
    static inline __attribute__((always_inline)) void battle_row(char* to, const char* from, const char* nothing,
                                                                 int reach, int cell) {
        const int beside = cell * (6 - reach), inside = cell * (2 * reach + 1);
        if (nothing && beside)
            battle_copy(to, nothing, beside);
        battle_copy(to + beside, from + beside, inside);
        if (nothing && beside)
            battle_copy(to + beside + inside, nothing, beside);
    }

    /* Copy what is in sight from a map with `stride` cells of `cell` bytes in a row. `nothing` has zeros for 6 cells,
     * and is NULL where the rest of the observation is zero. */
    static inline __attribute__((always_inline)) void battle_window(char* to, const char* from, const char* nothing,
                                                                    long stride, int cell) {
        battle_row(to, from, nothing, 0, cell);
        battle_row(to + 13 * cell, from + stride * cell, nothing, 3, cell);
        battle_row(to + 26 * cell, from + 2 * stride * cell, nothing, 4, cell);
        for (int down = 3; down < 6; down++)
            battle_row(to + 13 * down * cell, from + down * stride * cell, nothing, 5, cell);
        battle_row(to + 78 * cell, from + 6 * stride * cell, nothing, 6, cell);
        for (int down = 7; down < 10; down++)
            battle_row(to + 13 * down * cell, from + down * stride * cell, nothing, 5, cell);
        battle_row(to + 130 * cell, from + 10 * stride * cell, nothing, 4, cell);
        battle_row(to + 143 * cell, from + 11 * stride * cell, nothing, 3, cell);
        battle_row(to + 156 * cell, from + 12 * stride * cell, nothing, 0, cell);
    }
    """
    const signed char* REACH "battle_reach"
    void copy_window "battle_window"(char* to, const char* from_, const char* nothing, long stride, int cell)

cdef enum:
    SIDE = 2 * SIGHT + 1
    SQUARE = SIDE * SIDE
    # Numbers of a cell: whether there is a wall, then presence and health of an agent of the own side, and of an enemy.
    CHANNELS = 5
    FRIEND = 1
    ENEMY = 3
    # Compact observations are whole numbers, of which this one stands for 1.
    WHOLE = 100
    # Bits of an index among the extra features.
    INDEX_BITS = 10
    EXTRA = INDEX_BITS + ACTIONS + 1

# The form of an observation: numbers for each cell, and how many of them are of the agent itself, the same for each
# cell, at the end. `cell` is the size of a cell in an image of the map, in bytes.
cdef struct Form:
    bint minimap
    bint extra
    bint compact
    int cell
    int channels
    int own

# For red and blue and each cell of the square, the part of their agents that is in this part of the map.
cdef struct Minimap:
    int scale
    float[2][169] parts


cdef inline Form make_form(bint minimap, bint extra, bint compact) noexcept nogil:
    cdef Form form
    form.minimap, form.extra, form.compact = minimap, extra, compact
    form.cell = CHANNELS * (1 if compact else sizeof(float))
    form.own = (EXTRA if extra else 0) + (2 if minimap else 0)
    form.channels = CHANNELS + (2 if minimap else 0) + form.own
    return form


# The image of a map has CHANNELS numbers for each cell, as one side sees them. Between observations it has only walls.

cdef inline void draw(const World* world, const Armies* a, const Form* form, bint for_red, char* image) noexcept nogil:
    """Draw the agents as one side sees them, over how the other one does."""
    cdef int k, channel
    cdef char* cell
    erase(world, a, form, image)
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            cell = image + form.cell * cell_of(world, a.x[k], a.y[k])
            channel = FRIEND if (k < world.red) == for_red else ENEMY
            if form.compact:
                cell[channel], cell[channel + 1] = WHOLE, <char>(WHOLE * a.fraction[k] + <float>0.5)
            else:
                (<float*>cell)[channel], (<float*>cell)[channel + 1] = 1, a.fraction[k]


cdef inline void erase(const World* world, const Armies* a, const Form* form, char* image) noexcept nogil:
    """Leave nothing where agents are: there are no walls."""
    cdef int k
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            memset(image + form.cell * cell_of(world, a.x[k], a.y[k]), 0, form.cell)


cdef inline void see(const World* world, const Armies* a, const Form* form, const Minimap* minimap, const char* image,
                     int k, bint retained, char* row) noexcept nogil:
    """Write the observation of an agent. What no agent ever sees need not be written where a row is `retained`."""
    cdef const char* square = image + form.cell * (a.y[k] * world.stride + a.x[k])
    cdef const char* nothing = NULL
    if not retained:
        # The image begins with its margin.
        nothing = image
    if form.channels > CHANNELS:
        see_all(world, a, form, minimap, <const float*>square, k, <float*>row)
    elif form.compact:
        copy_window(row, square, nothing, world.stride, CHANNELS)
    else:
        copy_window(row, square, nothing, world.stride, CHANNELS * sizeof(float))


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
                         const float* square, int k, float* row) noexcept nogil:
    """Write an observation with more channels."""
    cdef int side = k >= world.red, enemy = ENEMY + form.minimap, own = form.channels - form.own, down, right, channel
    cdef float[34] itself
    cdef const float* cell
    cdef float* first = row
    see_itself(world, a, form, k, itself)
    for down in range(SIDE):
        cell = square + CHANNELS * world.stride * down
        for right in range(SIDE):
            if abs(right - SIGHT) <= REACH[down]:
                row[0], row[FRIEND], row[FRIEND + 1] = cell[0], cell[FRIEND], cell[FRIEND + 1]
                row[enemy], row[enemy + 1] = cell[ENEMY], cell[ENEMY + 1]
            else:
                row[0] = row[FRIEND] = row[FRIEND + 1] = row[enemy] = row[enemy + 1] = 0
            if form.minimap:
                row[enemy - 1] = minimap.parts[side][down * SIDE + right]
                row[enemy + 2] = minimap.parts[1 - side][down * SIDE + right]
            for channel in range(form.own):
                row[own + channel] = itself[channel]
            cell += CHANNELS
            row += form.channels
    if form.minimap:
        first += form.channels * (a.y[k] // minimap.scale * SIDE + a.x[k] // minimap.scale)
        first[enemy - 1] += 1
        first[enemy + 2] += 1


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
