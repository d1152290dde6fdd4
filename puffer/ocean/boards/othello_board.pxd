# The board of Othello, its moves, and a player that weighs the cells.
#
# The discs of a colour are the bits of a uint64_t: bit 8 * row + column, from the top left.
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from puffer.ocean.boards.stone_game cimport BLACK_WINS, DRAW, FORFEIT, ONGOING, WHITE_WINS, Turn
from puffer.rng cimport rng_below, rng_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    #define OTHELLO_INNER UINT64_C(0x7E7E7E7E7E7E7E7E)
    #define OTHELLO_CORNERS UINT64_C(0x8100000000000081)
    /* Next to a corner, along an edge; and on the diagonal. */
    #define OTHELLO_BESIDE UINT64_C(0x4281000000008142)
    #define OTHELLO_DIAGONAL UINT64_C(0x0042000000004200)
    #define OTHELLO_EDGES UINT64_C(0x3C0081818181003C)
    #define othello_count(word) __builtin_popcountll(word)
    #define othello_lowest(word) __builtin_ctzll(word)
    static const int othello_shifts[4] = {1, 7, 8, 9};

    /* Writes a byte of 0 or 1 for each of the eight bits of a byte. */
    static inline void othello_store_eight(uint8_t *target, uint64_t byte) {
        /* Byte k keeps bit k of a copy of the byte; adding 127 carries it, whichever it is, into the top bit. */
        uint64_t bytes = byte * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
        bytes = (bytes + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7 & UINT64_C(0x0101010101010101);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        bytes = __builtin_bswap64(bytes);
    #endif
        memcpy(target, &bytes, 8);
    }
    """
    const uint64_t INNER "OTHELLO_INNER"
    const uint64_t CORNERS "OTHELLO_CORNERS"
    const uint64_t BESIDE "OTHELLO_BESIDE"
    const uint64_t DIAGONAL "OTHELLO_DIAGONAL"
    const uint64_t EDGES "OTHELLO_EDGES"
    const int[4] SHIFTS "othello_shifts"
    int count_bits "othello_count"(uint64_t word)
    int lowest_bit "othello_lowest"(uint64_t word)
    void store_eight "othello_store_eight"(uint8_t* target, uint64_t byte)

cdef enum:
    CELLS = 64
    PASS = 64

cdef struct State:
    Turn turn
    uint64_t discs[2]
    # The cells that the colour to move may take.
    uint64_t legal


# ---- Lines of discs ----

cdef inline uint64_t rising(uint64_t start, uint64_t between, int shift) noexcept nogil:
    """The cells of `between` in unbroken lines from `start`, in the direction of the shift to the left."""
    # Lines of 1, 2, 4 and 6: no longer one lies between two discs.
    cdef uint64_t line = between & start << shift, pairs = between & between << shift
    line |= between & line << shift
    line |= pairs & line << 2 * shift
    return line | pairs & line << 2 * shift


cdef inline uint64_t falling(uint64_t start, uint64_t between, int shift) noexcept nogil:
    """The same in the direction of the shift to the right."""
    cdef uint64_t line = between & start >> shift, pairs = between & between >> shift
    line |= between & line >> shift
    line |= pairs & line >> 2 * shift
    return line | pairs & line >> 2 * shift


cdef inline uint64_t enclosable(uint64_t other, int shift) noexcept nogil:
    """The discs of the other that may lie within a line of this direction: for all but columns, not at the sides."""
    return other if shift == 8 else other & INNER


cdef inline uint64_t legal_cells(uint64_t own, uint64_t other) noexcept nogil:
    """The empty cells from which a line of the other's discs leads to an own one."""
    cdef uint64_t cells = 0, between
    cdef int k
    for k in range(4):
        between = enclosable(other, SHIFTS[k])
        cells |= rising(own, between, SHIFTS[k]) << SHIFTS[k] | falling(own, between, SHIFTS[k]) >> SHIFTS[k]
    return cells & ~(own | other)


cdef inline uint64_t turned(uint64_t own, uint64_t other, uint64_t disc) noexcept nogil:
    """The other's discs that a new one turns over."""
    cdef uint64_t discs = 0, between, line
    cdef int k
    for k in range(4):
        between = enclosable(other, SHIFTS[k])
        line = rising(disc, between, SHIFTS[k])
        if line << SHIFTS[k] & own:
            discs |= line
        line = falling(disc, between, SHIFTS[k])
        if line >> SHIFTS[k] & own:
            discs |= line
    return discs


# ---- The rules ----

cdef inline void set_up(State* state) noexcept nogil:
    """The four discs of the start."""
    state.discs[0] = <uint64_t>1 << 28 | <uint64_t>1 << 35
    state.discs[1] = <uint64_t>1 << 27 | <uint64_t>1 << 36
    state.legal = legal_cells(state.discs[0], state.discs[1])


cdef inline void play(State* state, int32_t action) noexcept nogil:
    """A move of the colour to move."""
    cdef Turn* turn = &state.turn
    cdef uint64_t* own = &state.discs[turn.colour]
    cdef uint64_t* other = &state.discs[1 - turn.colour]
    cdef uint64_t disc, discs
    cdef int lead
    if <uint32_t>action < CELLS and state.legal >> action & 1:
        disc = <uint64_t>1 << action
        discs = turned(own[0], other[0], disc)
        own[0] |= disc | discs
        other[0] &= ~discs
        turn.last = action
    elif action == PASS and state.legal == 0:
        turn.last = -1
    else:
        turn.standing = FORFEIT
        return
    state.legal = legal_cells(other[0], own[0])
    if state.legal == 0 and legal_cells(own[0], other[0]) == 0:
        lead = count_bits(state.discs[0]) - count_bits(state.discs[1])
        turn.standing = BLACK_WINS if lead > 0 else WHITE_WINS if lead < 0 else DRAW
    else:
        turn.colour ^= 1


cdef inline void bound_state(State* state) noexcept nogil:
    """Make a state that may have any bytes a board with at most one disc on a cell."""
    state.discs[1] &= ~state.discs[0]
    state.legal = legal_cells(state.discs[state.turn.colour], state.discs[1 - state.turn.colour])


# ---- Players ----

cdef inline int nth_bit(uint64_t bits, int rank) noexcept nogil:
    cdef int _
    for _ in range(rank):
        bits &= bits - 1
    return lowest_bit(bits)


cdef inline int random_move(const State* state, rng_t* rng) noexcept nogil:
    if state.legal == 0:
        return PASS
    return nth_bit(state.legal, rng_below(rng, count_bits(state.legal)))


cdef inline int worth(uint64_t discs) noexcept nogil:
    return (count_bits(discs) + 19 * count_bits(discs & CORNERS) + 2 * count_bits(discs & EDGES)
            - 5 * count_bits(discs & BESIDE) - 9 * count_bits(discs & DIAGONAL))


cdef inline int greedy_move(const State* state, rng_t* rng) noexcept nogil:
    """One of the moves after which the own discs are worth most beside the other's."""
    cdef uint64_t own = state.discs[state.turn.colour], other = state.discs[1 - state.turn.colour]
    cdef uint64_t remaining = state.legal, best = 0, disc, discs
    cdef int value, most = -1000
    if state.legal == 0:
        return PASS
    while remaining:
        disc = remaining & (0 - remaining)
        remaining ^= disc
        discs = turned(own, other, disc)
        value = worth(own | disc | discs) - worth(other & ~discs)
        if value > most:
            most, best = value, 0
        if value == most:
            best |= disc
    return nth_bit(best, rng_below(rng, count_bits(best)))


# ---- Planes ----

cdef inline void spread(uint64_t bits, uint8_t* plane) noexcept nogil:
    """Write a byte of 0 or 1 for each bit."""
    cdef int row
    for row in range(8):
        store_eight(plane + 8 * row, bits >> 8 * row & 0xFF)
