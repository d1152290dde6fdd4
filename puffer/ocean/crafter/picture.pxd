# The picture of Crafter, byte for byte that of the package.
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

from puffer._core cimport Canvas
from puffer.ocean.crafter.symbols cimport COLUMNS, ROWS
from puffer.ocean.crafter.terrain cimport PLAYER
from puffer.ocean.crafter.world cimport ITEMS, MATERIAL, THING, World, look

cdef extern from "puffer/ocean/crafter/light.h" nogil:
    void light_day(uint8_t* red, uint8_t* green, uint8_t* blue, double daylight)
    void light_dark(uint8_t* red, uint8_t* green, uint8_t* blue, double daylight, const double* vignette,
                    uint32_t seed)
    void light_asleep(uint8_t* red, uint8_t* green, uint8_t* blue)
    void light_woven(const uint8_t* red, const uint8_t* green, const uint8_t* blue, uint8_t* picture)

cdef enum:
    UNIT = 7, WIDE = 63, HIGH = 49, PIXELS = 3087, PICTURE = 64 * 64 * 3
    # Looks of a cell: nothing, five of the player, and the other things, which are numbered from 2.
    LOOKS = 15, ASLEEP = 5, MORE_LOOKS = 4
    ITEMS_IN_ROW = 9
    # Pictures for people: pixels of a cell's side, and of a pixel's.
    LARGE = 16, ZOOM = 4, LARGE_PICTURE = 9 * 16 * 4

# What the pictures are made of, see `_textures.py`.
cdef struct Textures:
    const uint8_t* tiles
    const uint8_t* items
    const double* vignette
    const uint8_t* large_tiles
    const uint8_t* large_items


cdef inline uint32_t noise_seed(const World* world) noexcept nogil:
    """The seed of the noise in the picture of this step."""
    return world.noise_seed ^ world.step * <uint32_t>0x85EBCA6BU


cdef inline int look_of(const World* world, int cell) noexcept nogil:
    cdef int thing = cell // THING
    if thing == PLAYER:
        return ASLEEP if world.player.sleeping else 1 + world.player.facing
    return thing + MORE_LOOKS if thing else 0


cdef inline void draw_picture(const World* world, const Textures* textures, uint8_t* picture) noexcept nogil:
    cdef uint8_t[3][3087] planes
    memset(picture, 0, PICTURE)
    draw_cells(world, textures, &planes[0][0])
    if world.daylight < 0.5:
        light_dark(planes[0], planes[1], planes[2], world.daylight, textures.vignette, noise_seed(world))
    else:
        light_day(planes[0], planes[1], planes[2], world.daylight)
    if world.player.sleeping:
        light_asleep(planes[0], planes[1], planes[2])
    light_woven(planes[0], planes[1], planes[2], picture)
    draw_inventory(world, textures, picture + HIGH * 64 * 3)


cdef inline void draw_cells(const World* world, const Textures* textures, uint8_t* planes) noexcept nogil:
    cdef int left = world.player.x - COLUMNS // 2, top = world.player.y - ROWS // 2, column, row, cell, colour, line
    cdef const uint8_t* tile
    cdef uint8_t* at
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = look(world, left + column, top + row)
            tile = textures.tiles + ((cell & MATERIAL) * LOOKS + look_of(world, cell)) * 3 * UNIT * UNIT
            at = planes + row * UNIT * WIDE + column * UNIT
            for colour in range(3):
                for line in range(UNIT):
                    memcpy(at + colour * PIXELS + line * WIDE, tile + (colour * UNIT + line) * UNIT, UNIT)


cdef inline void draw_inventory(const World* world, const Textures* textures, uint8_t* picture) noexcept nogil:
    cdef int item, line
    cdef const uint8_t* slot
    cdef uint8_t* at
    for item in range(ITEMS):
        if world.player.inventory[item] > 0:
            slot = textures.items + (item * 10 + world.player.inventory[item]) * 3 * UNIT * UNIT
            at = picture + item // ITEMS_IN_ROW * UNIT * 64 * 3 + item % ITEMS_IN_ROW * UNIT * 3
            for line in range(UNIT):
                memcpy(at + line * 64 * 3, slot + line * UNIT * 3, UNIT * 3)


# ---- Pictures for people ----

cdef inline int draw_large(Canvas canvas, const World* world, const Textures* textures) except -1:
    """The same at the textures' own size, and lit evenly."""
    cdef int left = world.player.x - COLUMNS // 2, top = world.player.y - ROWS // 2, column, row, cell, item
    cdef const uint8_t* tile
    cdef double light = (0.4 + 0.6 * world.daylight) * (0.5 if world.player.sleeping else 1)
    canvas.clear(0)
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = look(world, left + column, top + row)
            tile = textures.large_tiles + ((cell & MATERIAL) * LOOKS + look_of(world, cell)) * 3 * LARGE * LARGE
            draw_tile(canvas, row, column, tile, LARGE * LARGE, 1, light)
    for item in range(ITEMS):
        if world.player.inventory[item] > 0:
            tile = textures.large_items + (item * 10 + world.player.inventory[item]) * 3 * LARGE * LARGE
            draw_tile(canvas, ROWS + item // ITEMS_IN_ROW, item % ITEMS_IN_ROW, tile, 1, 3, 1)
    return 0


cdef inline void draw_tile(Canvas canvas, int row, int column, const uint8_t* tile, int next_colour, int next_pixel,
                           double light) noexcept:
    cdef const uint8_t* pixel
    cdef int x, y
    for y in range(LARGE):
        for x in range(LARGE):
            pixel = tile + (y * LARGE + x) * next_pixel
            canvas.cell(row * LARGE + y, column * LARGE + x, ZOOM, 0,
                        <uint32_t>(light * pixel[0]) << 16 | <uint32_t>(light * pixel[next_colour]) << 8 |
                        <uint32_t>(light * pixel[2 * next_colour]))
