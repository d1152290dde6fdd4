"""Go: two players in turn put stones on the crossings of a board and capture those without a liberty; the area counts.

Observation   uint8 (6, size, size), planes of 0 and 1 from the view of the row's player: 0 its own stones, 1 the
              other's, 2 the cells that it may take, 3 all 1 if this row is to move, 4 all 1 if it plays black, 5 all 1
              if the last move was a pass. Where the row is not to move, the planes 2 and 3 are 0, as for both rows in
              the last observation of a game.
Action        Discrete(size * size + 1): a cell, size * row + column from the top left, or size * size, a pass. The
              action of a row that is not to move is ignored.
Reward        at the end +1 for the larger score and -1 for the smaller one, 0 for equal ones; -1 for an illegal move, 0
              when the other makes one; 0 otherwise.
Terminated    by two passes in a row; by the stone number 4 * size * size of a game; or by an illegal move: both rows at
              once.
Truncated     after 2 * size * size moves, or max_steps if given: 162 steps of self-play on 9 x 9, half as many with an
              opponent, who moves in each of them.
Start         an empty board. Black begins; who plays black is drawn for every game, or fixed by the parameter starter.
Rules         Those of Tromp and Taylor, without suicide. A stone captures the other's groups that it leaves without a
              liberty. Illegal are a cell that is taken, a stone whose own group has no liberty after the captures, and
              a stone that repeats a position of the game, whoever was to move (positional superko). The score is the
              area: the stones, and the empty cells from which empty cells lead to no stone of the other. White's score
              includes the komi.
Source        Tromp 1995, "The game of Go"; the rules of pgx's go and OpenSpiel's. There the player who repeats a
              position loses, or nobody wins, here the move is illegal; there a game that is too long is counted, here
              it is truncated; in pgx white wins a drawn game.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step. An opponent that begins makes its first move in the reset.
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, memset, uint8_t, uint16_t, uint64_t
from puffer.ocean.boards.board_game cimport Opponent, read_opponent
from puffer.ocean.boards.go_board cimport Board, Game, Group, Rules, fill_keys, rules_of, set_up
from puffer.ocean.boards.go_players cimport greedy_move, random_move
from puffer.ocean.boards.go_rules cimport play, rebuild
from puffer.ocean.boards.stone_game cimport (
    ONGOING, Turn, begin, board_text, end_game, headline, opponent_moves, plain_board, plain_turn, plays_at_random,
    row_to_move, show_planes, stone_on,
)

fill_keys()

cpdef enum Cell:
    EMPTY
    BLACK
    WHITE


@cython.final
cdef class Go(Env):
    """Go(num_envs=1, *, size=9, komi=7.5, opponent=None, starter="random", epsilon=0.0, **options)
--

Go in self-play, or against an opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of games.
size : int
    Rows and columns of the board, 5 to 19.
komi : float
    What the score of white includes, -361 to 361.
opponent : str, optional
    "random", which draws among its legal moves, passes included, or "greedy", which captures and saves as many stones
    as it can, else draws among the cells that are not between its own stones only, and passes if there are none, or if
    that wins. By default None, for self-play.
starter : str or int
    Who plays black: "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
epsilon : float
    Probability that the greedy opponent makes a random move instead, 0 to 1.
**options
    The options of `puffer.Env`.

Attributes
----------
size : int
komi : float
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
    cdef readonly double komi
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly double epsilon
    cdef Opponent player
    cdef Rules rules
    cdef uint8_t[:, :, :, ::1] observations
    cdef int32_t[::1] actions
    cdef Game* games
    cdef uint8_t* planes
    cdef uint8_t* points
    cdef uint16_t* roots
    cdef uint16_t* following
    cdef Group* groups
    cdef uint64_t* history

    def __init__(self, num_envs=1, *, size=9, komi=7.5, opponent=None, starter="random", epsilon=0.0, **options):
        self.require_unmade()
        size, komi = checks.integer("size", size, 5, 19), checks.number("komi", komi, -361, 361)
        player = read_opponent(opponent, starter, epsilon, 1, "greedy")
        seats = 2 if opponent is None else 1
        if options.get("max_steps") is None:
            options["max_steps"] = seats * size * size
        self.size, self.komi, self.rules = size, komi, rules_of(size, komi)
        super().__init__(num_envs, spaces.Box(0, 1, (6, size, size), np.uint8), spaces.Discrete(size * size + 1),
                         snapshot_key=(opponent, size, komi), agents_per_env=seats, observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.opponent, self.starter, self.epsilon, self.player = opponent, starter, epsilon, player
        self.games = <Game*>self.new_state(sizeof(Game))
        self.planes = <uint8_t*>self.new_state(3 * self.rules.cells)
        self.points = <uint8_t*>self.new_state(self.rules.room)
        self.roots = <uint16_t*>self.new_state(self.rules.points * sizeof(uint16_t))
        self.following = <uint16_t*>self.new_state(self.rules.points * sizeof(uint16_t))
        self.groups = <Group*>self.new_state(self.rules.points * sizeof(Group))
        self.history = <uint64_t*>self.new_state(self.rules.most_stones * sizeof(uint64_t))

    @property
    def render_size(self):
        return 36 * self.size, 36 * self.size + 36

    cdef inline Board _board(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t first = i * self.rules.points
        return Board(rules=&self.rules, game=&self.games[i], planes=self.planes + i * 3 * self.rules.cells,
                     points=self.points + i * self.rules.room, roots=self.roots + first,
                     following=self.following + first, groups=self.groups + first,
                     history=self.history + i * self.rules.most_stones)

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
            memset(target + cells, board.game.passes > 0, cells)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i, row
        for i in range(first, last):
            if self.games[i].turn.standing == ONGOING:
                row = row_to_move(self, i, &self.games[i].turn)
                memcpy(&masks[row, 0], self._board(i).planes + 2 * self.rules.cells, self.rules.cells)
                masks[row, self.rules.cells] = True

    cdef int save_one(self, Py_ssize_t i) except -1:
        # The rings of groups depend on the order of the moves; what is restored is built from the stones.
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
        cdef int cell, owner, k, size = self.size
        cdef double x, y, first = 18, last = 36 * size - 18
        canvas.clear(0xE3B778)
        for k in range(size):
            canvas.line(first, 36 * k + 18, last, 36 * k + 18, 1.5, 0x6B4F2A)
            canvas.line(36 * k + 18, first, 36 * k + 18, last, 1.5, 0x6B4F2A)
        for cell in range(self.rules.cells):
            owner = stone_on(self._board(i).planes, cell, self.rules.cells)
            x, y = 36 * (cell % size) + 18, 36 * (cell // size) + 18
            if owner != EMPTY:
                canvas.disc(x, y, 16, 0x1B1B1E if owner == BLACK else 0xF4F1EA)
            if cell == turn.last:
                canvas.disc(x, y, 5, 0xE07A5F)
        canvas.text(10, 36 * size + 11, 12, headline(turn).encode(), 0x1B1B1E)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        return board_text(self._board(i).planes, self.size, "") + "\n" + headline(&self.games[i].turn)
