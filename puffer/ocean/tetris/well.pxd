# The well of Tetris: a board of bits, and the piece that moves, turns and comes to rest in it.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from puffer.ocean._clip cimport clamped
from puffer.ocean.tetris.pieces cimport OFFSETS
from puffer.rng cimport rng_below, rng_t

cdef enum:
    # The board lies in a frame of filled cells: PADDING rows above and below it, MARGIN or more columns at its sides.
    MAX_ROWS = 40, PADDING = 4, MARGIN = 3, FULL_ROW = 0xFFFF
    SHAPES = 28, QUEUE = 7, NO_PIECE = 7, FULL_BAG = 0x6543210

cdef struct State:
    # Bit MARGIN + c of board[PADDING + r] is the cell in row r and column c.
    uint16_t board[MAX_ROWS + 2 * PADDING]
    # The next pieces, and those left in the bag: four bits each, the first one lowest.
    uint32_t queue, bag
    int32_t left_in_bag
    # The falling piece, with the row and column of its box; steps since it last fell; the held piece, or NO_PIECE.
    int32_t piece, rotation, row, column, waited, held, hold_allowed
    # The piece as the observation shows it: the index of the first cell of its box, and its shape. The rows of the
    # board that the observation does not show yet.
    int32_t shown_place, shown_shape, changed_first, changed_end


cdef inline int shape_of(const State* state) noexcept nogil:
    return 4 * state.piece + state.rotation


# ---- The piece. `boxes` has for each shape, 4 * piece + rotation, its box as four rows of the board ----

cdef inline int next_piece(State* state, rng_t* rng) noexcept nogil:
    """Take the first piece of the queue, and put one from the bag at its end."""
    cdef int piece = state.queue & 15
    cdef uint32_t bit, below
    if state.left_in_bag == 0:
        state.bag, state.left_in_bag = FULL_BAG, 7
    bit = 4 * rng_below(rng, state.left_in_bag)
    below = (<uint32_t>1 << bit) - 1
    state.queue = state.queue >> 4 | (state.bag >> bit & 15) << 4 * (QUEUE - 1)
    state.bag = state.bag & below | state.bag >> 4 & ~below
    state.left_in_bag -= 1
    return piece


cdef inline bint start_piece(const uint64_t* boxes, State* state, int piece, int column) noexcept nogil:
    """Let a piece appear at the top, its box in this column and the next ones; returns whether it fits there."""
    state.piece, state.rotation, state.waited = piece, 0, 0
    state.row, state.column = 0, column
    return move_piece(boxes, state, 0, 0, 0)


cdef inline bint move_piece(const uint64_t* boxes, State* state, int turn, int down, int right) noexcept nogil:
    """Turn and move the piece if it fits there; returns whether it does."""
    cdef int rotation = (state.rotation + turn) & 3, row = state.row + down, column = state.column + right
    cdef uint64_t window
    memcpy(&window, &state.board[PADDING + row], sizeof(window))
    if window & boxes[4 * state.piece + rotation] << (MARGIN + column):
        return False
    state.rotation, state.row, state.column = rotation, row, column
    return True


cdef inline void kick_piece(const uint64_t* boxes, State* state, int turn) noexcept nogil:
    """Turn the piece with the first wall kick after which it fits, if there is one."""
    cdef int others = state.piece != 0, old = state.rotation, new = (old + turn) & 3, k, up, right
    for k in range(1, 5):
        right = OFFSETS[others][old][k][0] - OFFSETS[others][new][k][0]
        up = OFFSETS[others][old][k][1] - OFFSETS[others][new][k][1]
        if move_piece(boxes, state, turn, -up, right):
            return


cdef inline int fix_piece(const uint64_t* boxes, State* state, int rows, uint16_t empty_row) noexcept nogil:
    """Make the piece part of the board and clear full rows; returns how many."""
    cdef uint16_t* board = &state.board[PADDING]
    cdef uint64_t window
    cdef int row, lines = 0
    memcpy(&window, board + state.row, sizeof(window))
    window |= boxes[shape_of(state)] << (MARGIN + state.column)
    memcpy(board + state.row, &window, sizeof(window))
    state.changed_first, state.changed_end = max(state.row, 0), min(state.row + 4, rows)
    for row in range(state.changed_first, state.changed_end):
        if board[row] == FULL_ROW:
            memmove(board + 1, board, row * sizeof(uint16_t))
            board[0] = empty_row
            state.changed_first = 0
            lines += 1
    return lines


# ---- States from snapshots, which may have any bytes ----

cdef inline uint32_t bound_pieces(uint32_t pieces, int count) noexcept nogil:
    """A list of pieces, four bits each, of which none is NO_PIECE or more."""
    cdef uint32_t bounded = 0
    cdef int k
    for k in range(count):
        bounded |= <uint32_t>min(pieces >> 4 * k & 15, <uint32_t>(NO_PIECE - 1)) << 4 * k
    return bounded


cdef inline void bound_well(State* state, int rows, uint16_t empty_row) noexcept nogil:
    """Close the frame, and bring every number except the place of the piece into its range."""
    cdef int row
    for row in range(MAX_ROWS + 2 * PADDING):
        state.board[row] |= empty_row if PADDING <= row < PADDING + rows else FULL_ROW
    state.queue, state.bag = bound_pieces(state.queue, QUEUE), bound_pieces(state.bag, QUEUE)
    state.left_in_bag = clamped(state.left_in_bag, 0, 7)
    state.piece, state.rotation = clamped(state.piece, 0, NO_PIECE - 1), state.rotation & 3
    state.held, state.hold_allowed = clamped(state.held, 0, NO_PIECE), state.hold_allowed != 0
    state.changed_first, state.changed_end = 0, rows


cdef inline bint is_inside(const uint64_t* boxes, const State* state, int rows, uint16_t empty_row) noexcept nogil:
    """Whether every cell of the piece lies within the frame."""
    cdef int k, row
    cdef uint64_t cells
    if not (-PADDING < state.row < rows and -MARGIN <= state.column < 16 - MARGIN):
        return False
    for k in range(4):
        cells = <uint64_t>(<const uint16_t*>&boxes[shape_of(state)])[k] << (MARGIN + state.column)
        row = state.row + k
        # Beyond its 16 columns a row is closed too.
        if cells and (row < 0 or row >= rows or cells & (empty_row | ~<uint64_t>FULL_ROW)):
            return False
    return True


# ---- The observed board, a byte for each cell ----

cdef inline void show_rows(const State* state, uint8_t* cells, int columns, int first, int end) noexcept nogil:
    cdef int row, column, bits
    for row in range(first, end):
        bits = state.board[PADDING + row] >> MARGIN
        for column in range(columns):
            cells[row * columns + column] = bits >> column & 1


cdef inline void show_piece(uint8_t* box, const int32_t* cells, uint8_t value) noexcept nogil:
    """Write four cells, by their indices from the first cell of the box."""
    cdef int a = cells[0], b = cells[1], c = cells[2], d = cells[3]
    box[a] = box[b] = box[c] = box[d] = value
