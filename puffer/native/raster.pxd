"""C face of the software rasteriser; see raster.pyx for what the coordinates and colours mean."""
cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef inline uint32_t mix(uint32_t a, uint32_t b, double t) noexcept nogil:
    """The colour a fraction t of the way from a to b; t is clamped to 0..1, and NaN counts as 0."""
    cdef uint32_t colour = 0
    cdef int shift, start
    if not t > 0.0:
        return a & 0xFFFFFF
    if t >= 1.0:
        return b & 0xFFFFFF
    for shift in range(0, 24, 8):
        start = (a >> shift) & 0xFF
        colour |= <uint32_t>(start + (<int>((b >> shift) & 0xFF) - start) * t + 0.5) << shift
    return colour


cdef struct _Area:
    # The part of the image that a shape can touch, in whole pixels.
    int left
    int top
    int right
    int bottom
    # The columns that the outline has touched in the row being drawn.
    int first
    int end


@cython.final
cdef class Canvas:
    cdef readonly int width
    cdef readonly int height
    cdef uint8_t[:, :, ::1] pixels
    cdef uint16_t[::1] _toggles

    cdef void clear(self, uint32_t colour) noexcept nogil
    cdef void rectangle(
        self, double x0, double y0, double x1, double y1, uint32_t colour
    ) noexcept nogil
    cdef void disc(self, double x, double y, double radius, uint32_t colour) noexcept nogil
    cdef void line(
        self, double x0, double y0, double x1, double y1, double thickness, uint32_t colour
    ) noexcept nogil
    cdef void polygon(self, const double* xy, int points, uint32_t colour) noexcept nogil
    cdef void text(
        self, double x, double y, double size, const char* characters, uint32_t colour
    ) noexcept nogil
    cdef void cell(
        self, int row, int column, double size, double margin, uint32_t colour
    ) noexcept nogil

    cdef void _store(self, int row, int column, uint32_t colour) noexcept nogil
    cdef void _blend(self, int row, int column, uint32_t colour, double coverage) noexcept nogil
    cdef _Area _area(self, double x0, double y0, double x1, double y1) noexcept nogil
    cdef void _toggle(self, _Area* area, int sample, double x) noexcept nogil
    cdef void _paint(self, _Area* area, int row, uint32_t colour) noexcept nogil
    cdef void _glyph(
        self, double x, double y, double scale, const uint8_t* rows, uint32_t colour
    ) noexcept nogil
