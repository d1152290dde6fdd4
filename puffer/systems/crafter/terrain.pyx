"""The slowest parts of the package crafter, with the same results: generating worlds, and drawing the view."""
cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from numpy.random cimport bitgen_t

import numpy as np
from PIL import Image

from puffer.ocean.crafter._simplex cimport Simplex
from puffer.ocean.crafter.terrain cimport (
    COW, Ground, Height, MOST_MATERIALS, NEARNESS, NOTHING, SKELETON, TUNNEL, ZOMBIE, animal_of, distance_to,
    material_of, noise as noise_of, set_exact_height,
)

# The materials in the order of their numbers in a new world, before the package's own numbers replace these.
cdef tuple MATERIALS = (
    None, "water", "grass", "stone", "path", "sand", "tree", "lava", "coal", "iron", "diamond", "table", "furnace",
)


# ---- Worlds ----


def generate_terrain(random, uint8_t[:, ::1] terrain, center, ids):
    """The ground of a new world.

    Parameters
    ----------
    random : numpy.random.RandomState
        Its state afterwards is that of the package.
    terrain : (width, height) uint8
        The ids of the materials are written to it.
    center : (x, y)
        The position of the player.
    ids : dict
        The ids of the materials, by name.

    Returns the animals, [(name, x, y)], in the order in which they are to be added to the world.
    """
    cdef Py_ssize_t width = terrain.shape[0], height = terrain.shape[1], x, y
    cdef int64_t center_x = center[0], center_y = center[1]
    cdef Simplex simplex = Simplex(random.randint(0, 2**31 - 1))
    cdef bitgen_t* generator = <bitgen_t*>PyCapsule_GetPointer(random._bit_generator.capsule, "BitGenerator")
    cdef Ground ground = Ground(&simplex.permutation[0], generator.next_double, generator.state, NULL)
    cdef Height level
    cdef uint8_t[MOST_MATERIALS] own
    starts = np.empty((width, height))
    cdef double[:, ::1] start = starts
    for x, name in enumerate(MATERIALS):
        own[x] = ids[name]
    for x in range(width):
        for y in range(height):
            start[x, y] = 4 - distance_to(x, y, center_x, center_y) + 2 * noise_of(&ground, NEARNESS, x, y)
    # NumPy's exponential function differs from that of the C library in the last bit.
    np.divide(1, 1 + np.exp(-starts), out=starts)
    for x in range(width):
        for y in range(height):
            set_exact_height(&ground, x, y, start[x, y], &level)
            terrain[x, y] = material_of(&ground, &level, x, y)
    animals = []
    for x in range(width):
        for y in range(height):
            animal = animal_of(&ground, terrain[x, y], distance_to(x, y, center_x, center_y))
            if animal != NOTHING:
                animals.append(({COW: "cow", ZOMBIE: "zombie", SKELETON: "skeleton"}[animal], x, y))
            terrain[x, y] = own[terrain[x, y] & ~TUNNEL]
    return animals


# ---- Pictures ----


@cython.final
cdef class LocalView:
    """LocalView(world, textures, grid, unit)
--

Draws the cells around the player, as `crafter.engine.LocalView` does.

Parameters
----------
world : crafter.engine.World
textures : crafter.engine.Textures
grid : (columns, rows)
unit : (width, height)
    The size of a cell, in pixels.
"""

    cdef object world, textures, vignette
    cdef dict sprites
    cdef Py_ssize_t columns, rows, width, height
    # By material.
    cdef const uint8_t[:, :, :, ::1] tiles
    # By grey value and colour.
    cdef const uint8_t[:, ::1] muted

    def __init__(self, world, textures, grid, unit):
        self.world, self.textures = world, textures
        self.columns, self.rows = grid
        self.width, self.height = unit
        self.sprites = {}
        self.muted = _muted_colours(0.4)
        tiles = [textures.get(name, unit)[..., :3].transpose(1, 0, 2) for name in world._mat_names.values()]
        self.tiles = np.ascontiguousarray(tiles)
        xs, ys = np.meshgrid(np.linspace(-1, 1, self.columns * self.width), np.linspace(-1, 1, self.rows * self.height))
        self.vignette = 1 - np.exp(-0.5 * (xs ** 2 + ys ** 2) / (0.5 ** 2))

    def draw(self, player):
        """The view, a new array (rows * height, columns * width, 3) uint8."""
        drawn = np.empty((self.rows * self.height, self.columns * self.width, 3), np.uint8)
        cdef uint8_t[:, :, ::1] picture = drawn
        cdef const uint8_t[:, ::1] terrain = self.world._mat_map
        cdef const uint32_t[:, ::1] objects = self.world._obj_map
        cdef Py_ssize_t left = player.pos[0] - self.columns // 2, top = player.pos[1] - self.rows // 2
        cdef Py_ssize_t column, row, x, y
        # Beyond the edge of the world.
        picture[...] = 127
        for row in range(self.rows):
            for column in range(self.columns):
                x, y = left + column, top + row
                if not (0 <= x < terrain.shape[0] and 0 <= y < terrain.shape[1]):
                    continue
                self.draw_tile(picture, column, row, terrain[x, y])
                if objects[x, y]:
                    self.draw_sprite(picture, column, row, self.world._objects[objects[x, y]].texture)
        self.light(picture)
        if player.sleeping:
            _darken(picture)
        return drawn

    cdef void draw_tile(self, uint8_t[:, :, ::1] picture, Py_ssize_t column, Py_ssize_t row, int material) noexcept:
        cdef Py_ssize_t line
        for line in range(self.height):
            memcpy(&picture[row * self.height + line, column * self.width, 0], &self.tiles[material, line, 0, 0],
                   3 * self.width)

    cdef int draw_sprite(self, uint8_t[:, :, ::1] picture, Py_ssize_t column, Py_ssize_t row, name) except -1:
        """Draw over a tile."""
        cdef const float[:, :, ::1] sprite
        cdef uint8_t* pixel
        cdef Py_ssize_t x, y, channel
        if name not in self.sprites:
            self.sprites[name] = _sprite(self.textures.get(name, (self.width, self.height)))
        sprite = self.sprites[name]
        for y in range(self.height):
            for x in range(self.width):
                pixel = &picture[row * self.height + y, column * self.width + x, 0]
                for channel in range(3):
                    pixel[channel] = <uint8_t>(<float>255 * (
                        sprite[y, x, channel] + sprite[y, x, 3] * (<float>pixel[channel] / <float>255)
                    ))
        return 0

    cdef int light(self, uint8_t[:, :, ::1] picture) except -1:
        """Darken by the time of day."""
        cdef double daylight = self.world.daylight, noise = 0, share = 0
        cdef const double[:, ::1] noises
        cdef const double[:, ::1] shares
        cdef bint is_dark = daylight < 0.5
        cdef Py_ssize_t x, y
        if is_dark:
            noises = self.world.random.uniform(32, 127, (picture.shape[1], picture.shape[0]))
            shares = 2 * (0.5 - daylight) * self.vignette
        for y in range(picture.shape[0]):
            for x in range(picture.shape[1]):
                if is_dark:
                    noise, share = noises[x, y], shares[y, x]
                self.light_pixel(&picture[y, x, 0], daylight, noise, share)
        return 0

    cdef inline void light_pixel(self, uint8_t* pixel, double daylight, double noise, double share) noexcept nogil:
        """Light a pixel: night mixes in a share of noise, mutes the colours and tints them blue."""
        cdef double[3] tint = [0, 16, 64]
        cdef uint8_t[3] seen
        cdef int channel, grey
        for channel in range(3):
            seen[channel] = <uint8_t>((1 - share) * pixel[channel] + share * noise)
        grey = _grey(seen)
        for channel in range(3):
            pixel[channel] = <uint8_t>(daylight * pixel[channel] + (1 - daylight) * (
                0.5 * self.muted[grey, seen[channel]] + 0.5 * tint[channel]
            ))


cdef inline int _grey(const uint8_t* colour) noexcept nogil:
    """The grey value of a colour, as the package Pillow computes it."""
    return (19595 * colour[0] + 38470 * colour[1] + 7471 * colour[2] + 0x8000) >> 16


cdef void _darken(uint8_t[:, :, ::1] picture) noexcept:
    """Darken a picture as the player sees it asleep."""
    cdef uint8_t* pixel
    cdef double grey
    cdef Py_ssize_t x, y
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            pixel = &picture[y, x, 0]
            grey = 0.5 * _grey(pixel)
            pixel[0] = pixel[1] = <uint8_t>grey
            pixel[2] = <uint8_t>(grey + 0.5 * 16)


def _sprite(texture):
    """The numbers to add to each channel of a pixel, and the share of the pixel that stays: (height, width, 4)."""
    texture = texture.transpose(1, 0, 2).astype(np.float32) / 255
    alpha = texture[..., 3:]
    return np.ascontiguousarray(np.concatenate([alpha * texture[..., :3], 1 - alpha], axis=2))


def _muted_colours(share):
    """Grey values (rows) blended with a share of colours (columns), as the package Pillow does it."""
    levels = np.arange(256, dtype=np.uint8)
    greys, colours = (np.ascontiguousarray(levels) for levels in np.meshgrid(levels, levels, indexing="ij"))
    return np.array(Image.blend(Image.fromarray(greys), Image.fromarray(colours), share))
