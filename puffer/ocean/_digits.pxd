# Shared by memory and password: up to 32 zeros and ones in the bits of a number, the first one in the lowest bit.
# Header only.
from libc.stdint cimport uint32_t

from puffer._core cimport Canvas

cdef enum:
    MAX_DIGITS = 32
    SIDE = 40  # of a digit, in pixels


cdef inline int digit(uint32_t digits, int k) noexcept nogil:
    return digits >> k & 1


cdef inline str digits_text(uint32_t digits, int count):
    return "".join([str(digit(digits, k)) for k in range(count)])


cdef inline void draw_digit(Canvas canvas, int row, int column, bint value, uint32_t colour) noexcept nogil:
    canvas.cell(row, column, SIDE, 2, colour)
    canvas.text(SIDE * column + 13, SIDE * row + 9, 22, b"1" if value else b"0", 0xFFFFFF)


cdef inline void draw_answers(
    Canvas canvas, uint32_t digits, int length, uint32_t answers, int count
) noexcept nogil:
    """In the second row of a picture the first `count` answers, green where they are the digit, and blanks."""
    cdef int k
    for k in range(length):
        if k >= count:
            canvas.cell(1, k, SIDE, 2, 0xE3DED2)
        else:
            draw_digit(canvas, 1, k, digit(answers, k), 0x81B29A if digit(answers, k) == digit(digits, k) else 0xE07A5F)
