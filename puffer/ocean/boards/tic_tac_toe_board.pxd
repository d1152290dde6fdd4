# The board of tic-tac-toe, and the best moves in every position.
#
# The stones of a seat are nine bits, row by row. A position is a number with a digit to the base of three for each
# cell: 0 empty, 1 a stone of the side to move, 2 one of the other side.
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from puffer.ocean.boards.board_game cimport FULL, ILLEGAL, LINE, PLAYING, State, result_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    /* By the stones of one seat: whether there is a line, and the bits read as digits to the base of three. */
    static uint8_t three_has_line[512];
    static uint16_t three_ternary[512];
    /* By position: the best moves, as bits. */
    static uint16_t three_best_moves[19683];
    """
    uint8_t[512] has_line "three_has_line"
    uint16_t[512] ternary "three_ternary"
    uint16_t[19683] best_moves "three_best_moves"

cdef enum:
    BOARD = (1 << 9) - 1, POSITIONS = 19683


cdef inline int position_of(uint64_t own, uint64_t other) noexcept nogil:
    """The position in which `own` is to move."""
    return ternary[own] + 2 * ternary[other]


cdef inline int solve(uint64_t own, uint64_t other, int8_t* values) noexcept nogil:
    """Find the best moves from here on. The value for the side to move: higher for a sooner win or a later loss."""
    cdef int position = position_of(own, other), empty = 9, cell, value, best = -10
    if best_moves[position]:
        return values[position]
    for cell in range(9):
        empty -= (own | other) >> cell & 1
    if has_line[other]:
        return -1 - empty
    if empty == 0:
        return 0
    for cell in range(9):
        if (own | other) >> cell & 1:
            continue
        value = -solve(other, own | 1 << cell, values)
        if value > best:
            best = value
            best_moves[position] = 0
        if value == best:
            best_moves[position] |= 1 << cell
    values[position] = best
    return best


cdef inline void fill_tables() noexcept nogil:
    """A module that uses the tables calls it when it is imported."""
    cdef int[8] lines = [0o7, 0o70, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124]
    cdef int8_t[POSITIONS] values
    cdef int stones, k
    for stones in range(1, BOARD + 1):
        ternary[stones] = 3 * ternary[stones >> 1] + (stones & 1)
        for k in range(8):
            has_line[stones] |= stones & lines[k] == lines[k]
    memset(values, 0, sizeof(values))
    solve(0, 0, values)


# ---- The rules ----

cdef inline result_t mark(State* state, int seat, int32_t cell) noexcept nogil:
    cdef uint64_t taken = state.stones[0] | state.stones[1]
    if <uint32_t>cell > 8 or taken >> cell & 1:
        return ILLEGAL
    state.stones[seat] |= 1 << cell
    state.last = cell
    return LINE if has_line[state.stones[seat]] else FULL if taken | 1 << cell == BOARD else PLAYING


cdef inline uint32_t empty_cells(const State* state) noexcept nogil:
    """As bits."""
    return BOARD & ~<uint32_t>(state.stones[0] | state.stones[1])


cdef inline uint32_t best_cells(const State* state, int seat, int depth) noexcept nogil:
    """The cells of a seat's moves in perfect play, as bits, whatever the depth."""
    return best_moves[position_of(state.stones[seat], state.stones[1 - seat])]
