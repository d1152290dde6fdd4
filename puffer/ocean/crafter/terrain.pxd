# The ground and the first animals of a world. The caller brings the random numbers.
from libc.math cimport sqrt
from libc.stdint cimport uint8_t

from puffer.ocean.crafter._simplex cimport gradients, noise_at

cdef extern from "puffer/ocean/crafter/fields.h" nogil:
    ctypedef struct field_shape:
        double row_step
        double column_step
        double z
        int swapped
        int first
        int last
    enum:
        FIELD_ROW
    void field_make(const uint8_t* permutation, const int* gradients, const field_shape* shape, float* field)

# The numbers of the package, where 0 is no material.
cdef enum:
    OUTSIDE, WATER, GRASS, STONE, PATH, SAND, TREE, LAVA, COAL, IRON, DIAMOND, TABLE, FURNACE

# What stands on a cell. Arrows and plants are things of several looks.
cdef enum:
    NOTHING, PLAYER, COW, ZOMBIE, SKELETON, ARROW_LEFT, ARROW_RIGHT, ARROW_UP, ARROW_DOWN, PLANT, RIPE_PLANT

# The noises that make a ground: how near the player is, water and mountains in two sizes each, and details.
cdef enum:
    NEARNESS, WATERS, MORE_WATERS, MOUNTAINS, MORE_MOUNTAINS, SHORES, TREES, CAVES, TUNNELS_ACROSS, TUNNELS_DOWN, COALS
    IRONS, LAVAS, NOISES

cdef enum:
    MOST_MATERIALS = 13
    # Added to the material of a cell while a world is made.
    TUNNEL = 128
    # Cells at which a field of a noise is made, and of that of NEARNESS; outside of these it counts for nothing.
    LAST_CELL = 63, NEAR_FIRST = 16, NEAR_LAST = 48

ctypedef double (*draw_t)(void* stream) noexcept nogil

# The noise of a world, and where its random numbers come from.
cdef struct Ground:
    const uint8_t* permutation
    draw_t draw
    void* stream
    # By noise and cell, nearly the noise; NULL for none.
    const float* fields

# A cell's closeness to the player from 1 to 0, its water, and its mountain.
cdef struct Height:
    double start
    double water
    double mountain


cdef inline double distance_to(double x, double y, double center_x, double center_y) noexcept nogil:
    return sqrt((x - center_x) * (x - center_x) + (y - center_y) * (y - center_y))


cdef inline void shape_of(int which, double* z, double* size) noexcept nogil:
    """The third coordinate of a noise, and the cells to a unit."""
    cdef double[13] levels = [8, 3, 3, 0, 0, 4, 5, 6, 7, 7, 1, 2, 6]
    cdef double[13] sizes = [3, 15, 5, 15, 5, 9, 7, 7, 3, 3, 8, 6, 5]
    z[0], size[0] = levels[which], sizes[which]


cdef inline double noise(const Ground* ground, int which, double x, double y) noexcept nogil:
    cdef double z, size
    shape_of(which, &z, &size)
    if which == TUNNELS_ACROSS:
        x, y = 2 * x, y / 5
    elif which == TUNNELS_DOWN:
        x, y = x / 5, 2 * y
    return noise_at(ground.permutation, x / size, y / size, z)


cdef inline void make_fields(const uint8_t* permutation, float* fields) noexcept nogil:
    """Nearly all noises of a world of 64 x 64 cells."""
    cdef field_shape shape
    cdef double size
    cdef int which
    for which in range(NOISES):
        shape_of(which, &shape.z, &size)
        shape.row_step = shape.column_step = 1 / size
        shape.swapped, shape.first, shape.last = which == TUNNELS_DOWN, 0, LAST_CELL
        if which == NEARNESS:
            shape.first, shape.last = NEAR_FIRST, NEAR_LAST
        if which == TUNNELS_ACROSS or which == TUNNELS_DOWN:
            shape.row_step, shape.column_step = 2 / size, 1 / size / 5
        field_make(permutation, gradients(), &shape, fields + which * (LAST_CELL + 1) * FIELD_ROW)


cdef inline double field_at(const Ground* ground, int which, int x, int y) noexcept nogil:
    if which == TUNNELS_DOWN:
        x, y = y, x
    return ground.fields[(which * (LAST_CELL + 1) + x) * FIELD_ROW + y]


cdef inline bint is_close(double value, double bound, double close) noexcept nogil:
    return bound - close < value < bound + close


cdef inline bint is_noise_above(const Ground* ground, int which, double bound, int x, int y) noexcept nogil:
    # A field is within 1.3e-4 of the noise, which leaves out what vertices contribute that are far away.
    cdef double close = 3e-4, value
    if ground.fields != NULL:
        value = field_at(ground, which, x, y)
        if not is_close(value, bound, close):
            return value > bound
    return noise(ground, which, x, y) > bound


cdef inline void set_water_and_mountain(Height* height, double waters, double more_waters, double mountains,
                                        double more_mountains) noexcept nogil:
    height.water = waters + 0.15 * more_waters + 0.1
    height.water -= 2 * height.start
    height.mountain = (mountains + 0.3 * more_mountains) / 1.3
    height.mountain -= 4 * height.start + 0.3 * height.water


cdef inline void set_exact_height(const Ground* ground, int x, int y, double start, Height* height) noexcept nogil:
    height.start = start
    set_water_and_mountain(height, noise(ground, WATERS, x, y), noise(ground, MORE_WATERS, x, y),
                           noise(ground, MOUNTAINS, x, y), noise(ground, MORE_MOUNTAINS, x, y))


cdef inline bint is_sure_height(const Ground* ground, int x, int y, double start, Height* height) noexcept nogil:
    """Take the height from the fields. False where it is too close to what decides."""
    cdef double close = 1e-3
    height.start = start
    set_water_and_mountain(height, field_at(ground, WATERS, x, y), field_at(ground, MORE_WATERS, x, y),
                           field_at(ground, MOUNTAINS, x, y), field_at(ground, MORE_MOUNTAINS, x, y))
    if is_close(start, 0.5, close) or is_close(height.mountain, 0.15, close):
        return False
    if height.mountain > 0.15:
        return not (is_close(height.mountain, 0.18, close) or is_close(height.mountain, 0.3, close))
    return not (is_close(height.water, 0.25, close) or is_close(height.water, 0.3, close) or
                is_close(height.water, 0.35, close))


cdef inline int material_of(const Ground* ground, const Height* height, int x, int y) noexcept nogil:
    """The material of a cell, with TUNNEL added for tunnels."""
    if height.start > 0.5:
        return GRASS
    if height.mountain > 0.15:
        return mountain_material(ground, height.mountain, x, y)
    if 0.25 < height.water <= 0.35 and is_noise_above(ground, SHORES, -0.2, x, y):
        return SAND
    if 0.3 < height.water:
        return WATER
    if is_noise_above(ground, TREES, 0, x, y) and ground.draw(ground.stream) > 0.8:
        return TREE
    return GRASS


cdef inline int mountain_material(const Ground* ground, double mountain, int x, int y) noexcept nogil:
    if mountain > 0.3 and is_noise_above(ground, CAVES, 0.15, x, y):
        return PATH
    if is_noise_above(ground, TUNNELS_ACROSS, 0.4, x, y) or is_noise_above(ground, TUNNELS_DOWN, 0.4, x, y):
        return PATH + TUNNEL
    if is_noise_above(ground, COALS, 0, x, y) and ground.draw(ground.stream) > 0.85:
        return COAL
    if is_noise_above(ground, IRONS, 0.4, x, y) and ground.draw(ground.stream) > 0.75:
        return IRON
    if mountain > 0.18 and ground.draw(ground.stream) > 0.994:
        return DIAMOND
    if mountain > 0.3 and is_noise_above(ground, LAVAS, 0.35, x, y):
        return LAVA
    return STONE


cdef inline int animal_of(const Ground* ground, int material_and_tunnel, double distance) noexcept nogil:
    """The animal that a new world has on a cell of this material, so far from the player."""
    cdef int material = material_and_tunnel & ~TUNNEL
    if material != GRASS and material != PATH and material != SAND:
        return NOTHING
    if distance > 3 and material == GRASS and ground.draw(ground.stream) > 0.985:
        return COW
    if distance > 10 and ground.draw(ground.stream) > 0.993:
        return ZOMBIE
    if material_and_tunnel == PATH + TUNNEL and ground.draw(ground.stream) > 0.95:
        return SKELETON
    return NOTHING
