"""The geometry of the rasteriser: spans of a shape in a row of sample points, and their overlap. Header only."""
from libc.math cimport ceil, floor, hypot, sqrt
from libc.stdint cimport uint32_t

cdef enum:
    SAMPLES = 16  # Per side of a pixel; a row of points is one bit of a uint16_t.
    # With this limit every sum and square stays far inside the range of a double.
    FAR = 1_000_000_000


cdef inline double bounded(double value) noexcept nogil:
    return max(-FAR, min(FAR, value))


cdef inline double overlap(double a0, double a1, double b0, double b1) noexcept nogil:
    """Length that the intervals [a0, a1] and [b0, b1] share."""
    return max(0.0, min(a1, b1) - max(a0, b0))


cdef inline int index_below(double value, int limit) noexcept nogil:
    """`value` rounded down and clamped to 0..limit."""
    return <int>max(0.0, min(<double>limit, floor(value)))


cdef inline int index_above(double value, int limit) noexcept nogil:
    """`value` rounded up and clamped to 0..limit."""
    return <int>max(0.0, min(<double>limit, ceil(value)))


cdef inline double sample_y(int row, int sample) noexcept nogil:
    return row + (sample + 0.5) / SAMPLES


cdef inline int count_bits(uint32_t bits) noexcept nogil:
    """Number of set bits among the low 16."""
    bits = bits - ((bits >> 1) & 0x5555)
    bits = (bits & 0x3333) + ((bits >> 2) & 0x3333)
    bits = (bits + (bits >> 4)) & 0x0F0F
    return (bits + (bits >> 8)) & 0x1F


cdef inline void widen(double* span, double x) noexcept nogil:
    span[0] = min(span[0], x)
    span[1] = max(span[1], x)


cdef inline bint crosses(const double* a, const double* b, double y) noexcept nogil:
    # Half-open, so that a corner exactly on y belongs to one of its two edges, not to both.
    return (a[1] <= y) != (b[1] <= y)


cdef inline double crossing(const double* a, const double* b, double y) noexcept nogil:
    """The x at which the edge from a to b crosses the height y; it must cross it."""
    return a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])


cdef inline void box_corners(const double* ends, double radius, double* corners) noexcept nogil:
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


cdef inline void capsule_span(
    const double* corners, const double* ends, double radius, double y, double* span
) noexcept nogil:
    """The span of x that a line with round caps covers at the height y: a box and two discs.

    The shape is convex, so the least and the greatest of all crossings bound the span.
    """
    cdef double square
    cdef int i, following
    span[0] = 3.0 * FAR
    span[1] = -3.0 * FAR
    for i in range(4):
        following = (i + 1) % 4
        if crosses(&corners[2 * i], &corners[2 * following], y):
            widen(span, crossing(&corners[2 * i], &corners[2 * following], y))
    for i in range(2):
        square = radius * radius - (y - ends[2 * i + 1]) * (y - ends[2 * i + 1])
        if square > 0.0:
            widen(span, ends[2 * i] - sqrt(square))
            widen(span, ends[2 * i] + sqrt(square))
