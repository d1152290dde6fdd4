"""Connect Four: two players in turn drop a stone into one of seven columns; four in a line win.

Observation   uint8 (92,), each 0 or 1, as the row's own player sees it: 0 to 41 the own stones and 42 to 83 the
              other's, each a board of 6 rows x 7 columns from the top; 84 whether this row is to move; 85 to 91 the
              columns it may choose, all 0 when it is not to move. In the last observation of a game nobody is to move.
Action        Discrete(7): a column from the left. The action of a row that is not to move is ignored.
Reward        +1 for completing a line, -1 for the other's; -1 for an illegal move, 0 for the other's; 0 before.
Terminated    by a line, a full board, or an illegal move (a column that is full): both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         an empty board; who begins is drawn for every game, or fixed by the parameter starter.
Source        the rules of PettingZoo's connect_four_v3, where the first player begins.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step, and begins when the reset says so.
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.ocean.boards.board_game cimport (
    FULL, ILLEGAL, LINE, PLAYING, RANDOM_PLAYER, SELF_PLAY, Game, draw_bit, end_game, fill_set_bits, headline,
    is_to_move, opponent_kind, opponent_t, owner, result_t, start_game, starter_kind, store_seven,
)
from puffer.ocean.boards.connect_four_board cimport BOARD, COLUMN, best_columns, has_line, lowest_bit, open_cells
from puffer.rng cimport rng_chance

import_puffer()
fill_set_bits()

cpdef enum Cell:
    EMPTY
    RED
    YELLOW

cdef enum:
    # Places in an observation.
    OTHER = 42
    TO_MOVE = 84


cdef inline int _place(uint64_t stone, int board) noexcept nogil:
    """Where an observation shows a new stone; of none, a place that is written after it."""
    cdef int bit = lowest_bit(stone) if stone else 0
    return board + bit - (bit >> 3) if stone else TO_MOVE


cdef inline void _show_turn(const Game* game, Py_ssize_t seat, uint8_t* target) noexcept nogil:
    cdef uint64_t turn = (1 | (~(game.stones[0] | game.stones[1]) & 0x7F) << 1) * is_to_move(game, seat)
    store_seven(target + TO_MOVE, turn)
    target[TO_MOVE + 7] = turn >> 7


@cython.final
cdef class ConnectFour(Env):
    """ConnectFour(num_envs=1, *, opponent=None, starter="random", search_depth=4, epsilon=0.0, **options)
--

`opponent` is None for self-play, "random", or "search", which looks `search_depth` (1 to 12) moves ahead: it draws
among the moves that win soonest, if none wins among those that do not lose, else among those that lose latest; with
the probability `epsilon` it makes a random move instead. `starter` is "random", 0 for the first row of a copy, or 1
for the second row or the opponent. The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    render_modes = ("rgb_array", "ansi")
    render_size = (336, 324)
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly int search_depth
    cdef readonly double epsilon
    cdef opponent_t opponent_kind
    cdef int starter_kind
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef Game* games

    def __init__(self, num_envs=1, *, opponent=None, starter="random", search_depth=4, epsilon=0.0, **options):
        kind, first = opponent_kind(opponent), starter_kind(starter)
        search_depth = checks.integer("search_depth", search_depth, 1, 12)
        epsilon = checks.number("epsilon", epsilon, 0, 1)
        super().__init__(num_envs, spaces.Box(0, 1, (92,), np.uint8), spaces.Discrete(7), snapshot_key=(opponent,),
                         agents_per_env=2 if opponent is None else 1, observes_in_step=True, **options)
        self.opponent, self.opponent_kind = opponent, kind
        self.starter, self.starter_kind = starter, first
        self.search_depth, self.epsilon = search_depth, epsilon
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

    cdef inline result_t move(self, Game* game, int seat, int32_t column) noexcept nogil:
        cdef uint64_t taken = game.stones[0] | game.stones[1], stone
        if <uint32_t>column > 6 or taken >> column & 1:
            return ILLEGAL
        stone = open_cells(taken) & COLUMN << column
        game.stones[seat] |= stone
        game.last = lowest_bit(stone)
        return LINE if has_line(game.stones[seat]) else FULL if taken | stone == BOARD else PLAYING

    cdef inline int answer(self, Py_ssize_t i) noexcept nogil:
        """The move of the opponent."""
        cdef Game* game = &self.games[i]
        cdef uint32_t columns
        if self.opponent_kind == RANDOM_PLAYER or (self.epsilon > 0 and rng_chance(&self.rng[i], self.epsilon)):
            columns = ~(game.stones[0] | game.stones[1]) & 0x7F
        else:
            columns = best_columns(game.stones[1], game.stones[0], self.search_depth)
        return draw_bit(&self.rng[i], columns)

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
        cdef Game* game = &self.games[i]
        cdef Py_ssize_t seat
        cdef uint8_t* target
        cdef int row
        for seat in range(self.agents_per_env):
            target = &self.observations[i * self.agents_per_env + seat, 0]
            # Eight bytes for seven columns: the eighth is corrected by what follows.
            for row in range(6):
                store_seven(target + 7 * row, game.stones[seat] >> 8 * row)
            for row in range(6):
                store_seven(target + OTHER + 7 * row, game.stones[1 - seat] >> 8 * row)
            _show_turn(game, seat, target)

    cdef inline void observe_move(self, Py_ssize_t i, const Game* before) noexcept nogil:
        """Write what has changed since `before`."""
        cdef Game* game = &self.games[i]
        cdef uint64_t first = game.stones[0] ^ before.stones[0], second = game.stones[1] ^ before.stones[1]
        cdef uint8_t* target = &self.observations[i * self.agents_per_env, 0]
        target[_place(first, 0)] = 1
        target[_place(second, OTHER)] = 1
        _show_turn(game, 0, target)
        if self.opponent_kind == SELF_PLAY:
            target = &self.observations[2 * i + 1, 0]
            target[_place(second, 0)] = 1
            target[_place(first, OTHER)] = 1
            _show_turn(game, 1, target)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        cdef Game before
        for i in range(first, last):
            before = self.games[i]
            self.step_one(i)
            if self.retained:
                self.observe_move(i, &before)
            else:
                self.observe(i)

    def state(self, copy=0):
        """A dict of one copy: `board`, an int8 array (6, 7) of Cell; `to_move`, 0, 1, or None after the game."""
        self.require_settled("state")
        cdef Game* game = &self.games[checks.integer("copy", copy, 0, self.num_copies - 1)]
        board = np.array([[owner(game, 8 * row + column) for column in range(7)] for row in range(6)], np.int8)
        return {"board": board, "to_move": game.seat if game.result == PLAYING else None}

    def best_actions(self, copy=0):
        """The moves among which the search draws for the side to move in one copy, a list; empty after the game."""
        self.require_settled("best_actions")
        cdef Game* game = &self.games[checks.integer("copy", copy, 0, self.num_copies - 1)]
        if game.result != PLAYING:
            return []
        columns = best_columns(game.stones[game.seat], game.stones[1 - game.seat], self.search_depth)
        return [column for column in range(7) if columns >> column & 1]

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Game* game = &self.games[i]
        cdef int cell, code
        cdef double x, y
        canvas.clear(0x3A5A80)
        for cell in range(48):
            if cell & 7 < 7:
                x, y = 48 * (cell & 7) + 24, 48 * (cell >> 3) + 24
                code = owner(game, cell)
                canvas.disc(x, y, 20, 0xE07A5F if code == RED else 0xF2CC8F if code == YELLOW else 0x1B2A41)
                if cell == game.last:
                    canvas.disc(x, y, 6, 0x1B2A41)
        canvas.text(10, 299, 14, headline(game, "red", "yellow").encode(), 0xF4F1EA)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef Game* game = &self.games[i]
        rows = [" ".join(".RY"[owner(game, 8 * row + column)] for column in range(7)) for row in range(6)]
        return "\n".join([*rows, "0 1 2 3 4 5 6", headline(game, "red", "yellow")])
