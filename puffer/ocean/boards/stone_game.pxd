# Games of black and white stones: seats, turns, ends, opponents, planes.
#
# Colours are 0 for black and 1 for white. Black begins; which of the two seats of board_game.pxd plays black is drawn
# for every game, or fixed.
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy, memset

from puffer._core cimport Env
from puffer.ocean._clip cimport clamped
from puffer.ocean.boards.board_game cimport (
    DRAWN, ILLEGAL_MOVE, RANDOM_PLAYER, RANDOM_STARTER, SELF_PLAY, WON, Opponent,
)
from puffer.rng cimport rng_below, rng_bits, rng_chance, rng_t

# How a game stands. The colour c has won by BLACK_WINS + c; in a forfeit, the colour to move has made an illegal move.
cdef enum standing_t:
    ONGOING
    BLACK_WINS
    WHITE_WINS
    DRAW
    FORFEIT

cdef struct Turn:
    # The colour to move; after the game, the colour that made the last move.
    int32_t colour
    # The seat of black.
    int32_t black
    int32_t standing
    # The cell of the last stone, for the picture; -1 while there is none, and after a pass.
    int32_t last


# ---- Turns ----

cdef inline void begin(Turn* turn, rng_t* rng, const Opponent* opponent) noexcept nogil:
    """Black is to move in a new game."""
    turn.colour, turn.standing, turn.last = 0, ONGOING, -1
    turn.black = <int32_t>(rng_bits(rng) >> 31) if opponent.starter == RANDOM_STARTER else opponent.starter


cdef inline bint opponent_moves(const Turn* turn, const Opponent* opponent) noexcept nogil:
    """Whether the next move is the opponent's."""
    return turn.standing == ONGOING and opponent.kind != SELF_PLAY and turn.black != turn.colour


cdef inline bint plays_at_random(rng_t* rng, const Opponent* opponent) noexcept nogil:
    """Whether the opponent makes a random move this time."""
    return opponent.kind == RANDOM_PLAYER or (opponent.epsilon > 0 and rng_chance(rng, opponent.epsilon))


cdef inline bint is_to_move(const Turn* turn, Py_ssize_t seat) noexcept nogil:
    return turn.standing == ONGOING and turn.colour == (seat ^ turn.black)


cdef inline Py_ssize_t row_to_move(Env env, Py_ssize_t i, const Turn* turn) noexcept nogil:
    """The row of copy i whose action is the next move."""
    return i * env.agents_per_env + (turn.black ^ turn.colour) * (env.agents_per_env - 1)


cdef inline void end_game(Env env, Py_ssize_t i, const Turn* turn) noexcept nogil:
    """Write the rewards, flags and statistics of the rows of copy i, whose game is over."""
    cdef Py_ssize_t seat, row
    cdef int colour
    cdef bint has_won, is_illegal
    for seat in range(env.agents_per_env):
        row = i * env.agents_per_env + seat
        colour = seat ^ turn.black
        has_won = turn.standing == BLACK_WINS + colour
        is_illegal = turn.standing == FORFEIT and turn.colour == colour
        env.terminations[row] = True
        if has_won:
            env.rewards[row] = 1
        elif is_illegal or turn.standing == BLACK_WINS or turn.standing == WHITE_WINS:
            env.rewards[row] = -1
        env.statistics[row, WON] = has_won
        env.statistics[row, DRAWN] = turn.standing == DRAW
        env.statistics[row, ILLEGAL_MOVE] = is_illegal


cdef inline void bound_turn(Turn* turn, int cells) noexcept nogil:
    """Make a turn that may have any bytes a possible one."""
    turn.colour, turn.black = clamped(turn.colour, 0, 1), clamped(turn.black, 0, 1)
    turn.standing, turn.last = clamped(turn.standing, ONGOING, FORFEIT), clamped(turn.last, -1, cells - 1)


# ---- Planes: a byte of 0 or 1 for each cell ----

cdef inline uint8_t* show_planes(uint8_t* target, const Turn* turn, Py_ssize_t seat, const uint8_t* stones,
                                 const uint8_t* legal, int cells) noexcept nogil:
    """Write the planes that all games have, as a seat sees them; where the next one begins.

    `stones` has the planes of black and white, and `legal` that of the colour to move.
    """
    cdef int colour = seat ^ turn.black
    cdef bint moves = is_to_move(turn, seat)
    memcpy(target, stones + colour * cells, cells)
    memcpy(target + cells, stones + (1 - colour) * cells, cells)
    if moves:
        memcpy(target + 2 * cells, legal, cells)
    else:
        memset(target + 2 * cells, 0, cells)
    memset(target + 3 * cells, moves, cells)
    return target + 4 * cells


cdef inline int draw_mark(rng_t* rng, const uint8_t* marks, int count) noexcept nogil:
    """The index of one of the bytes that are 1, uniformly; -1 if none is."""
    cdef int k, total = 0, rank
    for k in range(count):
        total += marks[k]
    if total == 0:
        return -1
    rank = rng_below(rng, total)
    for k in range(count):
        rank -= marks[k]
        if rank < 0:
            break
    return k


# ---- Games as plain values, and as text ----

cdef inline int stone_on(const uint8_t* stones, int cell, int cells) noexcept nogil:
    """0 for an empty cell, 1 for a black stone, 2 for a white one."""
    return stones[cell] + 2 * stones[cells + cell]


cdef inline object plain_board(const uint8_t* stones, int size):
    import numpy as np
    return np.array([stone_on(stones, cell, size * size) for cell in range(size * size)], np.int8).reshape(size, size)


cdef inline str board_text(const uint8_t* stones, int size, str indent):
    """A line for each row, each further in than the one before by `indent`."""
    signs = [".XO"[stone_on(stones, cell, size * size)] for cell in range(size * size)]
    return "\n".join([indent * row + " ".join(signs[row * size:(row + 1) * size]) for row in range(size)])


cdef inline dict plain_turn(const Turn* turn):
    """The seat to move, or None after the game, and the seat of black."""
    return {"to_move": turn.black ^ turn.colour if turn.standing == ONGOING else None, "black": turn.black}


cdef inline str headline(const Turn* turn):
    """Whose move it is, or the result; the numbers are those of the seats."""
    black, white = f"black ({turn.black})", f"white ({1 - turn.black})"
    name = white if turn.colour else black
    return (f"{name} to move", f"{black} wins", f"{white} wins", "draw", f"{name}: illegal move")[turn.standing]
