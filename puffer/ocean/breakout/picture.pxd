# Pictures of Breakout.
from libc.stdint cimport uint32_t

from puffer._core cimport Canvas
from puffer.ocean.breakout.field cimport BRICK_HEIGHT, BRICK_WIDTH, Rules, State, WALL_TOP

cdef enum:
    # Pixels: of a brick, with the gap around it; of the frame at the sides and above the field, and below the paddle.
    BRICK = 24, SIDE = 12, ABOVE = 36, BELOW = 24


cdef inline tuple picture_size(const Rules* rules):
    return BRICK * rules.brick_columns + 2 * SIDE, rules.floor // 20 + ABOVE + BELOW


cdef inline int draw_field(Canvas canvas, const Rules* rules, const State* state) except -1:
    cdef uint32_t[6] paints = [0xC8553D, 0xD98841, 0xD9B44A, 0x6A994E, 0x3D8B9E, 0x5D6FA8]
    cdef double pixel = <double>BRICK / BRICK_WIDTH, floor = ABOVE + pixel * rules.floor, x, y
    cdef double reach = pixel * state.half_width
    cdef int row, column
    canvas.clear(0x2A3440)
    canvas.rectangle(SIDE, ABOVE, canvas.width - SIDE, canvas.height, 0x101820)
    canvas.text(SIDE, 11, 14, b"%d   lives %d" % (state.score, state.lives), 0xF4F1EA)
    for row in range(rules.brick_rows):
        for column in range(rules.brick_columns):
            if state.bricks[row] >> column & 1:
                x, y = SIDE + BRICK * column, ABOVE + pixel * (WALL_TOP + BRICK_HEIGHT * row)
                canvas.rectangle(x + 2, y + 2, x + 22, y + 16, paints[row % 6])
    x = SIDE + pixel * state.paddle
    canvas.rectangle(x - reach + 2, floor + 3, x + reach - 2, floor + 12, 0x2EC4B6)
    canvas.disc(SIDE + pixel * state.x, ABOVE + pixel * state.y, 4, 0xF4F1EA)
    return 0
