# The ground and the first animals of a world. The caller brings the random numbers, and the closeness to the player.
from libc.math cimport sqrt
from libc.stdint cimport uint8_t

from puffer.ocean.crafter._simplex cimport noise_at

# The numbers of the package, where 0 is no material.
cdef enum:
    OUTSIDE, WATER, GRASS, STONE, PATH, SAND, TREE, LAVA, COAL, IRON, DIAMOND, TABLE, FURNACE

# What stands on a cell. Arrows and plants are things of several looks.
cdef enum:
    NOTHING, PLAYER, COW, ZOMBIE, SKELETON, ARROW_LEFT, ARROW_RIGHT, ARROW_UP, ARROW_DOWN, PLANT, RIPE_PLANT

cdef enum:
    MOST_MATERIALS = 13
    # Added to the material of a cell while a world is made.
    TUNNEL = 128

ctypedef double (*draw_t)(void* stream) noexcept nogil


cdef inline double noise(const uint8_t* permutation, double x, double y, double z, double size) noexcept nogil:
    return noise_at(permutation, x / size, y / size, z)


cdef inline double distance_to(double x, double y, double center_x, double center_y) noexcept nogil:
    return sqrt((x - center_x) * (x - center_x) + (y - center_y) * (y - center_y))


cdef inline double nearness(const uint8_t* permutation, double x, double y, double distance) noexcept nogil:
    """How close a cell is to the player, with some noise. Its logistic function is what `material_of` takes."""
    return 4 - distance + 2 * noise(permutation, x, y, 8, 3)


cdef inline int material_of(const uint8_t* permutation, draw_t draw, void* stream, double start, double x,
                            double y) noexcept nogil:
    """The material of a cell, with TUNNEL added for tunnels. `start` is its closeness to the player, from 1 to 0."""
    cdef double water, mountain
    water = noise(permutation, x, y, 3, 15) + 0.15 * noise(permutation, x, y, 3, 5) + 0.1
    water -= 2 * start
    mountain = (noise(permutation, x, y, 0, 15) + 0.3 * noise(permutation, x, y, 0, 5)) / 1.3
    mountain -= 4 * start + 0.3 * water
    if start > 0.5:
        return GRASS
    if mountain > 0.15:
        return mountain_material(permutation, draw, stream, mountain, x, y)
    if 0.25 < water <= 0.35 and noise(permutation, x, y, 4, 9) > -0.2:
        return SAND
    if 0.3 < water:
        return WATER
    if noise(permutation, x, y, 5, 7) > 0 and draw(stream) > 0.8:
        return TREE
    return GRASS


cdef inline int mountain_material(const uint8_t* permutation, draw_t draw, void* stream, double mountain, double x,
                                  double y) noexcept nogil:
    # Caves, tunnels along x, tunnels along y.
    if noise(permutation, x, y, 6, 7) > 0.15 and mountain > 0.3:
        return PATH
    if noise(permutation, 2 * x, y / 5, 7, 3) > 0.4 or noise(permutation, x / 5, 2 * y, 7, 3) > 0.4:
        return PATH + TUNNEL
    if noise(permutation, x, y, 1, 8) > 0 and draw(stream) > 0.85:
        return COAL
    if noise(permutation, x, y, 2, 6) > 0.4 and draw(stream) > 0.75:
        return IRON
    if mountain > 0.18 and draw(stream) > 0.994:
        return DIAMOND
    if mountain > 0.3 and noise(permutation, x, y, 6, 5) > 0.35:
        return LAVA
    return STONE


cdef inline int animal_of(draw_t draw, void* stream, int ground, double distance) noexcept nogil:
    """The animal that a new world has on a cell of this ground, so far from the player."""
    cdef int material = ground & ~TUNNEL
    if material != GRASS and material != PATH and material != SAND:
        return NOTHING
    if distance > 3 and material == GRASS and draw(stream) > 0.985:
        return COW
    if distance > 10 and draw(stream) > 0.993:
        return ZOMBIE
    if ground == PATH + TUNNEL and draw(stream) > 0.95:
        return SKELETON
    return NOTHING
