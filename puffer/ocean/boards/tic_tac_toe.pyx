"""Tic-tac-toe: two players in turn put a stone on a board of 3 x 3; three in a line win.

Observation   uint8 (28,), each 0 or 1, from the view of the row's player: 0 to 8 its own stones and 9 to 17 the
              other's, cell by cell; 18 whether this row is to move; 19 to 27 the cells that it may take, all 0 when it
              is not to move. In the last observation of a game neither row is to move.
Action        Discrete(9): a cell, 3 * row + column. The action of a row that is not to move is ignored.
Reward        +1 for completing a line, -1 when the other does; -1 for an illegal move, 0 when the other makes one; 0
              otherwise.
Terminated    by a line, a full board, or an illegal move (a cell that is taken): both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         an empty board; the player who begins is drawn for every game, or fixed by the parameter starter.
Source        the rules of PettingZoo's tictactoe_v3, where the cells are counted down the columns and the first player
              begins.
Version       0

A copy has two rows in self-play, and a step is the move of one of them. With an opponent it has one row, which is to
move in every step: the opponent answers in the same step. An opponent that begins makes its first move in the reset.
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, uint8_t, uint64_t
from puffer.ocean.boards.board_game cimport (
    PLAYING, SELF_PLAY, Opponent, State, actions_of, bound_state, fill_set_bits, headline, is_to_move, mark_actions,
    owner, play_turn, read_opponent, side_to_move, start_game, store_seven,
)
from puffer.ocean.boards.tic_tac_toe_board cimport BOARD, best_cells, empty_cells, fill_tables, mark

fill_set_bits()
fill_tables()

cpdef enum Cell:
    EMPTY
    X
    O


@cython.final
cdef class TicTacToe(Env):
    """TicTacToe(num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options)
--

Tic-tac-toe in self-play, or against an opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of games.
opponent : str, optional
    "random", or "search", which plays perfectly: it draws among the moves that win soonest, if none wins among those
    that draw, else among those that lose latest. By default None, for self-play.
starter : str or int
    "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
epsilon : float
    Probability that the search makes a random move instead, 0 to 1.
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
`state(copy)` has `board`, int8 (3, 3), a Cell each, and `to_move`: 0, 1, or None after the game.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    render_size = (240, 276)
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly double epsilon
    cdef Opponent player
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, opponent=None, starter="random", epsilon=0.0, **options):
        player = read_opponent(opponent, starter, epsilon, 0)
        super().__init__(num_envs, spaces.Box(0, 1, (28,), np.uint8), spaces.Discrete(9), snapshot_key=(opponent,),
                         agents_per_env=2 if opponent is None else 1, observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.opponent, self.starter, self.epsilon, self.player = opponent, starter, epsilon, player
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        start_game(&self.state[i], &self.rng[i], &self.player, mark, empty_cells, best_cells)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        play_turn(self, i, &self.state[i], &self.actions[i * self.agents_per_env], &self.player, mark, empty_cells,
                  best_cells)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        if self.player.kind == SELF_PLAY:
            self._show(&self.state[i], 0, 2 * i)
            self._show(&self.state[i], 1, 2 * i + 1)
        else:
            self._show(&self.state[i], 0, i)

    cdef inline void _show(self, const State* state, int seat, Py_ssize_t row) noexcept nogil:
        """Write the observation of a seat."""
        cdef uint64_t turn = (1 | <uint64_t>empty_cells(state) << 1) * is_to_move(state, seat)
        cdef uint64_t bits = state.stones[seat] | state.stones[1 - seat] << 9 | turn << 18
        cdef uint8_t* target = &self.observations[row, 0]
        # Eight bytes are written for seven bits; the next write corrects the eighth.
        store_seven(target, bits)
        store_seven(target + 7, bits >> 7)
        store_seven(target + 14, bits >> 14)
        store_seven(target + 20, bits >> 20)
        target[27] = bits >> 27

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        mark_actions(self.state, self.agents_per_env, masks, first, last, empty_cells)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        bound_state(&self.state[i], BOARD)

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        board = np.array([owner(state, cell) for cell in range(9)], np.int8).reshape(3, 3)
        return {"board": board, "to_move": side_to_move(state)}

    def best_actions(self, copy=0):
        """The moves of perfect play for the side to move.

        Parameters
        ----------
        copy : int
            Index of the copy.

        Returns
        -------
        list of int
            Cells; empty after the game.
        """
        self.require_settled("best_actions")
        cdef State* state = &self.state[checks.integer("copy", copy, 0, self.num_copies - 1)]
        return actions_of(best_cells(state, state.seat, 0)) if state.result == PLAYING else []

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        cdef int cell, paper
        cdef double x, y
        canvas.clear(0xF4F1EA)
        for cell in range(9):
            x, y = 80 * (cell % 3) + 40, 80 * (cell // 3) + 40
            paper = 0xF2E3C6 if cell == state.last else 0xFFFFFF
            canvas.cell(cell // 3, cell % 3, 80, 2, paper)
            if owner(state, cell) == X:
                canvas.line(x - 20, y - 20, x + 20, y + 20, 9, 0xE07A5F)
                canvas.line(x - 20, y + 20, x + 20, y - 20, 9, 0xE07A5F)
            elif owner(state, cell) == O:
                canvas.disc(x, y, 26, 0x3D405B)
                canvas.disc(x, y, 17, paper)
        canvas.text(10, 251, 14, headline(state, "X", "O").encode(), 0x3D405B)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        rows = [" ".join(".XO"[owner(state, 3 * row + column)] for column in range(3)) for row in range(3)]
        return "\n".join([*rows, headline(state, "X", "O")])
