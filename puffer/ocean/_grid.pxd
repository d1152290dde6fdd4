# Shared by the environments in which somebody moves on a grid of cells: cliff_walking and frozen_lake, in which this is
# the whole state, and taxi. Header only.
from libc.math cimport llrint
from libc.stdint cimport int32_t, int64_t, uint32_t

from puffer._core cimport Canvas
from puffer.rng cimport rng_bits, rng_t

cdef struct State:
    int32_t row
    int32_t column


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
    return 0 if bits < slips.straight else 1 if bits < slips.one_side else -1


cdef inline bint can_walk(const State* state, int down, int right, int rows, int columns) noexcept nogil:
    """Whether a move by so many cells stays on the grid."""
    return 0 <= state.row + down < rows and 0 <= state.column + right < columns


cdef inline void walk(State* state, int down, int right, int rows, int columns) noexcept nogil:
    """Move; the edge of the grid stops the walker."""
    state.row = min(max(state.row + down, 0), rows - 1)
    state.column = min(max(state.column + right, 0), columns - 1)


cdef inline void draw_flag(Canvas canvas, int row, int column, double side) noexcept nogil:
    cdef double x = side * (column + 0.35), y = side * (row + 0.5)
    canvas.line(x, y - 0.3 * side, x, y + 0.35 * side, side / 16, 0x3D405B)
    canvas.rectangle(x, y - 0.3 * side, x + 0.45 * side, y, 0xE07A5F)


cdef inline void draw_walker(Canvas canvas, const State* state, double side) noexcept nogil:
    cdef double x = side * (state.column + 0.5), y = side * (state.row + 0.5)
    canvas.disc(x, y, 0.24 * side, 0x3D405B)
    canvas.disc(x, y, 0.19 * side, 0xF2A541)


cdef inline str marked(object lines, int row, int column, str marker):
    """The lines of a map as one text, with a marker in place of one character."""
    board = [list(line) for line in lines]
    board[row][column] = marker
    return "\n".join(["".join(line) for line in board])
