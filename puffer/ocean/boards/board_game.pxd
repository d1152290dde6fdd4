# What the board games for two share: seats, results, opponents, and the drawing of a bit.
#
# The players sit on seat 0 and seat 1. In self-play these are the two rows of a copy. With an opponent, seat 0 is the
# copy's one row, and the opponent on seat 1 answers within the same step.
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from puffer._core cimport Env
from puffer.rng cimport rng_below, rng_bits, rng_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>

    /* For every set of at most nine bits: their numbers, in order, and at the end how many there are. */
    static uint8_t set_bits[512][16];

    static void fill_set_bits(void) {
        for (int bits = 0; bits < 512; bits++) {
            uint8_t count = 0;
            for (uint8_t bit = 0; bit < 9; bit++)
                if (bits >> bit & 1) set_bits[bits][count++] = bit;
            set_bits[bits][15] = count;
        }
    }

    /* Writes a byte of 0 or 1 for each of the seven lowest bits, and an eighth of 0. */
    static inline void store_seven(uint8_t *target, uint64_t bits) {
        /* Seven copies of seven bits, seven places apart, do not overlap; of the k-th the mask takes bit k. */
        uint64_t bytes = (bits & 0x7F) * UINT64_C(0x0002040810204081) & UINT64_C(0x0101010101010101);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        bytes = __builtin_bswap64(bytes);
    #endif
        memcpy(target, &bytes, 8);
    }
    """
    uint8_t[512][16] set_bits
    # To be called by a module that draws bits, when it is imported.
    void fill_set_bits()
    void store_seven(uint8_t* target, uint64_t bits)

# Who sits on seat 1.
cdef enum opponent_t:
    SELF_PLAY
    RANDOM_PLAYER
    SEARCHER

cdef enum:
    RANDOM_STARTER = -1

# What a move led to.
cdef enum result_t:
    PLAYING
    LINE
    FULL
    ILLEGAL

# Columns of the statistics.
cdef enum:
    WON
    DRAWN
    ILLEGAL_MOVE

cdef struct Game:
    # The stones of the two seats, one bit a cell.
    uint64_t stones[2]
    # The seat to move; after the game, the seat that made the last move.
    int32_t seat
    int32_t result
    # The cell of the last stone, for the picture; -1 while there is none.
    int32_t last


# ---- Parameters ----

cdef inline opponent_t opponent_kind(object value) except *:
    if value is None:
        return SELF_PLAY
    if isinstance(value, str) and value in ("random", "search"):
        return RANDOM_PLAYER if value == "random" else SEARCHER
    raise ValueError(f"opponent must be None, 'random' or 'search', got {value!r}")


cdef inline int starter_kind(object value) except -2:
    from puffer import checks
    if not isinstance(value, str):
        return checks.integer("starter", value, 0, 1)
    if value != "random":
        raise ValueError(f"starter must be 'random', 0 or 1, got {value!r}")
    return RANDOM_STARTER


# ---- Turns ----

cdef inline void start_game(Game* game, rng_t* rng, int starter) noexcept nogil:
    memset(game, 0, sizeof(Game))
    game.seat = <int32_t>(rng_bits(rng) >> 31) if starter == RANDOM_STARTER else starter
    game.last = -1


cdef inline bint is_to_move(const Game* game, Py_ssize_t seat) noexcept nogil:
    return (game.result == PLAYING) & (game.seat == seat)


cdef inline void end_game(Env env, Py_ssize_t i, Game* game, result_t result) noexcept nogil:
    """Write the rewards, flags and statistics of the rows of copy i; game.seat made the last move."""
    cdef Py_ssize_t seat, row
    cdef bint own
    game.result = result
    for seat in range(env.agents_per_env):
        row = i * env.agents_per_env + seat
        own = seat == game.seat
        env.terminations[row] = True
        if result == LINE:
            env.rewards[row] = 1 if own else -1
        elif result == ILLEGAL and own:
            env.rewards[row] = -1
        env.statistics[row, WON] = own and result == LINE
        env.statistics[row, DRAWN] = result == FULL
        env.statistics[row, ILLEGAL_MOVE] = own and result == ILLEGAL


# ---- Bits ----

cdef inline int draw_bit(rng_t* rng, uint32_t bits) noexcept nogil:
    """The number of one of the set bits, uniformly; at least one, and none above the ninth, is set."""
    return set_bits[bits][rng_below(rng, set_bits[bits][15])]


# ---- For people ----

cdef inline int owner(const Game* game, int cell) noexcept nogil:
    """0 for an empty cell, 1 for a stone of seat 0, 2 for a stone of seat 1."""
    return (game.stones[0] >> cell & 1) + 2 * (game.stones[1] >> cell & 1)


cdef inline str headline(const Game* game, str first, str second):
    """How the game stands, in a few words; the seats go by the names `first` and `second`."""
    name = second if game.seat else first
    return (f"{name} to move", f"{name} wins", "draw", f"{name}: illegal move")[game.result]
