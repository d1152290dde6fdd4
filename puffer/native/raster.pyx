"""A small software rasteriser: anti-aliased shapes and text on an RGB image.

Coordinates   float pixels, x to the right, y down, from the top-left corner of the image.
              The pixel in column c and row r covers [c, c + 1) x [r, r + 1).
Colours       0xRRGGBB.
Clipping      everything is clipped to the image. A shape with a NaN or infinite number draws
              nothing. Numbers are clamped to a thousand million pixels.
Threads       one thread at a time may draw on a canvas; different canvases are independent.

Compiled code calls `canvas.disc(...)` and so on, which check nothing and need no GIL.
Python calls `canvas.draw_disc(...)` and so on, which check their arguments first. The names differ
because a Cython class cannot have a C method and a Python method of one name.

Discs, lines and polygons are sampled on a grid of 16 x 16 points in each pixel. For each row of
points, the outline marks the points where a walk from left to right enters or leaves the shape.
One pass over a row of pixels then turns the marks into coverage. A second mark at the same point
removes the first, which is the even-odd rule, so no list of crossings is sorted or allocated.
"""
cimport cython
from libc.math cimport ceil, isfinite, sqrt
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from puffer.native.spans cimport (
    FAR, SAMPLES, bounded, box_corners, capsule_span, count_bits, crosses, crossing, index_above, index_below, overlap,
    sample_y,
)

import operator

import numpy as np

from puffer.native.font import FONT_ROWS

cdef enum:
    _LARGEST = 8192
    _GLYPH_COLUMNS = 5
    _GLYPH_ROWS = 7
    _GLYPH_STEP = 6
    _FIRST_GLYPH = 32
    _GLYPHS = 95

cdef bytes _FONT_ROWS = FONT_ROWS
cdef const uint8_t* _font = _FONT_ROWS


@cython.final
cdef class Canvas:
    """Canvas(width, height, background=0)
--

An RGB image to draw on. The module's docstring describes coordinates and colours.

Parameters
----------
width, height : int
    Size in pixels, 1 to 8192.
background : int
    Colour, 0xRRGGBB.

Raises
------
TypeError
    If an argument is not an integer.
ValueError
    If an argument is out of range.
"""

    # Not __init__, because an object made by __new__ alone must be safe to draw on.
    def __cinit__(self, width, height, background=0):
        self.width = _checked_side("width", width)
        self.height = _checked_side("height", height)
        self.pixels = np.empty((self.height, self.width, 3), np.uint8)
        self._toggles = np.zeros(self.width * SAMPLES, np.uint16)
        self.clear(_checked_colour(background))

    cdef void clear(self, uint32_t colour) noexcept nogil:
        cdef int row, column
        for column in range(self.width):
            self._store(0, column, colour)
        for row in range(1, self.height):
            memcpy(&self.pixels[row, 0, 0], &self.pixels[0, 0, 0], <size_t>self.width * 3)

    cdef void rectangle(
        self, double x0, double y0, double x1, double y1, uint32_t colour
    ) noexcept nogil:
        """Fill the rectangle between two opposite corners."""
        cdef _Area area
        cdef double covered_height, left, right, top, bottom
        cdef int row, column
        if not (isfinite(x0) and isfinite(y0) and isfinite(x1) and isfinite(y1)):
            return
        left, right = min(x0, x1), max(x0, x1)
        top, bottom = min(y0, y1), max(y0, y1)
        area = self._area(left, top, right, bottom)
        for row in range(area.top, area.bottom):
            covered_height = overlap(top, bottom, row, row + 1)
            for column in range(area.left, area.right):
                self._blend(
                    row, column, colour, covered_height * overlap(left, right, column, column + 1)
                )

    cdef void disc(self, double x, double y, double radius, uint32_t colour) noexcept nogil:
        cdef _Area area
        cdef double height, square
        cdef int row, sample
        if not (isfinite(x) and isfinite(y) and isfinite(radius) and radius > 0.0):
            return
        x, y, radius = bounded(x), bounded(y), bounded(radius)
        area = self._area(x - radius, y - radius, x + radius, y + radius)
        for row in range(area.top, area.bottom):
            for sample in range(SAMPLES):
                height = sample_y(row, sample) - y
                square = radius * radius - height * height
                if square > 0.0:
                    self._toggle(&area, sample, x - sqrt(square))
                    self._toggle(&area, sample, x + sqrt(square))
            self._paint(&area, row, colour)

    cdef void line(
        self, double x0, double y0, double x1, double y1, double thickness, uint32_t colour
    ) noexcept nogil:
        """Draw a line with round caps. A line without length is a disc."""
        cdef _Area area
        cdef double[4] ends
        cdef double[8] corners
        cdef double[2] span
        cdef double radius
        cdef int row, sample
        if not (isfinite(x0) and isfinite(y0) and isfinite(x1) and isfinite(y1)):
            return
        if not (isfinite(thickness) and thickness > 0.0):
            return
        ends[0], ends[1], ends[2], ends[3] = bounded(x0), bounded(y0), bounded(x1), bounded(y1)
        radius = bounded(thickness / 2.0)
        box_corners(ends, radius, corners)
        area = self._area(
            min(ends[0], ends[2]) - radius, min(ends[1], ends[3]) - radius,
            max(ends[0], ends[2]) + radius, max(ends[1], ends[3]) + radius,
        )
        for row in range(area.top, area.bottom):
            for sample in range(SAMPLES):
                capsule_span(corners, ends, radius, sample_y(row, sample), span)
                if span[0] < span[1]:
                    self._toggle(&area, sample, span[0])
                    self._toggle(&area, sample, span[1])
            self._paint(&area, row, colour)

    cdef void polygon(self, const double* xy, int points, uint32_t colour) noexcept nogil:
        """Fill the polygon with corners x, y, x, y, ... by the even-odd rule."""
        cdef _Area area
        cdef double[2] a
        cdef double[2] b
        cdef double left = FAR, right = -FAR, top = FAR, bottom = -FAR, y
        cdef int row, sample, i
        for i in range(points):
            if not (isfinite(xy[2 * i]) and isfinite(xy[2 * i + 1])):
                return
            left, right = min(left, xy[2 * i]), max(right, xy[2 * i])
            top, bottom = min(top, xy[2 * i + 1]), max(bottom, xy[2 * i + 1])
        if points < 3:
            return
        area = self._area(left, top, right, bottom)
        for row in range(area.top, area.bottom):
            b[0], b[1] = bounded(xy[2 * points - 2]), bounded(xy[2 * points - 1])
            for i in range(points):
                a[0], a[1] = b[0], b[1]
                b[0], b[1] = bounded(xy[2 * i]), bounded(xy[2 * i + 1])
                if max(a[1], b[1]) < row or min(a[1], b[1]) > row + 1:
                    continue
                for sample in range(SAMPLES):
                    y = sample_y(row, sample)
                    if crosses(a, b, y):
                        self._toggle(&area, sample, crossing(a, b, y))
            self._paint(&area, row, colour)

    cdef void text(
        self, double x, double y, double size, const char* characters, uint32_t colour
    ) noexcept nogil:
        """Write printable ASCII from a top-left corner, 5/7 of size wide and 6/7 of size apart.

        Any other character leaves a gap. Text smaller than a pixel is not drawn. Edges are sharp
        if size is a multiple of 7 and x and y are whole numbers.
        """
        cdef double scale
        cdef int glyph
        if not (isfinite(x) and isfinite(y) and isfinite(size) and size >= 1.0):
            return
        x, y, scale = bounded(x), bounded(y), bounded(size) / _GLYPH_ROWS
        while characters[0] != 0 and x < self.width:
            glyph = <int>characters[0] - _FIRST_GLYPH
            if 0 <= glyph < _GLYPHS:
                self._glyph(x, y, scale, &_font[glyph * _GLYPH_ROWS], colour)
            x += _GLYPH_STEP * scale
            characters += 1

    cdef void cell(
        self, int row, int column, double size, double margin, uint32_t colour
    ) noexcept nogil:
        """Fill one square of a board, without a margin on each side."""
        cdef double x = column * size, y = row * size
        if 2.0 * margin < size:
            self.rectangle(
                x + margin, y + margin, x + size - margin, y + size - margin, colour
            )

    cdef void _store(self, int row, int column, uint32_t colour) noexcept nogil:
        self.pixels[row, column, 0] = (colour >> 16) & 0xFF
        self.pixels[row, column, 1] = (colour >> 8) & 0xFF
        self.pixels[row, column, 2] = colour & 0xFF

    cdef void _blend(self, int row, int column, uint32_t colour, double coverage) noexcept nogil:
        cdef uint32_t under
        if coverage < 1.0:
            under = (
                <uint32_t>self.pixels[row, column, 0] << 16
                | <uint32_t>self.pixels[row, column, 1] << 8
                | <uint32_t>self.pixels[row, column, 2]
            )
            colour = mix(under, colour, coverage)
        self._store(row, column, colour)

    cdef _Area _area(self, double x0, double y0, double x1, double y1) noexcept nogil:
        """The pixels of the image that meet a box."""
        cdef _Area area
        area.left = index_below(x0, self.width)
        area.top = index_below(y0, self.height)
        area.right = index_above(x1, self.width)
        area.bottom = index_above(y1, self.height)
        area.first = area.right
        area.end = area.left
        return area

    cdef void _toggle(self, _Area* area, int sample, double x) noexcept nogil:
        """Mark that the shape begins or ends at x in one row of sample points."""
        cdef double position = ceil(x * SAMPLES - 0.5)
        cdef int column
        if position >= <double>area.right * SAMPLES:
            # Nothing lies to the right of it, but the row must be painted up to the edge.
            area.end = area.right
            return
        position = max(position, <double>area.left * SAMPLES)
        column = <int>position // SAMPLES
        area.first = min(area.first, column)
        area.end = max(area.end, column + 1)
        self._toggles[<int>position] ^= <uint16_t>(1 << sample)

    cdef void _paint(self, _Area* area, int row, uint32_t colour) noexcept nogil:
        """Turn the marks in one row of pixels into colour, and remove them."""
        cdef uint32_t inside = 0, changes
        cdef int column, i, covered
        for column in range(area.first, area.end):
            changes = 0
            for i in range(column * SAMPLES, (column + 1) * SAMPLES):
                changes |= self._toggles[i]
            if changes == 0:
                covered = count_bits(inside) * SAMPLES
            else:
                covered = 0
                for i in range(column * SAMPLES, (column + 1) * SAMPLES):
                    inside ^= self._toggles[i]
                    self._toggles[i] = 0
                    covered += count_bits(inside)
            if covered > 0:
                self._blend(row, column, colour, <double>covered / (SAMPLES * SAMPLES))
        area.first = area.right
        area.end = area.left

    cdef void _glyph(
        self, double x, double y, double scale, const uint8_t* rows, uint32_t colour
    ) noexcept nogil:
        # Each pixel adds up its share of all squares of the glyph before it is blended. Squares
        # drawn one by one would leave seams where two of them share a pixel.
        cdef _Area area = self._area(x, y, x + _GLYPH_COLUMNS * scale, y + _GLYPH_ROWS * scale)
        cdef double coverage, covered_height
        cdef int row, column, i, j
        for row in range(area.top, area.bottom):
            for column in range(area.left, area.right):
                coverage = 0.0
                for i in range(_GLYPH_ROWS):
                    covered_height = overlap(y + i * scale, y + (i + 1) * scale, row, row + 1)
                    if covered_height == 0.0:
                        continue
                    for j in range(_GLYPH_COLUMNS):
                        if rows[i] & (1 << (_GLYPH_COLUMNS - 1 - j)):
                            coverage += covered_height * overlap(
                                x + j * scale, x + (j + 1) * scale, column, column + 1
                            )
                self._blend(row, column, colour, coverage)

    def draw_background(self, colour):
        """Fill the whole image."""
        self.clear(_checked_colour(colour))

    def draw_rectangle(self, double x0, double y0, double x1, double y1, colour):
        """Fill the rectangle between two opposite corners."""
        self.rectangle(x0, y0, x1, y1, _checked_colour(colour))

    def draw_disc(self, double x, double y, double radius, colour):
        """Fill the disc around x, y."""
        _check_not_negative("radius", radius)
        self.disc(x, y, radius, _checked_colour(colour))

    def draw_line(self, double x0, double y0, double x1, double y1, double thickness, colour):
        """Draw a line with round caps. A line without length is a disc."""
        _check_not_negative("thickness", thickness)
        self.line(x0, y0, x1, y1, thickness, _checked_colour(colour))

    def draw_polygon(self, points, colour):
        """Fill the polygon with the corners in the rows of points, (n, 2), by the even-odd rule."""
        cdef const double[:, ::1] corners
        array = np.ascontiguousarray(points, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != 2 or array.shape[0] < 3:
            raise ValueError(f"points must have shape (n, 2) with n at least 3, got shape {array.shape}")
        corners = array
        self.polygon(&corners[0, 0], <int>corners.shape[0], _checked_colour(colour))

    def draw_text(self, double x, double y, double size, str characters not None, colour):
        """Write printable ASCII from a top-left corner, size pixels high."""
        cdef bytes encoded
        _check_not_negative("size", size)
        if not (characters.isascii() and characters.isprintable()):
            raise ValueError(f"characters must be printable ASCII, got {characters!r}")
        encoded = characters.encode("ascii")
        self.text(x, y, size, encoded, _checked_colour(colour))

    def draw_cell(self, int row, int column, double size, double margin, colour):
        """Fill one square of a board, without a margin on each side."""
        _check_not_negative("size", size)
        self.cell(row, column, size, margin, _checked_colour(colour))

    def array(self):
        """A copy of the image, (height, width, 3) uint8."""
        return np.array(self.pixels)


cdef int _checked_side(str name, object value) except -1:
    side = operator.index(value)
    if not 1 <= side <= _LARGEST:
        raise ValueError(f"{name} must be between 1 and {_LARGEST}, got {side}")
    return side


cdef object _checked_colour(object value):
    colour = operator.index(value)
    if not 0 <= colour <= 0xFFFFFF:
        raise ValueError(f"colour must be between 0 and 0xFFFFFF, got {colour}")
    return colour


cdef int _check_not_negative(str name, double value) except -1:
    # NaN passes, because a shape with a NaN draws nothing.
    if value < 0.0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return 0
