# Shared by the environments in which somebody moves on a grid of cells: cliff_walking, frozen_lake and taxi. A cell has
# the number row * columns + column. Header only.
from libc.math cimport llrint
from libc.stdint cimport int32_t, int64_t, uint32_t

from puffer._core cimport Canvas
from puffer.rng cimport rng_bits, rng_t

# Of 32 random bits: below `straight` a move goes straight on, below `one_side` to one side, else to the other one.
cdef struct Slips:
    int64_t straight
    int64_t one_side


cdef inline Slips slips_of(double straight) noexcept nogil:
    """Moves that go straight on with a probability, and to either side with half of the rest."""
    cdef double all_bits = 4294967296.0
    return Slips(straight=llrint(straight * all_bits), one_side=llrint((1 + straight) / 2 * all_bits))


cdef inline int slip(rng_t* rng, const Slips* slips) noexcept nogil:
    """Draw a turn: 0 for straight on, 1 to one side, -1 to the other one."""
    cdef uint32_t bits = rng_bits(rng)
    # Sums of comparisons instead of branches, which random bits make unpredictable.
    return (bits >= slips.straight) - 2 * (bits >= slips.one_side)


cdef inline int neighbour(int cell, int down, int right, int rows, int columns) noexcept nogil:
    """The cell to which a move by a number of cells leads; the edge of the grid stops it."""
    cdef int row = min(max(cell // columns + down, 0), rows - 1)
    cdef int column = min(max(cell % columns + right, 0), columns - 1)
    return row * columns + column


cdef inline void draw_flag(Canvas canvas, int row, int column, double side) noexcept nogil:
    cdef double x = side * (column + 0.35), y = side * (row + 0.5)
    canvas.line(x, y - 0.3 * side, x, y + 0.35 * side, side / 16, 0x3D405B)
    canvas.rectangle(x, y - 0.3 * side, x + 0.45 * side, y, 0xE07A5F)


cdef inline void draw_walker(Canvas canvas, int row, int column, double side) noexcept nogil:
    cdef double x = side * (column + 0.5), y = side * (row + 0.5)
    canvas.disc(x, y, 0.24 * side, 0x3D405B)
    canvas.disc(x, y, 0.19 * side, 0xF2A541)


cdef inline tuple told_of_moves(object drawn, const int32_t* elapsed):
    """What `row_infos` makes of the probabilities of moves, an array by row: 1 where an episode begins."""
    cdef Py_ssize_t k
    shown = drawn.copy()
    for k in range(len(drawn)):
        if elapsed[k] == 0:
            shown[k] = 1
    return {"prob": shown}, {"prob": drawn}


cdef inline str marked(object lines, int row, int column, str marker):
    """The lines of a map as one text, with a marker in place of one character."""
    board = [list(line) for line in lines]
    board[row][column] = marker
    return "\n".join(["".join(line) for line in board])
