# Board games for two players: seats, turns, results, opponents.
#
# The players have the seats 0 and 1. In self-play these are the two rows of a copy. With an opponent, seat 0 is the
# only row of a copy, and the opponent on seat 1 answers in the same step.
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from puffer._core cimport Env
from puffer.ocean._clip cimport clamped
from puffer.rng cimport rng_below, rng_bits, rng_chance, rng_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>

    /* For every word of nine bits: the indices of its set bits, in order, and at the end their number. */
    static uint8_t set_bits[512][16];

    static inline void fill_set_bits(void) {
        for (int bits = 0; bits < 512; bits++) {
            uint8_t count = 0;
            for (uint8_t bit = 0; bit < 9; bit++)
                if (bits >> bit & 1) set_bits[bits][count++] = bit;
            set_bits[bits][15] = count;
        }
    }

    /* Writes a byte of 0 or 1 for each of the seven lowest bits, and an eighth of 0. */
    static inline void store_seven(uint8_t *target, uint64_t bits) {
        /* Seven copies of seven bits, shifted by seven each, do not overlap; the mask takes bit k of the k-th one. */
        uint64_t bytes = (bits & 0x7F) * UINT64_C(0x0002040810204081) & UINT64_C(0x0101010101010101);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        bytes = __builtin_bswap64(bytes);
    #endif
        memcpy(target, &bytes, 8);
    }
    """
    uint8_t[512][16] set_bits
    # A module that draws bits calls it when it is imported.
    void fill_set_bits()
    void store_seven(uint8_t* target, uint64_t bits)

# The player on seat 1.
cdef enum opponent_t:
    SELF_PLAY
    RANDOM_PLAYER
    SEARCHER

cdef enum:
    RANDOM_STARTER = -1

# The outcome of a move.
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

cdef struct State:
    # The stones of the two seats, one bit a cell.
    uint64_t stones[2]
    # The seat to move; after the game, the seat that made the last move.
    int32_t seat
    int32_t result
    # The cell of the last stone, for the picture; -1 while there is none.
    int32_t last

cdef struct Opponent:
    opponent_t kind
    # The seat that begins, or RANDOM_STARTER.
    int starter
    # How many moves ahead the search looks; the probability of a random move instead.
    int depth
    double epsilon

# The rules of a game. Where they are passed on, the compiler inlines the functions.
#
# Puts a stone on the board.
ctypedef result_t (*play_t)(State* state, int seat, int32_t action) noexcept nogil
# The legal actions, as bits.
ctypedef uint32_t (*legal_t)(const State* state) noexcept nogil
# The best actions of a seat, as bits.
ctypedef uint32_t (*best_t)(const State* state, int seat, int depth) noexcept nogil


# ---- Parameters ----

cdef inline Opponent read_opponent(object opponent, object starter, object epsilon, int depth,
                                   str scripted="search") except *:
    """The parameters that the games share, checked; `scripted` is the name of the opponent that does not only draw."""
    from puffer import checks
    kinds = {None: SELF_PLAY, "random": RANDOM_PLAYER, scripted: SEARCHER}
    if not (opponent is None or isinstance(opponent, str)) or opponent not in kinds:
        raise ValueError(f"opponent must be None, 'random' or {scripted!r}, got {opponent!r}")
    if isinstance(starter, str) and starter != "random":
        raise ValueError(f"starter must be 'random', 0 or 1, got {starter!r}")
    seat = RANDOM_STARTER if isinstance(starter, str) else checks.integer("starter", starter, 0, 1)
    return Opponent(kind=kinds[opponent], starter=seat, depth=depth, epsilon=checks.number("epsilon", epsilon, 0, 1))


# ---- Turns ----

cdef inline void start_game(State* state, rng_t* rng, const Opponent* opponent, play_t play, legal_t legal,
                            best_t best) noexcept nogil:
    """Clear the board. An opponent that begins makes its first move."""
    memset(state, 0, sizeof(State))
    state.seat = <int32_t>(rng_bits(rng) >> 31) if opponent.starter == RANDOM_STARTER else opponent.starter
    state.last = -1
    if opponent.kind != SELF_PLAY and state.seat == 1:
        play(state, 1, answer(state, rng, opponent, legal, best))
        state.seat = 0


cdef inline int answer(const State* state, rng_t* rng, const Opponent* opponent, legal_t legal,
                       best_t best) noexcept nogil:
    """The move of the opponent."""
    if opponent.kind == RANDOM_PLAYER or (opponent.epsilon > 0 and rng_chance(rng, opponent.epsilon)):
        return draw_bit(rng, legal(state))
    return draw_bit(rng, best(state, 1, opponent.depth))


cdef inline void play_turn(Env env, Py_ssize_t i, State* state, const int32_t* actions, const Opponent* opponent,
                           play_t play, legal_t legal, best_t best) noexcept nogil:
    """The step of copy i, whose rows have these actions."""
    cdef result_t result
    cdef int seat
    if opponent.kind == SELF_PLAY:
        seat = state.seat
        result = play(state, seat, actions[seat])
        state.seat = seat ^ (result == PLAYING)
    else:
        result = play(state, 0, actions[0])
        if result == PLAYING:
            result = play(state, 1, answer(state, &env.rng[i], opponent, legal, best))
            state.seat = result != PLAYING
    if result != PLAYING:
        end_game(env, i, state, result)


cdef inline void end_game(Env env, Py_ssize_t i, State* state, result_t result) noexcept nogil:
    """Write the rewards, flags and statistics of the rows of copy i; state.seat made the last move."""
    cdef Py_ssize_t seat, row
    cdef bint own
    state.result = result
    for seat in range(env.agents_per_env):
        row = i * env.agents_per_env + seat
        own = seat == state.seat
        env.terminations[row] = True
        if result == LINE:
            env.rewards[row] = 1 if own else -1
        elif result == ILLEGAL and own:
            env.rewards[row] = -1
        env.statistics[row, WON] = own and result == LINE
        env.statistics[row, DRAWN] = result == FULL
        env.statistics[row, ILLEGAL_MOVE] = own and result == ILLEGAL


cdef inline void bound_state(State* state, uint64_t board) noexcept nogil:
    """Make a state that may have any bytes one whose stones lie in the cells of `board`."""
    state.stones[0] &= board
    state.stones[1] &= board & ~state.stones[0]
    state.seat, state.result = clamped(state.seat, 0, 1), clamped(state.result, PLAYING, ILLEGAL)
    state.last = clamped(state.last, -1, 47)


cdef inline bint is_to_move(const State* state, Py_ssize_t seat) noexcept nogil:
    return (state.result == PLAYING) & (state.seat == seat)


cdef inline void mark_actions(const State* states, Py_ssize_t agents, uint8_t[:, ::1] masks, Py_ssize_t first,
                              Py_ssize_t last, legal_t legal) noexcept nogil:
    """Mark the legal actions of the copies first to last - 1 in their rows; none of a row that is not to move."""
    cdef Py_ssize_t i, seat, action
    cdef uint32_t bits
    for i in range(first, last):
        for seat in range(agents):
            bits = legal(&states[i]) * is_to_move(&states[i], seat)
            for action in range(masks.shape[1]):
                masks[i * agents + seat, action] = bits >> action & 1


# ---- Bits ----

cdef inline int draw_bit(rng_t* rng, uint32_t bits) noexcept nogil:
    """The index of one of the set bits of the lowest nine, uniformly; 0 if none is, which no play leads to."""
    return set_bits[bits][rng_below(rng, max(set_bits[bits][15], 1))]


# ---- Games as plain values, and as text ----

cdef inline object side_to_move(const State* state):
    """The seat to move, or None after the game."""
    return state.seat if state.result == PLAYING else None


cdef inline list actions_of(uint32_t bits):
    return [action for action in range(9) if bits >> action & 1]


cdef inline int owner(const State* state, int cell) noexcept nogil:
    """0 for an empty cell, 1 for a stone of seat 0, 2 for a stone of seat 1."""
    return (state.stones[0] >> cell & 1) + 2 * (state.stones[1] >> cell & 1)


cdef inline str headline(const State* state, str first, str second):
    """Whose move it is, or the result; the seats go by the names `first` and `second`."""
    name = second if state.seat else first
    return (f"{name} to move", f"{name} wins", "draw", f"{name}: illegal move")[state.result]
