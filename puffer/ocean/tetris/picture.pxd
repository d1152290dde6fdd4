# Pictures of Tetris.
from libc.stdint cimport uint32_t

from puffer._core cimport Canvas
from puffer.ocean.tetris.pieces cimport box_cells
from puffer.ocean.tetris.well cimport NO_PIECE

cdef enum:
    # Pixels: the side of a cell, on the board and of a waiting piece; from one waiting piece to the next.
    CELL_SIZE = 24, SMALL_SIZE = 16, SPACING = 52
    BACKGROUND = 0x101820, LABELS = 0x8A9BA8


cdef inline uint32_t paint(int piece) noexcept nogil:
    """The colour of a piece, 0xRRGGBB."""
    cdef uint32_t[7] paints = [0x3D8B9E, 0xD9B44A, 0x8E6FA8, 0x6A994E, 0xC8553D, 0x5D6FA8, 0xD98841]
    return paints[piece]


cdef inline tuple picture_size(int rows, int columns, int previews):
    return CELL_SIZE * columns + 88, max(CELL_SIZE * rows, 92 + SPACING * previews)


cdef inline int draw_game(Canvas canvas, object board, int piece, int held, list queue) except -1:
    """The board as it is observed, with the falling piece; on its right the held piece and the next ones."""
    cdef int row, column, k, left = CELL_SIZE * board.shape[1] + 12
    cdef uint32_t[3] paints = [0x1F2D3A, 0x8A9BA8, paint(piece)]
    canvas.clear(BACKGROUND)
    for row in range(board.shape[0]):
        for column in range(board.shape[1]):
            canvas.cell(row, column, CELL_SIZE, 1, paints[<int>board[row, column]])
    canvas.text(left, 4, 14, b"held", LABELS)
    if held != NO_PIECE:
        draw_piece(canvas, left, 24, held)
    if queue:
        canvas.text(left, 84, 14, b"next", LABELS)
    for k in range(len(queue)):
        draw_piece(canvas, left, 104 + SPACING * k, queue[k])
    return 0


cdef inline int draw_piece(Canvas canvas, int left, int top, int piece) except -1:
    cdef int row, column, x, y
    for row, column in box_cells(4 * piece):
        x, y = left + SMALL_SIZE * column, top + SMALL_SIZE * row
        canvas.rectangle(x + 1, y + 1, x + SMALL_SIZE - 1, y + SMALL_SIZE - 1, paint(piece))
    return 0
