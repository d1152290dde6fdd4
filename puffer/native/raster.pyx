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
from libc.math cimport ceil, floor, hypot, isfinite, sqrt
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

import operator

import numpy as np

cdef enum:
    _LARGEST = 8192
    _SAMPLES = 16  # Per side of a pixel; a row of points is one bit of a uint16_t.
    _GLYPH_COLUMNS = 5
    _GLYPH_ROWS = 7
    _GLYPH_STEP = 6
    _FIRST_GLYPH = 32
    _GLYPHS = 95

# With this limit every sum and square in this module stays far inside the range of a double.
cdef double _FAR = 1e9

# Seven rows a glyph from the top, two hexadecimal digits a row, bit 4 on the left.
cdef bytes _FONT_ROWS = bytes.fromhex(
    "00000000000000 04040404040004 0A0A0A00000000 0A0A1F0A1F0A0A"  # space !"#
    "040F140E051E04 19190204081313 0C12140815120D 04040400000000"  # $%&'
    "02040808080402 08040202020408 0004150E150400 0004041F040400"  # ()*+
    "000000000C0408 0000001F000000 00000000000C0C 01010204081010"  # ,-./
    "0E11131519110E 040C040404040E 0E11010608101F 0E11010601110E"  # 0123
    "02060A121F0202 1F101E0101110E 0608101E11110E 1F010202040404"  # 4567
    "0E11110E11110E 0E11110F01020C 000C0C000C0C00 000C0C000C0408"  # 89:;
    "02040810080402 00001F001F0000 08040201020408 0E110102040004"  # <=>?
    "0E11171516100E 040A11111F1111 1E11111E11111E 0E11101010110E"  # @ABC
    "1C12111111121C 1F10101E10101F 1F10101E101010 0E11101711110E"  # DEFG
    "1111111F111111 0E04040404040E 0702020202120C 11121418141211"  # HIJK
    "1010101010101F 111B1515111111 11111915131111 0E11111111110E"  # LMNO
    "1E11111E101010 0E11111115120D 1E11111E141211 0F10100E01011E"  # PQRS
    "1F040404040404 1111111111110E 111111110A0A04 11111115151B11"  # TUVW
    "11110A040A1111 11110A04040404 1F01020408101F 0E08080808080E"  # XYZ[
    "10100804020101 0E02020202020E 040A1100000000 0000000000001F"  # \]^_
    "08040200000000 00000E010F110F 1010161911111E 00000E1010100E"  # `abc
    "01010D1311110F 00000E111F100E 06081E08080808 00000F110F010E"  # defg
    "10101619111111 04000C0404040E 0200060202120C 10101214181412"  # hijk
    "0C04040404040E 00001A15151515 00001619111111 00000E1111110E"  # lmno
    "00001E11111E10 00000F11110F01 00001618101010 00000F100E011E"  # pqrs
    "08081E08080906 0000111111130D 00001111110A04 0000111115150A"  # tuvw
    "0000110A040A11 000011110F010E 00001F0204081F 06040408040406"  # xyz{
    "04040404040404 0C04040204040C 00000815020000"  # |}~
)
cdef const uint8_t* _font = _FONT_ROWS


cdef inline double _bounded(double value) noexcept nogil:
    return max(-_FAR, min(_FAR, value))


cdef inline double _overlap(double a0, double a1, double b0, double b1) noexcept nogil:
    """Length that the intervals [a0, a1] and [b0, b1] share."""
    return max(0.0, min(a1, b1) - max(a0, b0))


cdef inline int _index_below(double value, int limit) noexcept nogil:
    """`value` rounded down and clamped to 0..limit."""
    return <int>max(0.0, min(<double>limit, floor(value)))


cdef inline int _index_above(double value, int limit) noexcept nogil:
    """`value` rounded up and clamped to 0..limit."""
    return <int>max(0.0, min(<double>limit, ceil(value)))


cdef inline double _sample_y(int row, int sample) noexcept nogil:
    return row + (sample + 0.5) / _SAMPLES


cdef inline int _count_bits(uint32_t bits) noexcept nogil:
    """Number of set bits among the low 16."""
    bits = bits - ((bits >> 1) & 0x5555)
    bits = (bits & 0x3333) + ((bits >> 2) & 0x3333)
    bits = (bits + (bits >> 4)) & 0x0F0F
    return (bits + (bits >> 8)) & 0x1F


cdef inline void _widen(double* span, double x) noexcept nogil:
    span[0] = min(span[0], x)
    span[1] = max(span[1], x)


cdef inline bint _crosses(const double* a, const double* b, double y) noexcept nogil:
    # Half-open, so that a corner exactly on y belongs to one of its two edges, not to both.
    return (a[1] <= y) != (b[1] <= y)


cdef inline double _crossing(const double* a, const double* b, double y) noexcept nogil:
    """The x at which the edge from a to b crosses the height y; it must cross it."""
    return a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])


cdef void _box_corners(const double* ends, double radius, double* corners) noexcept nogil:
    """The corners, in turn, of the box between the ends of a line."""
    cdef double along_x = ends[2] - ends[0], along_y = ends[3] - ends[1]
    cdef double length = hypot(along_x, along_y)
    cdef double across_x = 0.0, across_y = 0.0
    if length > 0.0:
        across_x = -along_y / length * radius
        across_y = along_x / length * radius
    corners[0], corners[1] = ends[0] + across_x, ends[1] + across_y
    corners[2], corners[3] = ends[2] + across_x, ends[3] + across_y
    corners[4], corners[5] = ends[2] - across_x, ends[3] - across_y
    corners[6], corners[7] = ends[0] - across_x, ends[1] - across_y


cdef void _capsule_span(
    const double* corners, const double* ends, double radius, double y, double* span
) noexcept nogil:
    """The span of x that a line with round caps covers at the height y: a box and two discs.

    The shape is convex, so the least and the greatest of all crossings bound the span.
    """
    cdef double square
    cdef int i, following
    span[0] = 3 * _FAR
    span[1] = -3 * _FAR
    for i in range(4):
        following = (i + 1) % 4
        if _crosses(&corners[2 * i], &corners[2 * following], y):
            _widen(span, _crossing(&corners[2 * i], &corners[2 * following], y))
    for i in range(2):
        square = radius * radius - (y - ends[2 * i + 1]) * (y - ends[2 * i + 1])
        if square > 0.0:
            _widen(span, ends[2 * i] - sqrt(square))
            _widen(span, ends[2 * i] + sqrt(square))


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
        self._toggles = np.zeros(self.width * _SAMPLES, np.uint16)
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
            covered_height = _overlap(top, bottom, row, row + 1)
            for column in range(area.left, area.right):
                self._blend(
                    row, column, colour, covered_height * _overlap(left, right, column, column + 1)
                )

    cdef void disc(self, double x, double y, double radius, uint32_t colour) noexcept nogil:
        cdef _Area area
        cdef double height, square
        cdef int row, sample
        if not (isfinite(x) and isfinite(y) and isfinite(radius) and radius > 0.0):
            return
        x, y, radius = _bounded(x), _bounded(y), _bounded(radius)
        area = self._area(x - radius, y - radius, x + radius, y + radius)
        for row in range(area.top, area.bottom):
            for sample in range(_SAMPLES):
                height = _sample_y(row, sample) - y
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
        ends[0], ends[1], ends[2], ends[3] = _bounded(x0), _bounded(y0), _bounded(x1), _bounded(y1)
        radius = _bounded(thickness / 2.0)
        _box_corners(ends, radius, corners)
        area = self._area(
            min(ends[0], ends[2]) - radius, min(ends[1], ends[3]) - radius,
            max(ends[0], ends[2]) + radius, max(ends[1], ends[3]) + radius,
        )
        for row in range(area.top, area.bottom):
            for sample in range(_SAMPLES):
                _capsule_span(corners, ends, radius, _sample_y(row, sample), span)
                if span[0] < span[1]:
                    self._toggle(&area, sample, span[0])
                    self._toggle(&area, sample, span[1])
            self._paint(&area, row, colour)

    cdef void polygon(self, const double* xy, int points, uint32_t colour) noexcept nogil:
        """Fill the polygon with corners x, y, x, y, ... by the even-odd rule."""
        cdef _Area area
        cdef double[2] a
        cdef double[2] b
        cdef double left = _FAR, right = -_FAR, top = _FAR, bottom = -_FAR, y
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
            b[0], b[1] = _bounded(xy[2 * points - 2]), _bounded(xy[2 * points - 1])
            for i in range(points):
                a[0], a[1] = b[0], b[1]
                b[0], b[1] = _bounded(xy[2 * i]), _bounded(xy[2 * i + 1])
                if max(a[1], b[1]) < row or min(a[1], b[1]) > row + 1:
                    continue
                for sample in range(_SAMPLES):
                    y = _sample_y(row, sample)
                    if _crosses(a, b, y):
                        self._toggle(&area, sample, _crossing(a, b, y))
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
        x, y, scale = _bounded(x), _bounded(y), _bounded(size) / _GLYPH_ROWS
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
        area.left = _index_below(x0, self.width)
        area.top = _index_below(y0, self.height)
        area.right = _index_above(x1, self.width)
        area.bottom = _index_above(y1, self.height)
        area.first = area.right
        area.end = area.left
        return area

    cdef void _toggle(self, _Area* area, int sample, double x) noexcept nogil:
        """Mark that the shape begins or ends at x in one row of sample points."""
        cdef double position = ceil(x * _SAMPLES - 0.5)
        cdef int column
        if position >= <double>area.right * _SAMPLES:
            # Nothing lies to the right of it, but the row must be painted up to the edge.
            area.end = area.right
            return
        position = max(position, <double>area.left * _SAMPLES)
        column = <int>position // _SAMPLES
        area.first = min(area.first, column)
        area.end = max(area.end, column + 1)
        self._toggles[<int>position] ^= <uint16_t>(1 << sample)

    cdef void _paint(self, _Area* area, int row, uint32_t colour) noexcept nogil:
        """Turn the marks in one row of pixels into colour, and remove them."""
        cdef uint32_t inside = 0, changes
        cdef int column, i, covered
        for column in range(area.first, area.end):
            changes = 0
            for i in range(column * _SAMPLES, (column + 1) * _SAMPLES):
                changes |= self._toggles[i]
            if changes == 0:
                covered = _count_bits(inside) * _SAMPLES
            else:
                covered = 0
                for i in range(column * _SAMPLES, (column + 1) * _SAMPLES):
                    inside ^= self._toggles[i]
                    self._toggles[i] = 0
                    covered += _count_bits(inside)
            if covered > 0:
                self._blend(row, column, colour, <double>covered / (_SAMPLES * _SAMPLES))
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
                    covered_height = _overlap(y + i * scale, y + (i + 1) * scale, row, row + 1)
                    if covered_height == 0.0:
                        continue
                    for j in range(_GLYPH_COLUMNS):
                        if rows[i] & (1 << (_GLYPH_COLUMNS - 1 - j)):
                            coverage += covered_height * _overlap(
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
