# The board of Connect Four, and the search for the best move on it.
#
# A board is a word: a byte for each row, the top one first, and in it a bit for each column. The eighth bit of a row
# is never set, so that no line runs from one end of a row to the other end of the next.
from libc.stdint cimport int32_t, uint32_t, uint64_t

from puffer.ocean.boards.board_game cimport FULL, ILLEGAL, LINE, PLAYING, State, result_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #define FOUR_BOARD UINT64_C(0x7F7F7F7F7F7F)
    #define FOUR_FLOOR UINT64_C(0x7F0000000000)
    #define FOUR_COLUMN UINT64_C(0x010101010101)
    /* The middle first, where most lines run: good moves early make the search short. */
    static const int four_order[7] = {3, 2, 4, 1, 5, 0, 6};
    #define lowest_bit(word) __builtin_ctzll(word)
    """
    const uint64_t BOARD "FOUR_BOARD"
    const uint64_t FLOOR "FOUR_FLOOR"
    const uint64_t COLUMN "FOUR_COLUMN"
    const int[7] ORDER "four_order"
    int lowest_bit(uint64_t word)


cdef inline uint64_t pairs(uint64_t stones, int stride) noexcept nogil:
    return stones & stones >> stride


cdef inline bint has_line(uint64_t stones) noexcept nogil:
    # One step along a row is 1 bit, along a column 8, along the diagonals 7 and 9.
    cdef uint64_t row = pairs(stones, 1), column = pairs(stones, 8)
    cdef uint64_t falling = pairs(stones, 9), rising = pairs(stones, 7)
    return (pairs(row, 2) | pairs(column, 16) | pairs(falling, 18) | pairs(rising, 14)) != 0


cdef inline uint64_t fourths(uint64_t stones, int stride) noexcept nogil:
    """The cells that complete a line of this stride with three of the stones."""
    cdef uint64_t before = stones << stride & stones << 2 * stride, after = stones >> stride & stones >> 2 * stride
    return before & (stones << 3 * stride | stones >> stride) | after & (stones >> 3 * stride | stones << stride)


cdef inline uint64_t winning_cells(uint64_t stones) noexcept nogil:
    """The cells, empty or not, on which one more stone completes a line."""
    # In a column, only the top stone can be the fourth.
    cdef uint64_t column = stones >> 8 & stones >> 16 & stones >> 24
    return column | fourths(stones, 1) | fourths(stones, 7) | fourths(stones, 9)


cdef inline uint64_t open_cells(uint64_t taken) noexcept nogil:
    """The cells on which a stone comes to rest."""
    return (taken >> 8 | FLOOR) & ~taken & BOARD


cdef inline int search(uint64_t own, uint64_t other, int depth, int low, int high) noexcept nogil:
    """The value for the side to move within `depth` >= 1 moves, as far as it lies between `low` and `high`.

    A line that is completed when r moves are left, itself included, counts r for its owner; anything else counts 0.
    """
    cdef uint64_t cells = open_cells(own | other), threats, cell
    cdef int k
    if winning_cells(own) & cells:
        return depth
    if cells == 0 or depth == 1:
        return 0
    threats = winning_cells(other) & cells
    if threats & (threats - 1):
        return 1 - depth
    if threats:
        cells = threats
    # Nothing is worse than a loss by the next move, and nothing better than a win by the one after it.
    low, high = max(low, 1 - depth), min(high, max(depth - 2, 0))
    for k in range(7):
        if low >= high:
            break
        cell = cells & COLUMN << ORDER[k]
        if cell:
            low = max(low, -search(other, own | cell, depth - 1, -high, -low))
    return low


# ---- The rules ----

cdef inline result_t drop(State* state, int seat, int32_t column) noexcept nogil:
    cdef uint64_t taken = state.stones[0] | state.stones[1], stone
    if <uint32_t>column > 6 or taken >> column & 1:
        return ILLEGAL
    stone = open_cells(taken) & COLUMN << column
    state.stones[seat] |= stone
    state.last = lowest_bit(stone)
    return LINE if has_line(state.stones[seat]) else FULL if taken | stone == BOARD else PLAYING


cdef inline uint32_t open_columns(const State* state) noexcept nogil:
    """The columns that are not full, as bits."""
    return ~(state.stones[0] | state.stones[1]) & 0x7F


cdef inline uint32_t best_columns(const State* state, int seat, int depth) noexcept nogil:
    """The columns of a seat's best moves within `depth`, as bits."""
    cdef uint64_t own = state.stones[seat], other = state.stones[1 - seat]
    cdef uint64_t cells = open_cells(own | other), wins = winning_cells(own), cell
    cdef int k, value, best = -depth
    cdef uint32_t columns = 0
    for k in range(7):
        cell = cells & COLUMN << ORDER[k]
        if cell == 0:
            continue
        if cell & wins or depth == 1:
            value = depth if cell & wins else 0
        else:
            value = -search(other, own | cell, depth - 1, -depth, 1 - best)
        if value > best:
            best = value
            columns = 0
        if value == best:
            columns |= 1 << ORDER[k]
    return columns
