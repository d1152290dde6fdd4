# The seven pieces of Tetris, in the order IOTSZJL, and their wall kicks: the tables of the Super Rotation System.
from libc.stdint cimport int8_t, uint16_t

cdef extern from * nogil:
    """
    #include <stdint.h>

    /* The box of 4 x 4 cells of each piece in each of its four rotations, clockwise: a hexadecimal digit for a row,
     * from the top, with its highest bit on the left. */
    static const uint16_t tetris_boxes[28] = {
        0x0F00, 0x2222, 0x00F0, 0x4444, 0x6600, 0x6600, 0x6600, 0x6600, 0x4E00, 0x4640, 0x0E40, 0x4C40,
        0x6C00, 0x4620, 0x06C0, 0x8C40, 0xC600, 0x2640, 0x0C60, 0x4C80, 0x8E00, 0x6440, 0x0E20, 0x44C0,
        0x2E00, 0x4460, 0x0E80, 0xC440};

    /* For I and for the other pieces, by rotation, five offsets to the right and up. The k-th wall kick from rotation a
     * to rotation b is the k-th offset of a less that of b. */
    static const int8_t tetris_offsets[2][4][5][2] = {
        {{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}},
         {{0, 0}, {2, 0}, {-1, 0}, {2, 1}, {-1, -2}},
         {{0, 0}, {3, 0}, {-3, 0}, {3, -1}, {-3, -1}},
         {{0, 0}, {1, 0}, {-2, 0}, {1, -2}, {-2, 1}}},
        {{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}},
         {{0, 0}, {1, 0}, {1, -1}, {0, 2}, {1, 2}},
         {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}},
         {{0, 0}, {-1, 0}, {-1, -1}, {0, 2}, {-1, 2}}}};
    """
    const uint16_t[28] BOXES "tetris_boxes"
    const int8_t[2][4][5][2] OFFSETS "tetris_offsets"


cdef inline list box_cells(int shape):
    """The row and column, in its box, of each of the four cells of a shape, which is 4 * piece + rotation."""
    return [divmod(cell, 4) for cell in range(16) if BOXES[shape] << cell & 0x8000]
