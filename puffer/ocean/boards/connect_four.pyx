"""Connect Four: two players in turn drop a stone into one of seven columns; four in a line win.

Observation   uint8 (92,), each 0 or 1, from the view of the row's player: 0 to 41 its own stones and 42 to 83 the
              other's, each a board of 6 rows x 7 columns from the top; 84 whether this row is to move; 85 to 91 the
              columns that it may choose, all 0 when it is not to move. In the last observation of a game neither row is
              to move.
Action        Discrete(7): a column from the left. The action of a row that is not to move is ignored.
Reward        +1 for completing a line, -1 when the other does; -1 for an illegal move, 0 when the other makes one; 0
              otherwise.
Terminated    by a line, a full board, or an illegal move (a column that is full): both rows at once.
Truncated     never by the rules; after max_steps steps if given.
Start         an empty board; the player who begins is drawn for every game, or fixed by the parameter starter.
Source        the rules of PettingZoo's connect_four_v3, where the first player begins.
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
from puffer.ocean.boards.connect_four_board cimport BOARD, best_columns, drop, lowest_bit, open_columns

fill_set_bits()

cpdef enum Cell:
    EMPTY
    RED
    YELLOW

cdef enum:
    # Indices in an observation.
    OTHER = 42
    TO_MOVE = 84


cdef inline int _index(uint64_t stone, int board) noexcept nogil:
    """The index of a new stone in an observation; without a stone, one that is overwritten afterwards."""
    cdef int bit = lowest_bit(stone) if stone else 0
    return board + bit - (bit >> 3) if stone else TO_MOVE


cdef inline void _show_turn(const State* state, Py_ssize_t seat, uint8_t* target) noexcept nogil:
    cdef uint64_t turn = (1 | <uint64_t>open_columns(state) << 1) * is_to_move(state, seat)
    store_seven(target + TO_MOVE, turn)
    target[TO_MOVE + 7] = turn >> 7


@cython.final
cdef class ConnectFour(Env):
    """ConnectFour(num_envs=1, *, opponent=None, starter="random", search_depth=4, epsilon=0.0, **options)
--

Connect Four in self-play, or against an opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of games.
opponent : str, optional
    "random", or "search", which looks `search_depth` moves ahead: it draws among the moves that win soonest, if none
    wins among those that do not lose, else among those that lose latest. By default None, for self-play.
starter : str or int
    "random", 0 for the first row of a copy, or 1 for the second row or the opponent.
search_depth : int
    How many moves ahead the search looks, 1 to 12.
epsilon : float
    Probability that the search makes a random move instead, 0 to 1.
**options
    The options of `puffer.Env`.

Attributes
----------
opponent : str or None
starter : str or int
search_depth : int
epsilon : float
    As given.

Notes
-----
`state(copy)` has `board`, int8 (6, 7), a Cell each, and `to_move`: 0, 1, or None after the game.
"""

    statistic_names = ("won", "drawn", "illegal_move")
    masks_actions = True
    render_modes = ("rgb_array", "ansi")
    render_size = (336, 324)
    cdef readonly object opponent
    cdef readonly object starter
    cdef readonly int search_depth
    cdef readonly double epsilon
    cdef Opponent player
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, opponent=None, starter="random", search_depth=4, epsilon=0.0, **options):
        search_depth = checks.integer("search_depth", search_depth, 1, 12)
        player = read_opponent(opponent, starter, epsilon, search_depth)
        super().__init__(num_envs, spaces.Box(0, 1, (92,), np.uint8), spaces.Discrete(7), snapshot_key=(opponent,),
                         agents_per_env=2 if opponent is None else 1, observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.opponent, self.starter, self.search_depth, self.epsilon = opponent, starter, search_depth, epsilon
        self.player = player
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        start_game(&self.state[i], &self.rng[i], &self.player, drop, open_columns, best_columns)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        play_turn(self, i, &self.state[i], &self.actions[i * self.agents_per_env], &self.player, drop, open_columns,
                  best_columns)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        cdef State before
        for i in range(first, last):
            before = self.state[i]
            self.step_one(i)
            if self.retained:
                self._observe_move(i, &before)
            else:
                self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef Py_ssize_t seat
        cdef uint8_t* target
        cdef int row
        for seat in range(self.agents_per_env):
            target = &self.observations[i * self.agents_per_env + seat, 0]
            # Eight bytes are written for seven columns; the next write corrects the eighth.
            for row in range(6):
                store_seven(target + 7 * row, state.stones[seat] >> 8 * row)
            for row in range(6):
                store_seven(target + OTHER + 7 * row, state.stones[1 - seat] >> 8 * row)
            _show_turn(state, seat, target)

    cdef inline void _observe_move(self, Py_ssize_t i, const State* before) noexcept nogil:
        """Write the stones that are new since `before`, and whose turn it is."""
        cdef State* state = &self.state[i]
        cdef uint64_t first = state.stones[0] ^ before.stones[0], second = state.stones[1] ^ before.stones[1]
        cdef uint8_t* target = &self.observations[i * self.agents_per_env, 0]
        target[_index(first, 0)] = 1
        target[_index(second, OTHER)] = 1
        _show_turn(state, 0, target)
        if self.player.kind == SELF_PLAY:
            target = &self.observations[2 * i + 1, 0]
            target[_index(second, 0)] = 1
            target[_index(first, OTHER)] = 1
            _show_turn(state, 1, target)

    cdef void write_action_masks(self, uint8_t[:, ::1] masks, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        mark_actions(self.state, self.agents_per_env, masks, first, last, open_columns)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        bound_state(&self.state[i], BOARD)

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        board = np.array([[owner(state, 8 * row + column) for column in range(7)] for row in range(6)], np.int8)
        return {"board": board, "to_move": side_to_move(state)}

    def best_actions(self, copy=0):
        """The moves among which the search draws for the side to move.

        Parameters
        ----------
        copy : int
            Index of the copy.

        Returns
        -------
        list of int
            Columns; empty after the game.
        """
        self.require_settled("best_actions")
        cdef State* state = &self.state[checks.integer("copy", copy, 0, self.num_copies - 1)]
        return actions_of(best_columns(state, state.seat, self.search_depth)) if state.result == PLAYING else []

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        cdef int cell, code
        cdef double x, y
        canvas.clear(0x3A5A80)
        for cell in range(48):
            if cell & 7 < 7:
                x, y = 48 * (cell & 7) + 24, 48 * (cell >> 3) + 24
                code = owner(state, cell)
                canvas.disc(x, y, 20, 0xE07A5F if code == RED else 0xF2CC8F if code == YELLOW else 0x1B2A41)
                if cell == state.last:
                    canvas.disc(x, y, 6, 0x1B2A41)
        canvas.text(10, 299, 14, headline(state, "red", "yellow").encode(), 0xF4F1EA)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State* state = &self.state[i]
        rows = [" ".join(".RY"[owner(state, 8 * row + column)] for column in range(7)) for row in range(6)]
        return "\n".join([*rows, "0 1 2 3 4 5 6", headline(state, "red", "yellow")])
