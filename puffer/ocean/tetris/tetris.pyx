"""Tetris: fill the rows of a well with falling pieces of four cells.

Observation   uint8 (rows * columns + 20 + 7 * previews,): the board, row by row from the top, 0 empty, 1 filled, 2 the
              falling piece; steps since the piece last fell, 0 to fall_interval - 1; 1 if a hold is allowed; then
              one-hot the piece's rotation (4), the piece (7, of IOTSZJL), the held piece (7, all 0 for none) and each
              of the next `previews` pieces (7).
Action        Discrete(8): 0 nothing, 1 left, 2 right, 3 rotate clockwise, 4 rotate counter-clockwise, 5 soft drop,
              6 hard drop, 7 hold. An action that is not possible does nothing.
Reward        1, 3, 5 or 8 for 1, 2, 3 or 4 rows cleared at once: the points of the Tetris Guideline, in hundreds.
Terminated    when a new piece overlaps filled cells.
Truncated     after 10000 steps, or max_steps if given.
Start         an empty board, and a new piece.
Rules         New pieces are drawn from a bag of all seven, which is filled again when it is empty. A new piece is in
              the rotation 0 of the Super Rotation System, with its box of four columns at the top of the board and in
              the middle, rounded to the left. It rotates with the wall kicks of that system and never leaves the board,
              not even at the top. It falls by one row in a step with a soft drop and, after its move, in the
              fall_interval-th step since it last fell or was new. A piece that should fall and cannot is fixed: it
              becomes part of the board, full rows are cleared, and a new piece appears. A hard drop moves the piece
              down as far as it can fall, and fixes it. A hold swaps the piece for the held piece, which is new again,
              or for a new one if none is held; the next hold is allowed once a piece has been fixed.
Source        The Tetris Guideline (tetris.wiki) without levels, lock delay, spins, combos and rows above the board.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, memset, uint8_t, uint16_t, uint64_t
from puffer.ocean._clip cimport clamped
from puffer.ocean.tetris.picture cimport draw_game, picture_size
from puffer.ocean.tetris.pieces cimport box_cells
from puffer.ocean.tetris.well cimport (
    FULL_ROW, MARGIN, MAX_ROWS, NO_PIECE, PADDING, QUEUE, SHAPES, State, bound_well, fix_piece, is_inside, kick_piece,
    move_piece, next_piece, shape_of, show_piece, show_rows, start_piece,
)

cpdef enum Action:
    NOTHING, LEFT, RIGHT, CLOCKWISE, COUNTERCLOCKWISE, SOFT_DROP, HARD_DROP, HOLD

cpdef enum Cell:
    EMPTY, FILLED, PIECE

# Of the state, as Python sees it, in addition to the board and the queue.
_FIELDS = ("piece", "rotation", "row", "column", "waited", "held", "hold_allowed", "left_in_bag")


@cython.final
cdef class Tetris(Env):
    """Tetris(num_envs=1, *, rows=20, columns=10, fall_interval=4, previews=3, **options)
--

Tetris with previews, holds and wall kicks. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
rows, columns : int
    Size of the board, 4 to 40 and 4 to 10.
fall_interval : int
    Steps in which a piece falls by one row, 1 to 255.
previews : int
    How many of the next pieces are observed, 0 to 7.
**options
    The options of `puffer.Env`.

Attributes
----------
rows, columns, fall_interval, previews : int
    The parameters.

Notes
-----
`state(copy)` has `board`, uint8 (rows, columns), as it is observed, and integers: `piece`, `held` and the list `queue`
of the next seven pieces, each an index in "IOTSZJL" (7 for none); `rotation`, `row` and `column` of the piece's box;
`waited`, the steps since it last fell; `hold_allowed`; `left_in_bag`.
"""

    default_max_steps = 10000
    statistic_names = ("lines", "pieces")
    draws_changes = True
    render_modes = ("rgb_array", "ansi")
    cdef readonly int rows, columns, fall_interval, previews
    # By shape, 4 * piece + rotation: its box as four rows of the board; its cells, as indices in the observed board
    # from the first cell of the box.
    cdef uint64_t boxes[SHAPES]
    cdef int32_t cells[SHAPES][4]
    cdef uint16_t empty_row
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, rows=20, columns=10, fall_interval=4, previews=3, **options):
        cdef uint16_t[4] bits
        self.require_unmade()
        self.rows = checks.integer("rows", rows, 4, MAX_ROWS)
        self.columns = checks.integer("columns", columns, 4, 10)
        self.fall_interval = checks.integer("fall_interval", fall_interval, 1, 255)
        self.previews = checks.integer("previews", previews, 0, QUEUE)
        self.empty_row = FULL_ROW & ~(((1 << self.columns) - 1) << MARGIN)
        for shape in range(SHAPES):
            cells = box_cells(shape)
            bits = [sum(1 << column for row, column in cells if row == k) for k in range(4)]
            memcpy(&self.boxes[shape], bits, sizeof(uint64_t))
            self.cells[shape] = [row * self.columns + column for row, column in cells]
        size = self.rows * self.columns
        high = np.array(size * [PIECE] + [self.fall_interval - 1] + (19 + 7 * self.previews) * [1], np.uint8)
        space = spaces.Box(np.uint8(0), high, dtype=np.uint8)
        super().__init__(num_envs, space, spaces.Discrete(8), observes_in_step=True,
                         snapshot_key=(rows, columns, fall_interval, previews), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int row, _
        memset(state.board, 0xFF, sizeof(state.board))
        for row in range(self.rows):
            state.board[PADDING + row] = self.empty_row
        state.changed_first, state.changed_end = 0, self.rows
        state.left_in_bag, state.held, state.hold_allowed = 0, NO_PIECE, True
        # The queue is filled as pieces leave it.
        for _ in range(QUEUE + 1):
            self._bring(i, NO_PIECE)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int held = state.held, action = self.actions[i]
        cdef int turn = (action == CLOCKWISE) - (action == COUNTERCLOCKWISE)
        if action == HARD_DROP:
            while move_piece(self.boxes, state, 0, 1, 0):
                pass
            self._fix(i)
        elif action == HOLD and state.hold_allowed:
            state.held, state.hold_allowed = state.piece, False
            self._bring(i, held)
        else:
            if not move_piece(self.boxes, state, turn, 0, (action == RIGHT) - (action == LEFT)) and turn:
                kick_piece(self.boxes, state, turn)
            state.waited += 1
            if action == SOFT_DROP or state.waited >= self.fall_interval:
                state.waited = 0
                if not move_piece(self.boxes, state, 0, 1, 0):
                    self._fix(i)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef uint8_t* cells = &self.observations[i, 0]
        cdef uint8_t* rest = cells + self.rows * self.columns
        cdef int k
        if not self.retained:
            state.changed_first, state.changed_end = 0, self.rows
        show_piece(cells + state.shown_place, self.cells[state.shown_shape], EMPTY)
        show_rows(state, cells, self.columns, state.changed_first, state.changed_end)
        state.changed_first = state.changed_end = 0
        state.shown_place = state.row * self.columns + state.column
        state.shown_shape = shape_of(state)
        show_piece(cells + state.shown_place, self.cells[state.shown_shape], PIECE)
        rest[0], rest[1] = state.waited, state.hold_allowed
        memset(rest + 2, 0, 18 + 7 * self.previews)
        rest[2 + state.rotation] = rest[6 + state.piece] = 1
        if state.held != NO_PIECE:
            rest[13 + state.held] = 1
        for k in range(self.previews):
            rest[20 + 7 * k + (state.queue >> 4 * k & 15)] = 1

    cdef void _fix(self, Py_ssize_t i) noexcept nogil:
        """Make the piece part of the board, clear full rows, and bring the next piece."""
        cdef int lines = fix_piece(self.boxes, &self.state[i], self.rows, self.empty_row)
        # 1, 3, 5 or 8 points.
        self.rewards[i] = 2 * lines - (lines > 0) + (lines == 4)
        self.statistics[i, 0] += lines
        self.statistics[i, 1] += 1
        self.state[i].hold_allowed = True
        self._bring(i, NO_PIECE)

    cdef void _bring(self, Py_ssize_t i, int piece) noexcept nogil:
        """Let a piece appear, for NO_PIECE the next one; the game is over if it does not fit."""
        cdef State* state = &self.state[i]
        if piece == NO_PIECE:
            piece = next_piece(state, &self.rng[i])
        if not start_piece(self.boxes, state, piece, (self.columns - 4) // 2):
            self.terminations[i] = True

    cdef object _board(self, Py_ssize_t i):
        """The board as it is observed."""
        cdef State* state = &self.state[i]
        cdef uint8_t[:, ::1] cells = np.empty((self.rows, self.columns), np.uint8)
        show_rows(state, &cells[0, 0], self.columns, 0, self.rows)
        show_piece(&cells[0, 0] + state.row * self.columns + state.column, self.cells[shape_of(state)], PIECE)
        return np.asarray(cells)

    cdef list _queue(self, Py_ssize_t i):
        return [self.state[i].queue >> 4 * k & 15 for k in range(QUEUE)]

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        bound_well(state, self.rows, self.empty_row)
        state.waited = clamped(state.waited, 0, self.fall_interval - 1)
        if not is_inside(self.boxes, state, self.rows, self.empty_row):
            start_piece(self.boxes, state, state.piece, (self.columns - 4) // 2)
        state.shown_place, state.shown_shape = state.row * self.columns + state.column, shape_of(state)

    cdef dict state_one(self, Py_ssize_t i):
        fields = dict(self.state[i])
        return {**{name: fields[name] for name in _FIELDS}, "board": self._board(i), "queue": self._queue(i)}

    def set_board(self, copy, board):
        """Replace the filled cells of one copy; its piece and its episode go on.

        Parameters
        ----------
        copy : int
            Index of the copy.
        board : bool array of shape (rows, columns)
            Which cells are filled.

        Raises ValueError, before anything is changed, for another dtype or shape, a full row, and a filled cell where
        the piece is.
        """
        self.require_settled("set_board")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        board = np.asarray(board)
        if board.dtype != np.bool_ or board.shape != (self.rows, self.columns):
            shape = self.rows, self.columns
            raise ValueError(f"board must be a bool array of shape {shape}, got {board.dtype} of {board.shape}")
        if board.all(axis=1).any() or board[self._board(i) == PIECE].any():
            raise ValueError(f"board must have no full row, and be empty where the piece is, got\n{board.astype(int)}")
        for row, bits in enumerate(board @ (1 << MARGIN + np.arange(self.columns))):
            self.state[i].board[PADDING + row] = self.empty_row | <int>bits
        self.redraw(i)

    @property
    def render_size(self):
        return picture_size(self.rows, self.columns, self.previews)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.state[i]
        return draw_game(canvas, self._board(i), state.piece, state.held, self._queue(i)[:self.previews])

    cdef object ansi_one(self, Py_ssize_t i):
        return "\n".join("".join(".#o"[cell] for cell in row) for row in self._board(i))
