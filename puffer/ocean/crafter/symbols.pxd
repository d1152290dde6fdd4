# The symbolic observation of Crafter.
from libc.stdint cimport uint8_t

from puffer.ocean.crafter.world cimport ITEMS, MATERIAL, SIDE, THING, World, look

cdef enum:
    COLUMNS = 9, ROWS = 7, VIEW = 63
    # Materials, things, inventory, and then facing, sleeping, light.
    SYMBOLS = 2 * VIEW + ITEMS + 3


cdef inline void write_symbols(const World* world, uint8_t* symbols) noexcept nogil:
    cdef int left = world.player.x - COLUMNS // 2, top = world.player.y - ROWS // 2, column, row, cell
    cdef const uint8_t* cells
    if 0 <= left <= SIDE - COLUMNS and 0 <= top <= SIDE - ROWS:
        cells = &world.cells[left * SIDE + top]
        for row in range(ROWS):
            for column in range(COLUMNS):
                cell = cells[column * SIDE + row]
                symbols[row * COLUMNS + column] = cell & MATERIAL
                symbols[VIEW + row * COLUMNS + column] = cell // THING
    else:
        for row in range(ROWS):
            for column in range(COLUMNS):
                cell = look(world, left + column, top + row)
                symbols[row * COLUMNS + column] = cell & MATERIAL
                symbols[VIEW + row * COLUMNS + column] = cell // THING
    for cell in range(ITEMS):
        symbols[2 * VIEW + cell] = world.player.inventory[cell]
    symbols[2 * VIEW + ITEMS] = world.player.facing
    symbols[2 * VIEW + ITEMS + 1] = world.player.sleeping
    symbols[2 * VIEW + ITEMS + 2] = <uint8_t>(255 * world.daylight)
