"""Tic-tac-toe: two players in turn put a stone on a board of 3 x 3; three in a line win.

Observation   uint8 (28,), each 0 or 1, as the row's own player sees it: 0 to 8 the own stones and 9 to 17 the other's,
              cell by cell; 18 whether this row is to move; 19 to 27 the cells it may take, all 0 when it is not to
              move. In the last observation of a game nobody is to move.
Action        Discrete(9): a cell, 3 * row + column. The action of a row that is not to move is ignored.
Reward        +1 for completing a line, -1 for the other's; -1 for an illegal move, 0 for the other's; 0 before.
Terminated    by a line, a full board, or an illegal move (a cell that is taken): both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         an empty board; who begins is drawn for every game, or fixed by the parameter starter.
Source        the rules of PettingZoo's tictactoe_v3, which counts the cells down the columns; there the first begins.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step, and begins when the reset says so.
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean.boards.board_game cimport (
    FULL, ILLEGAL, LINE, PLAYING, RANDOM_PLAYER, SELF_PLAY, Game, draw_bit, end_game, fill_set_bits, headline,
    is_to_move, opponent_kind, opponent_t, owner, result_t, start_game, starter_kind, store_seven,
)
from puffer.rng cimport rng_chance

import_puffer()

cpdef enum Cell:
    EMPTY
    X
    O

cdef enum:
    BOARD = (1 << 9) - 1
    POSITIONS = 19683

# By the stones of one player, as bits: whether there is a line, and the bits read as digits to the base of three.
cdef uint8_t[BOARD + 1] _has_line
cdef uint16_t[BOARD + 1] _ternary
# By position: the moves of perfect play, as bits.
cdef uint16_t[POSITIONS] _best_moves


cdef inline int _position(uint64_t own, uint64_t other) noexcept nogil:
    """The number of the position in which `own` is to move."""
    return _ternary[own] + 2 * _ternary[other]


cdef int _solve(uint64_t own, uint64_t other, int8_t* values) noexcept nogil:
    """Find the best moves from here on. The value for the side to move: higher for a sooner win or a later loss."""
    cdef int position = _position(own, other), empty = 9, cell, value, best = -10
    if _best_moves[position]:
        return values[position]
    for cell in range(9):
        empty -= (own | other) >> cell & 1
    if _has_line[other]:
        return -1 - empty
    if empty == 0:
        return 0
    for cell in range(9):
        if (own | other) >> cell & 1:
            continue
        value = -_solve(other, own | 1 << cell, values)
        if value > best:
            best = value
            _best_moves[position] = 0
        if value == best:
            _best_moves[position] |= 1 << cell
    values[position] = best
    return best


def _fill_tables():
    cdef int8_t[::1] values = np.zeros(POSITIONS, np.int8)
    cdef int stones
    fill_set_bits()
    for stones in range(1, BOARD + 1):
        _ternary[stones] = 3 * _ternary[stones >> 1] + (stones & 1)
        _has_line[stones] = any(stones & line == line for line in (7, 56, 448, 73, 146, 292, 273, 84))
    _solve(0, 0, &values[0])


_fill_tables()


@cython.final
cdef class TicTacToe(Env):
    """TicTacToe(num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options)
--

`opponent` is None for self-play, "random", or "search", which plays perfectly: it draws among the moves that win
soonest, if none wins among those that draw, else among those that lose latest; with the probability `epsilon` it makes
a random move instead. `starter` is "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    render_modes = ("rgb_array", "ansi")
    render_size = (240, 276)
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly double epsilon
    cdef opponent_t opponent_kind
    cdef int starter_kind
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef Game* games

    def __init__(self, num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options):
        kind, first = opponent_kind(opponent), starter_kind(starter)
        epsilon = checks.number("epsilon", epsilon, 0, 1)
        super().__init__(num_envs, spaces.Box(0, 1, (28,), np.uint8), spaces.Discrete(9), snapshot_key=(opponent,),
                         agents_per_env=2 if opponent is None else 1, observes_in_step=True, **options)
        self.opponent, self.opponent_kind = opponent, kind
        self.starter, self.starter_kind = starter, first
        self.epsilon = epsilon
        self.games = <Game*>self.new_state(sizeof(Game))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Game* game = &self.games[i]
        start_game(game, &self.rng[i], self.starter_kind)
        if self.opponent_kind != SELF_PLAY and game.seat == 1:
            self.move(game, 1, self.answer(i))
            game.seat = 0

    cdef inline result_t move(self, Game* game, int seat, int32_t cell) noexcept nogil:
        cdef uint64_t taken = game.stones[0] | game.stones[1]
        if <uint32_t>cell > 8 or taken >> cell & 1:
            return ILLEGAL
        game.stones[seat] |= 1 << cell
        game.last = cell
        return LINE if _has_line[game.stones[seat]] else FULL if taken | 1 << cell == BOARD else PLAYING

    cdef inline int answer(self, Py_ssize_t i) noexcept nogil:
        """The move of the opponent."""
        cdef Game* game = &self.games[i]
        cdef uint32_t cells
        if self.opponent_kind == RANDOM_PLAYER or (self.epsilon > 0 and rng_chance(&self.rng[i], self.epsilon)):
            cells = BOARD & ~(game.stones[0] | game.stones[1])
        else:
            cells = _best_moves[_position(game.stones[1], game.stones[0])]
        return draw_bit(&self.rng[i], cells)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Game* game = &self.games[i]
        cdef result_t result
        cdef int seat
        if self.opponent_kind == SELF_PLAY:
            seat = game.seat
            result = self.move(game, seat, self.actions[2 * i + seat])
            game.seat = seat ^ (result == PLAYING)
        else:
            result = self.move(game, 0, self.actions[i])
            if result == PLAYING:
                result = self.move(game, 1, self.answer(i))
                game.seat = result != PLAYING
        if result != PLAYING:
            end_game(self, i, game, result)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        if self.opponent_kind == SELF_PLAY:
            self.show(&self.games[i], 0, 2 * i)
            self.show(&self.games[i], 1, 2 * i + 1)
        else:
            self.show(&self.games[i], 0, i)

    cdef inline void show(self, const Game* game, int seat, Py_ssize_t row) noexcept nogil:
        """Write what the player of a seat sees."""
        cdef uint64_t turn = (1 | (BOARD & ~(game.stones[0] | game.stones[1])) << 1) * is_to_move(game, seat)
        cdef uint64_t bits = game.stones[seat] | game.stones[1 - seat] << 9 | turn << 18
        cdef uint8_t* target = &self.observations[row, 0]
        # Eight bytes for seven bits: each write but the last is corrected by the next one.
        store_seven(target, bits)
        store_seven(target + 7, bits >> 7)
        store_seven(target + 14, bits >> 14)
        store_seven(target + 20, bits >> 20)
        target[27] = bits >> 27

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    def state(self, copy=0):
        """A dict of one copy: `board`, an int8 array (3, 3) of Cell; `to_move`, 0, 1, or None after the game."""
        self.require_settled("state")
        cdef Game* game = &self.games[checks.integer("copy", copy, 0, self.num_copies - 1)]
        board = np.array([owner(game, cell) for cell in range(9)], np.int8).reshape(3, 3)
        return {"board": board, "to_move": game.seat if game.result == PLAYING else None}

    def best_actions(self, copy=0):
        """The moves of perfect play for the side to move in one copy, a list; empty after the game."""
        self.require_settled("best_actions")
        cdef Game* game = &self.games[checks.integer("copy", copy, 0, self.num_copies - 1)]
        if game.result != PLAYING:
            return []
        cells = _best_moves[_position(game.stones[game.seat], game.stones[1 - game.seat])]
        return [cell for cell in range(9) if cells >> cell & 1]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Game* game = &self.games[i]
        cdef int cell, paper
        cdef double x, y
        canvas.clear(0xF4F1EA)
        for cell in range(9):
            x, y = 80 * (cell % 3) + 40, 80 * (cell // 3) + 40
            paper = 0xF2E3C6 if cell == game.last else 0xFFFFFF
            canvas.cell(cell // 3, cell % 3, 80, 2, paper)
            if owner(game, cell) == X:
                canvas.line(x - 20, y - 20, x + 20, y + 20, 9, 0xE07A5F)
                canvas.line(x - 20, y + 20, x + 20, y - 20, 9, 0xE07A5F)
            elif owner(game, cell) == O:
                canvas.disc(x, y, 26, 0x3D405B)
                canvas.disc(x, y, 17, paper)
        canvas.text(10, 251, 14, headline(game, "X", "O").encode(), 0x3D405B)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef Game* game = &self.games[i]
        rows = [" ".join(".XO"[owner(game, 3 * row + column)] for column in range(3)) for row in range(3)]
        return "\n".join([*rows, headline(game, "X", "O")])
