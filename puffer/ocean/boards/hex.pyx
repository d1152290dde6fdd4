"""Hex: two players in turn put stones on a rhombus of hexagons; who connects two opposite sides wins.

Observation   uint8 (5, size, size), planes of 0 and 1 from the view of the row's player: 0 its own stones, 1 the
              other's, 2 the cells that it may take, 3 all 1 if this row is to move, 4 all 1 if it plays black; with
              swap=True a sixth one, 5 all 1 if it may swap. Where the row is not to move, the planes 2, 3 and 5 are 0,
              as for both rows in the last observation of a game.
Action        Discrete(size * size): a cell, size * row + column from the top left; with swap=True one more, the last,
              to swap. The action of a row that is not to move is ignored.
Reward        +1 for a path between the own two sides, -1 when the other has one; -1 for an illegal move, 0 when the
              other makes one; 0 otherwise.
Terminated    by a path, which one of the players has at the latest on a full board, or by an illegal move (a cell that
              is taken, or a swap that is not offered): both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         an empty board. Black begins; who plays black is drawn for every game, or fixed by the parameter starter.
Rules         The cell in row r and column c touches those in row r and columns c - 1 and c + 1, in row r - 1 and
              columns c and c + 1, and in row r + 1 and columns c - 1 and c. Black connects the top and the bottom,
              white the left and the right. With swap=True, white may answer the first move by a swap: the black stone
              becomes white and goes to the other side of the long diagonal, from row r and column c to row c and column
              r.
Source        Hein 1942 and Nash 1948; the rules of OpenSpiel's hex and of pgx's, which always offers the swap.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step. An opponent that begins makes its first move in the reset.
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, memset, uint8_t, uint16_t
from puffer.ocean.boards.board_game cimport Opponent, read_opponent
from puffer.ocean.boards.hex_board cimport Board, Game, Rules, greedy_move, play, random_move, rebuild, rules_of, set_up
from puffer.ocean.boards.stone_game cimport (
    ONGOING, Turn, begin, board_text, end_game, headline, is_to_move, opponent_moves, plain_board, plain_turn,
    plays_at_random, row_to_move, show_planes, stone_on,
)

cpdef enum Cell:
    EMPTY
    BLACK
    WHITE

cdef enum:
    # Of a cell in the picture, in pixels: half its height, and its width, which is sqrt(3) times as much.
    RADIUS = 15
    WIDTH = 26
    MARGIN = 28


@cython.final
cdef class Hex(Env):
    """Hex(num_envs=1, *, size=11, swap=False, opponent=None, starter="random", epsilon=0.0, **options)
--

Hex in self-play, or against an opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of games.
size : int
    Rows and columns of the board, 3 to 19.
swap : bool
    Whether white may answer the first move by a swap.
opponent : str, optional
    "random", which draws among its legal moves, or "greedy", which draws among the cells for which the shortest paths
    of both colours through the cell, in empty cells, are shortest together; it never swaps. By default None, for
    self-play.
starter : str or int
    Who plays black: "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
epsilon : float
    Probability that the greedy opponent makes a random move instead, 0 to 1.
**options
    The options of `puffer.Env`.

Attributes
----------
size : int
swap : bool
opponent : str or None
starter : str or int
epsilon : float
    As given.

Notes
-----
`state(copy)` has `board`, int8 (size, size), a Cell each; `to_move`, the row 0 or 1, or None after the game; and
`black`, the row that plays black, where 1 may be the opponent.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    cdef readonly int size
    cdef readonly bint swap
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly double epsilon
    cdef Opponent player
    cdef Rules rules
    cdef uint8_t[:, :, :, ::1] observations
    cdef int32_t[::1] actions
    cdef Game* games
    cdef uint8_t* planes
    cdef uint8_t* colours
    cdef uint16_t* parents

    def __init__(self, num_envs=1, *, size=11, swap=False, opponent=None, starter="random", epsilon=0.0, **options):
        self.require_unmade()
        size, swap = checks.integer("size", size, 3, 19), checks.boolean("swap", swap)
        player = read_opponent(opponent, starter, epsilon, 1, "greedy")
        self.size, self.swap, self.rules = size, swap, rules_of(size, swap)
        super().__init__(num_envs, spaces.Box(0, 1, (5 + swap, size, size), np.uint8),
                         spaces.Discrete(size * size + swap), snapshot_key=(opponent, size, swap),
                         agents_per_env=2 if opponent is None else 1, observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.opponent, self.starter, self.epsilon, self.player = opponent, starter, epsilon, player
        self.games = <Game*>self.new_state(sizeof(Game))
        self.planes = <uint8_t*>self.new_state(3 * self.rules.cells + 1)
        self.colours = <uint8_t*>self.new_state(self.rules.points)
        self.parents = <uint16_t*>self.new_state(self.rules.points * sizeof(uint16_t))

    @property
    def render_size(self):
        return 2 * MARGIN + WIDTH * (3 * self.size - 1) // 2, 3 * MARGIN + RADIUS * (3 * self.size + 1) // 2

    cdef inline Board _board(self, Py_ssize_t i) noexcept nogil:
        return Board(rules=&self.rules, game=&self.games[i], planes=self.planes + i * (3 * self.rules.cells + 1),
                     colours=self.colours + i * self.rules.points, parents=self.parents + i * self.rules.points)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Board board = self._board(i)
        begin(&board.game.turn, &self.rng[i], &self.player)
        set_up(&board)
        self._answer(i, &board)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Board board = self._board(i)
        play(&board, self.actions[row_to_move(self, i, &board.game.turn)])
        self._answer(i, &board)
        if board.game.turn.standing != ONGOING:
            end_game(self, i, &board.game.turn)

    cdef inline void _answer(self, Py_ssize_t i, Board* board) noexcept nogil:
        """Make the opponent's move, if it is its turn."""
        if opponent_moves(&board.game.turn, &self.player):
            if plays_at_random(&self.rng[i], &self.player):
                play(board, random_move(board, &self.rng[i]))
            else:
                play(board, greedy_move(board, &self.rng[i]))

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Board board = self._board(i)
        cdef Turn* turn = &board.game.turn
        cdef int cells = self.rules.cells
        cdef Py_ssize_t seat
        cdef uint8_t* target
        for seat in range(self.agents_per_env):
            target = &self.observations[i * self.agents_per_env + seat, 0, 0, 0]
            target = show_planes(target, turn, seat, board.planes, board.planes + 2 * cells, cells)
            memset(target, turn.black == seat, cells)
            if self.swap:
                memset(target + cells, board.planes[3 * cells] and is_to_move(turn, seat), cells)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i, row
        for i in range(first, last):
            if self.games[i].turn.standing == ONGOING:
                row = row_to_move(self, i, &self.games[i].turn)
                # Whether the swap is legal comes after the cells.
                memcpy(&masks[row, 0], self._board(i).planes + 2 * self.rules.cells, masks.shape[1])

    cdef int save_one(self, Py_ssize_t i) except -1:
        # The trees of chains depend on the order of the moves; what is restored is built from the stones.
        cdef Board board = self._board(i)
        rebuild(&board)
        return 0

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef Board board = self._board(i)
        rebuild(&board)

    cdef dict state_one(self, Py_ssize_t i):
        return {"board": plain_board(self._board(i).planes, self.size), **plain_turn(&self.games[i].turn)}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Turn* turn = &self.games[i].turn
        cdef int cell, owner, size = self.size
        cdef double x, y
        canvas.clear(0xD9C7A7)
        self._draw_sides(canvas)
        for cell in range(self.rules.cells):
            owner = stone_on(self._board(i).planes, cell, self.rules.cells)
            x = MARGIN + WIDTH * (1 + 2 * (cell % size) + cell // size) / 2.0
            y = MARGIN + RADIUS * (1 + 1.5 * (cell // size))
            self._draw_hexagon(canvas, x, y, RADIUS - 1, 0xF2E3C6)
            if owner != EMPTY:
                canvas.disc(x, y, 9, 0x1B1B1E if owner == BLACK else 0xFFFFFF)
            if cell == turn.last:
                canvas.disc(x, y, 3, 0xE07A5F)
        canvas.text(10, self.render_size[1] - 24, 12, headline(turn).encode(), 0x1B1B1E)
        return 0

    cdef void _draw_sides(self, Canvas canvas) noexcept nogil:
        """The sides that each colour connects, as the margins of the board."""
        cdef double slope = WIDTH / (3.0 * RADIUS), left = MARGIN - 9 - slope * (RADIUS + 8), top = MARGIN - 8
        cdef double height = RADIUS * (1.5 * self.size + 0.5) + 16, width = WIDTH * self.size + 18
        cdef double low = top + height, shift = slope * height
        cdef double[8] corners = [left, top, left + width, top, left + width + shift, low, left + shift, low]
        cdef int k, to
        for k in range(4):
            to = (k + 1) & 3
            canvas.line(corners[2 * k], corners[2 * k + 1], corners[2 * to], corners[2 * to + 1], 7,
                        0xFFFFFF if k & 1 else 0x1B1B1E)

    cdef void _draw_hexagon(self, Canvas canvas, double x, double y, double radius, int colour) noexcept nogil:
        """A hexagon that stands on a corner."""
        cdef double side = radius * 0.8660254, half = radius / 2
        cdef double[12] corners = [x, y - radius, x + side, y - half, x + side, y + half,
                                   x, y + radius, x - side, y + half, x - side, y - half]
        canvas.polygon(corners, 6, colour)

    cdef object ansi_one(self, Py_ssize_t i):
        return board_text(self._board(i).planes, self.size, " ") + "\n" + headline(&self.games[i].turn)
