"""Othello: two players in turn put discs on a board of 8 x 8 and turn over those that they enclose; most discs win.

Observation   uint8 (4, 8, 8), planes of 0 and 1 from the view of the row's player: 0 its own discs, 1 the other's, 2
              the cells that it may take, 3 all 1 if this row is to move. Where it is not, the planes 2 and 3 are 0, as
              for both rows in the last observation of a game. A row that is to move and may take no cell has to pass.
Action        Discrete(65): a cell, 8 * row + column from the top left, or 64, a pass. The action of a row that is not
              to move is ignored.
Reward        +1 for more discs at the end, -1 for fewer, 0 for as many; -1 for an illegal move, 0 when the other makes
              one; 0 otherwise.
Terminated    when neither player can take a cell, or by an illegal move: both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         black discs on e4 and d5, white ones on d4 and e5. Black begins; who plays black is drawn for every game,
              or fixed by the parameter starter.
Rules         A disc has to enclose a line of the other's discs, straight or diagonal, with an own one; all that it
              encloses are turned over. To pass is legal only for a player that can take no cell.
Source        Hasegawa 1973, "Othello"; the rules of OpenSpiel's othello and of pgx's. There the passes of both players
              end a game that nobody can go on with; here and in OpenSpiel it has ended before.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step. An opponent that begins makes its first move in the reset.
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer cimport Canvas, Env, int32_t, uint8_t
from puffer.ocean.boards.board_game cimport Opponent, read_opponent
from puffer.ocean.boards.othello_board cimport (
    CELLS, PASS, State, bound_state, greedy_move, play, random_move, set_up, spread,
)
from puffer.ocean.boards.stone_game cimport (
    ONGOING, begin, bound_turn, end_game, headline, opponent_moves, plain_turn, plays_at_random, row_to_move,
    show_planes,
)

cpdef enum Cell:
    EMPTY
    BLACK
    WHITE


@cython.final
cdef class Othello(Env):
    """Othello(num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options)
--

Othello in self-play, or against an opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of games.
opponent : str, optional
    "random", which draws among its legal moves, or "greedy", which draws among the moves after which its discs are
    worth most beside the other's: a disc in a corner 20, elsewhere on the edge 3, next to a corner -4 on the edge and
    -8 on the diagonal, on any other cell 1. By default None, for self-play.
starter : str or int
    Who plays black: "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
epsilon : float
    Probability that the greedy opponent makes a random move instead, 0 to 1.
**options
    The options of `puffer.Env`.

Attributes
----------
opponent : str or None
starter : str or int
epsilon : float
    As given.

Notes
-----
`state(copy)` has `board`, int8 (8, 8), a Cell each; `to_move`, the row 0 or 1, or None after the game; and `black`, the
row that plays black, where 1 may be the opponent.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    render_size = (320, 356)
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly double epsilon
    cdef Opponent player
    cdef uint8_t[:, :, :, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options):
        player = read_opponent(opponent, starter, epsilon, 1, "greedy")
        super().__init__(num_envs, spaces.Box(0, 1, (4, 8, 8), np.uint8), spaces.Discrete(CELLS + 1),
                         snapshot_key=(opponent,), agents_per_env=2 if opponent is None else 1, observes_in_step=True,
                         **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.opponent, self.starter, self.epsilon, self.player = opponent, starter, epsilon, player
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        begin(&self.state[i].turn, &self.rng[i], &self.player)
        set_up(&self.state[i])
        self._answer(i)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        play(state, self.actions[row_to_move(self, i, &state.turn)])
        self._answer(i)
        if state.turn.standing != ONGOING:
            end_game(self, i, &state.turn)

    cdef inline void _answer(self, Py_ssize_t i) noexcept nogil:
        """Make the opponent's move, if it is its turn."""
        cdef State* state = &self.state[i]
        if opponent_moves(&state.turn, &self.player):
            if plays_at_random(&self.rng[i], &self.player):
                play(state, random_move(state, &self.rng[i]))
            else:
                play(state, greedy_move(state, &self.rng[i]))

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint8_t[3 * CELLS] planes
        cdef Py_ssize_t seat
        spread(state.discs[0], planes)
        spread(state.discs[1], planes + CELLS)
        spread(state.legal, planes + 2 * CELLS)
        for seat in range(self.agents_per_env):
            show_planes(&self.observations[i * self.agents_per_env + seat, 0, 0, 0], &state.turn, seat, planes,
                        planes + 2 * CELLS, CELLS)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i, row
        for i in range(first, last):
            if self.state[i].turn.standing == ONGOING:
                row = row_to_move(self, i, &self.state[i].turn)
                spread(self.state[i].legal, &masks[row, 0])
                masks[row, PASS] = self.state[i].legal == 0

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        bound_turn(&self.state[i].turn, CELLS)
        bound_state(&self.state[i])

    cdef inline int _owner(self, Py_ssize_t i, int cell) noexcept nogil:
        return (self.state[i].discs[0] >> cell & 1) + 2 * (self.state[i].discs[1] >> cell & 1)

    cdef dict state_one(self, Py_ssize_t i):
        board = np.array([self._owner(i, cell) for cell in range(CELLS)], np.int8).reshape(8, 8)
        return {"board": board, **plain_turn(&self.state[i].turn)}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        cdef int cell, owner
        cdef double x, y
        canvas.clear(0x1B4332)
        for cell in range(CELLS):
            owner, x, y = self._owner(i, cell), 40 * (cell % 8) + 20, 40 * (cell // 8) + 20
            canvas.cell(cell // 8, cell % 8, 40, 1, 0x3E8E6B if cell == state.turn.last else 0x2D6A4F)
            if owner != EMPTY:
                canvas.disc(x, y, 16, 0x1B1B1E if owner == BLACK else 0xF4F1EA)
            elif state.legal >> cell & 1 and state.turn.standing == ONGOING:
                canvas.disc(x, y, 4, 0x1B4332)
        canvas.text(10, 331, 12, headline(&state.turn).encode(), 0xF4F1EA)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        rows = [" ".join(".XO"[self._owner(i, 8 * row + column)] for column in range(8)) for row in range(8)]
        return "\n".join([*rows, headline(&self.state[i].turn)])
