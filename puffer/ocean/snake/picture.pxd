# Pictures of Snake's map, and the map as text.
from libc.stdint cimport uint32_t

from puffer._core cimport Canvas

cdef enum:
    # Cells of the map, as in snake.pyx.
    EMPTY = 0, FOOD = 2, BODY = 5, HEAD = 6
    # Colours, 0xRRGGBB.
    GROUND = 0x101820, WALLS = 0x5C677D, MEAL = 0xFFFFFF


cdef inline int tile_size(int width, int height):
    """Pixels of a cell's side."""
    return max(1, min(24, 768 // (max(width, height) + 2)))


cdef inline uint32_t paint(int owner) except *:
    """The colour of a snake; those of neighbouring indices differ most."""
    import colorsys
    golden_ratio = 0.618034
    red, green, blue = colorsys.hsv_to_rgb(golden_ratio * owner % 1, 0.65, 255)
    return int(red) << 16 | int(green) << 8 | int(blue)


cdef inline int draw_map(Canvas canvas, object cells, object owners) except -1:
    """The map in a frame of walls, from the arrays that `Snake.state` has."""
    import numpy as np
    cdef int row, column, size = tile_size(cells.shape[1], cells.shape[0])
    canvas.clear(WALLS)
    canvas.rectangle(size, size, canvas.width - size, canvas.height - size, GROUND)
    for row, column in np.argwhere(cells != EMPTY) + 1:
        cell = cells[row - 1, column - 1]
        if cell != FOOD:
            canvas.cell(row, column, size, 0.05 * size, paint(owners[row - 1, column - 1]))
        if cell != BODY:
            colour = MEAL if cell == FOOD else GROUND
            canvas.disc((column + 0.5) * size, (row + 0.5) * size, 0.3 * size, colour)
    return 0


cdef inline str write_map(object cells, object owners):
    """The map as text: food is a star, a snake a letter, its head a capital one."""
    import numpy as np
    letters = np.where(cells == HEAD, ord("A"), ord("a")) + owners % 26
    letters = np.where(cells == EMPTY, ord("."), np.where(cells == FOOD, ord("*"), letters))
    return "\n".join(["".join(map(chr, row)) for row in letters])
