"""Tetris: fill the rows of a well with falling pieces of four cells.

Observation   uint8 (rows * columns + 20 + 7 * previews,): the board, row by row from the top, 0 empty, 1 filled, 2 the
              piece; steps since it last fell, 0 to fall_interval - 1; 1 if a hold is allowed; then one-hot its rotation
              (4), the piece (7, of IOTSZJL), the held piece (7, all 0 for none) and the next `previews` ones (7 each).
Action        Discrete(8): 0 nothing, 1 left, 2 right, 3 rotate clockwise, 4 rotate counter-clockwise, 5 soft drop,
              6 hard drop, 7 hold. What is not possible does nothing.
Reward        1, 3, 5 or 8 for 1, 2, 3 or 4 rows cleared at once: the Guideline's points, in hundreds.
Terminated    when a new piece lies on filled cells.
Truncated     after 10000 steps, or max_steps if given.
Start         an empty board, and a new piece.
Rules         New pieces are drawn from a bag of all seven, which is filled again when it is empty. A new piece is in
              the rotation 0 of the Super Rotation System, its box of four columns at the top of the board and in its
              middle, rounded to the left. It rotates with that system's wall kicks, and never leaves the board, not at
              the top either. It falls by a row in a step with a soft drop and, after its move, in the fall_interval-th
              step since it last fell or was new. If it cannot fall then, it is fixed, full rows are cleared, and there
              is a new piece. A hard drop lets it fall as far as it can, and fixes it. A hold swaps it for the held
              piece, which is new again, or for a new one if none is held; the next hold is allowed after a fixed piece.
Source        The Tetris Guideline (tetris.wiki) without levels, lock delay, spins, combos and rows above the board.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

cpdef enum Action:
    NOTHING, LEFT, RIGHT, CLOCKWISE, COUNTERCLOCKWISE, SOFT_DROP, HARD_DROP, HOLD

cpdef enum Cell:
    EMPTY, FILLED, PIECE

cdef enum:
    # The board lies in a frame of filled cells: PADDING rows above and below it, MARGIN or more columns at its sides.
    MAX_ROWS = 40, PADDING = 4, MARGIN = 3, FULL_ROW = 0xFFFF, QUEUE = 7, NONE = 7

# The boxes of the pieces in each rotation: a hexadecimal digit for a row, from the top, its highest bit on the left.
_BOXES = (0x0F00, 0x2222, 0x00F0, 0x4444, 0x6600, 0x6600, 0x6600, 0x6600, 0x4E00, 0x4640, 0x0E40, 0x4C40,
          0x6C00, 0x4620, 0x06C0, 0x8C40, 0xC600, 0x2640, 0x0C60, 0x4C80, 0x8E00, 0x6440, 0x0E20, 0x44C0,
          0x2E00, 0x4460, 0x0E80, 0xC440)
# Wall kicks of I and of the others: turning from a to b tries _KICKS[a] - _KICKS[b], to the right and up, in turn.
_STILL = 5 * ((0, 0),)
_KICKS = (
    (_STILL, ((0, 0), (2, 0), (-1, 0), (2, 1), (-1, -2)),
     ((0, 0), (3, 0), (-3, 0), (3, -1), (-3, -1)), ((0, 0), (1, 0), (-2, 0), (1, -2), (-2, 1))),
    (_STILL, ((0, 0), (1, 0), (1, -1), (0, 2), (1, 2)),
     _STILL, ((0, 0), (-1, 0), (-1, -1), (0, 2), (-1, 2))))
_COLOURS = (0x3D8B9E, 0xD9B44A, 0x8E6FA8, 0x6A994E, 0xC8553D, 0x5D6FA8, 0xD98841)

cdef struct State:
    # Bit MARGIN + c of board[PADDING + r] is the cell in row r and column c.
    uint16_t board[MAX_ROWS + 2 * PADDING]
    # Next pieces, and those left in the bag: four bits each, the first one lowest.
    uint32_t queue, bag
    int32_t left_in_bag
    # Place of the piece's box; steps since it last fell.
    int32_t piece, rotation, row, column, waited, held, hold_allowed
    # What the observation shows: place and shape of the piece. What it does not yet: these rows.
    int32_t shown_place, shown_shape, changed_first, changed_end


@cython.final
cdef class Tetris(Env):
    """Tetris(num_envs=1, *, rows=20, columns=10, fall_interval=4, previews=3, **options)
--

`rows` (4 to 40) and `columns` (4 to 10) set the size of the board, `fall_interval` (1 to 255) the steps in which a
piece falls by a row, `previews` (0 to 7) how many of the next pieces are seen; the options are those of `puffer.Env`.
See the module's docstring for the rules.
"""

    default_max_steps = 10000
    statistic_names = ("lines", "pieces")
    render_modes = ("rgb_array", "ansi")
    cdef readonly int rows, columns, fall_interval, previews
    # Of each piece in each rotation: four rows as they lie in the board; its cells' places in the board.
    cdef uint64_t shapes[28]
    cdef int32_t cells[28][4]
    cdef int8_t kicks[2][4][5][2]
    cdef uint16_t empty_row
    cdef uint8_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* states

    def __init__(self, num_envs=1, *, rows=20, columns=10, fall_interval=4, previews=3, **options):
        cdef uint16_t[4] bits
        self.require_unmade()
        self.rows = checks.integer("rows", rows, 4, MAX_ROWS)
        self.columns = checks.integer("columns", columns, 4, 10)
        self.fall_interval = checks.integer("fall_interval", fall_interval, 1, 255)
        self.previews = checks.integer("previews", previews, 0, QUEUE)
        self.empty_row = FULL_ROW & ~(((1 << self.columns) - 1) << MARGIN)
        self.kicks = _KICKS
        for shape, box in enumerate(_BOXES):
            places = [divmod(place, 4) for place in range(16) if box << place & 0x8000]
            bits = [sum(1 << column for row, column in places if row == k) for k in range(4)]
            memcpy(&self.shapes[shape], bits, sizeof(uint64_t))
            self.cells[shape] = [row * self.columns + column for row, column in places]
        size = self.rows * self.columns
        high = np.array(size * [PIECE] + [self.fall_interval - 1] + (19 + 7 * self.previews) * [1], np.uint8)
        space = spaces.Box(np.uint8(0), high, dtype=np.uint8)
        super().__init__(num_envs, space, spaces.Discrete(8), observes_in_step=True,
                         snapshot_key=(rows, columns, fall_interval, previews), **options)
        self.states = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef int row, _
        memset(state.board, 0xFF, sizeof(state.board))
        for row in range(self.rows):
            state.board[PADDING + row] = self.empty_row
        state.changed_first, state.changed_end = 0, self.rows
        state.left_in_bag, state.held, state.hold_allowed = 0, NONE, True
        for _ in range(QUEUE + 1):
            self._bring(i, NONE)

    cdef void _bring(self, Py_ssize_t i, int piece) noexcept nogil:
        """Let a new piece appear; NONE stands for the first one of the queue, which gets another one from the bag."""
        cdef State* state = &self.states[i]
        cdef uint32_t place, below
        if piece == NONE:
            piece = state.queue & 15
            if state.left_in_bag == 0:
                state.bag, state.left_in_bag = 0x6543210, 7
            place = 4 * rng_below(&self.rng[i], state.left_in_bag)
            below = (<uint32_t>1 << place) - 1
            state.queue = state.queue >> 4 | (state.bag >> place & 15) << 4 * (QUEUE - 1)
            state.bag = state.bag & below | state.bag >> 4 & ~below
            state.left_in_bag -= 1
        state.piece, state.rotation, state.waited = piece, 0, 0
        state.row, state.column = 0, (self.columns - 4) // 2
        if not self._move(state, 0, 0, 0):
            self.terminations[i] = True

    cdef inline bint _move(self, State* state, int turn, int down, int right) noexcept nogil:
        """Move the piece if it fits there."""
        cdef int rotation = (state.rotation + turn) & 3, row = state.row + down, column = state.column + right
        cdef uint64_t window
        memcpy(&window, &state.board[PADDING + row], sizeof(window))
        if window & self.shapes[4 * state.piece + rotation] << (MARGIN + column):
            return False
        state.rotation, state.row, state.column = rotation, row, column
        return True

    cdef void _kick(self, State* state, int turn) noexcept nogil:
        """Turn the piece with the first wall kick after which it fits, if there is one."""
        cdef int others = state.piece != 0, old = state.rotation, new = (old + turn) & 3, k, up, right
        for k in range(1, 5):
            right = self.kicks[others][old][k][0] - self.kicks[others][new][k][0]
            up = self.kicks[others][old][k][1] - self.kicks[others][new][k][1]
            if self._move(state, turn, -up, right):
                return

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef int held = state.held, action = self.actions[i]
        cdef int turn = (action == CLOCKWISE) - (action == COUNTERCLOCKWISE)
        if action == HARD_DROP:
            while self._move(state, 0, 1, 0):
                pass
            self._fix(i)
        elif action == HOLD and state.hold_allowed:
            state.held, state.hold_allowed = state.piece, False
            self._bring(i, held)
        else:
            if not self._move(state, turn, 0, (action == RIGHT) - (action == LEFT)) and turn:
                self._kick(state, turn)
            state.waited += 1
            if action == SOFT_DROP or state.waited >= self.fall_interval:
                state.waited = 0
                if not self._move(state, 0, 1, 0):
                    self._fix(i)

    cdef void _fix(self, Py_ssize_t i) noexcept nogil:
        """Make the piece part of the board, clear full rows, and bring the next piece."""
        cdef State* state = &self.states[i]
        cdef uint16_t* board = &state.board[PADDING]
        cdef uint64_t window
        cdef int row, lines = 0
        memcpy(&window, board + state.row, sizeof(window))
        window |= self.shapes[4 * state.piece + state.rotation] << (MARGIN + state.column)
        memcpy(board + state.row, &window, sizeof(window))
        state.changed_first, state.changed_end = max(state.row, 0), min(state.row + 4, self.rows)
        for row in range(state.changed_first, state.changed_end):
            if board[row] == FULL_ROW:
                memmove(board + 1, board, row * sizeof(uint16_t))
                board[0] = self.empty_row
                state.changed_first = 0
                lines += 1
        self.rewards[i] = 2 * lines - (lines > 0) + (lines == 4)
        self.statistics[i, 0] += lines
        self.statistics[i, 1] += 1
        state.hold_allowed = True
        self._bring(i, NONE)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef uint8_t* cells = &self.observations[i, 0]
        cdef uint8_t* rest = cells + self.rows * self.columns
        cdef int k
        if not self.retained:
            state.changed_first, state.changed_end = 0, self.rows
        self._draw_piece(cells + state.shown_place, state.shown_shape, EMPTY)
        self._draw_rows(state, cells, state.changed_first, state.changed_end)
        state.changed_first = state.changed_end = 0
        state.shown_place = state.row * self.columns + state.column
        state.shown_shape = 4 * state.piece + state.rotation
        self._draw_piece(cells + state.shown_place, state.shown_shape, PIECE)
        rest[0], rest[1] = state.waited, state.hold_allowed
        memset(rest + 2, 0, 18 + 7 * self.previews)
        rest[2 + state.rotation] = rest[6 + state.piece] = 1
        if state.held != NONE:
            rest[13 + state.held] = 1
        for k in range(self.previews):
            rest[20 + 7 * k + (state.queue >> 4 * k & 15)] = 1

    cdef inline void _draw_rows(self, State* state, uint8_t* cells, int first, int end) noexcept nogil:
        cdef int row, column, columns = self.columns, bits
        for row in range(first, end):
            bits = state.board[PADDING + row] >> MARGIN
            for column in range(columns):
                cells[row * columns + column] = bits >> column & 1

    cdef inline void _draw_piece(self, uint8_t* cells, int shape, uint8_t cell) noexcept nogil:
        cdef int32_t* places = self.cells[shape]
        cdef int a = places[0], b = places[1], c = places[2], d = places[3]
        cells[a] = cells[b] = cells[c] = cells[d] = cell

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef object _board(self, Py_ssize_t i):
        """The board as it is observed."""
        cdef State* state = &self.states[i]
        cdef uint8_t[:, ::1] cells = np.empty((self.rows, self.columns), np.uint8)
        cdef uint8_t* place = &cells[0, 0] + state.row * self.columns + state.column
        self._draw_rows(state, &cells[0, 0], 0, self.rows)
        self._draw_piece(place, 4 * state.piece + state.rotation, PIECE)
        return np.asarray(cells)

    def state(self, copy=0):
        """The state of a copy as a dict. A piece is its index in "IOTSZJL", 7 for none; `board` is as observed."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        fields = dict(self.states[i])
        return {**fields, "board": self._board(i), "queue": [fields["queue"] >> 4 * k & 15 for k in range(QUEUE)]}

    def set_board(self, copy, board):
        """Make the filled cells of a copy those of `board`, a bool array (rows, columns).

        Raises ValueError for a full row, and for a filled cell where the piece is.
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
            self.states[i].board[PADDING + row] = self.empty_row | <int>bits
        retained, self.retained = self.retained, False
        self.observe(i)
        self.retained = retained

    cdef object ansi_one(self, Py_ssize_t i):
        return "\n".join("".join(".#o"[cell] for cell in row) for row in self._board(i))

    @property
    def render_size(self):
        return 24 * self.columns + 88, max(24 * self.rows, 92 + 52 * self.previews)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.states[i]
        colours = 0x1F2D3A, 0x8A9BA8, _COLOURS[state.piece]
        pieces = [state.held, *(state.queue >> 4 * k & 15 for k in range(self.previews))]
        canvas.clear(0x101820)
        for (row, column), cell in np.ndenumerate(self._board(i)):
            canvas.cell(row, column, 24, 1, colours[cell])
        for place, piece in enumerate(pieces):
            left, top = 24 * self.columns + 12, 24 + 52 * place + 28 * (place > 0)
            if place < 2:
                canvas.text(left, top - 20, 14, b"next" if place else b"held", 0x8A9BA8)
            for cell in range(16):
                if piece != NONE and _BOXES[4 * piece] << cell & 0x8000:
                    x, y = left + 16 * (cell % 4), top + 16 * (cell // 4)
                    canvas.rectangle(x + 1, y + 1, x + 15, y + 15, _COLOURS[piece])
        return 0
