"""OpenSimplex noise in three dimensions, after the algorithm of Kurt Spencer (2014).

The bits are those of the Python package `opensimplex` 0.4: vertices are summed in the same order, and their distances
are rounded at the same points.

Space is stretched so that its lattice consists of unit cubes. Each cube is cut along the planes x + y + z = 1 and
x + y + z = 2 into a low tetrahedron, a high one, and an octahedron between them. The noise at a point is the sum of
the contributions of the vertices of its piece and of two more vertices outside, which follow from the two vertices that
are closest to the point. A vertex of the cube is written as three bits: 1 for x, 2 for y, 4 for z.
"""
from libc.math cimport fabs, floor
from libc.stdint cimport int64_t, uint8_t, uint64_t

from math import isfinite

cdef enum:
    LOW
    HIGH
    MIDDLE

cdef double STRETCH = -1.0 / 6
cdef double SQUISH = 1.0 / 3
cdef double NORM = 103

# Far enough for all uses, and near enough for the sums of coordinates to be exact.
cdef double FARTHEST = 2.0**40

cdef Vertex CORNERS[3][6]
cdef int CORNER_COUNTS[3]
# By piece and the two closest vertices.
cdef Vertex EXTRAS[3][8][8][2]
# The directions to the vertices of a rhombicuboctahedron, by octant and by the axis that they are closest to.
cdef int GRADIENTS[24][3]


def _corner(int point):
    return [point & 1, point >> 1 & 1, point >> 2]


def _moved(place, int axis, int distance):
    return [coordinate + distance * (one == axis) for one, coordinate in enumerate(place)]


cdef Vertex _vertex(place, after=(0, 0, 0)):
    cdef Vertex vertex
    for axis in range(3):
        vertex.place[axis] = place[axis]
        vertex.before[axis] = place[axis] - after[axis]
        vertex.after[axis] = after[axis]
    vertex.squish = sum(place) * SQUISH
    return vertex


cdef _set_extras(int piece, int one, int other, Vertex first, Vertex second):
    EXTRAS[piece][one][other][0] = EXTRAS[piece][other][one][0] = first
    EXTRAS[piece][one][other][1] = EXTRAS[piece][other][one][1] = second


cdef _fill_tables():
    for piece, points in ((LOW, (0, 1, 2, 4)), (HIGH, (3, 5, 6, 7)), (MIDDLE, (1, 2, 4, 3, 5, 6))):
        CORNER_COUNTS[piece] = len(points)
        for number, point in enumerate(points):
            CORNERS[piece][number] = _vertex(_corner(point))
    for octant in range(8):
        for axis in range(3):
            for one in range(3):
                # The first octant is that of negative x and positive y and z.
                sign = 1 if (octant >> one & 1 == 0) == (one > 0) else -1
                GRADIENTS[3 * octant + axis][one] = sign * (11 if one == axis else 4)
    for axis in range(3):
        _fill_extras(axis)


cdef _fill_extras(int axis):
    """The extra vertices of all pairs that single out one axis."""
    cdef int alone = 1 << axis, both = 7 ^ alone
    one, other = (another for another in range(3) if another != axis)
    twice = _vertex(_moved(_corner(alone), axis, 1))
    opposite = _vertex(_moved(_corner(both), axis, -1))
    # Two vertices in one coordinate plane with the origin, two in one with the opposite corner.
    near, far = (1 << one, 1 << other), (alone | 1 << one, alone | 1 << other)
    _set_extras(LOW, near[0], near[1], _vertex(_corner(both)), opposite)
    _set_extras(HIGH, far[0], far[1], _vertex(_corner(alone)), twice)
    _set_extras(MIDDLE, near[0], near[1], _vertex(_corner(0)), opposite)
    _set_extras(MIDDLE, far[0], far[1], _vertex(_corner(7)), twice)
    # The origin and a neighbour of it, the opposite corner and a neighbour of that.
    _set_extras(LOW, 0, alone, _vertex(_moved(_corner(alone), one, -1)), _vertex(_moved(_corner(alone), other, -1)))
    _set_extras(HIGH, 7, both, _beyond(both, one), _beyond(both, other))
    # A neighbour of the origin and one of the opposite corner, which are neighbours.
    for shared in (one, other):
        late = _moved((0, 0, 0), shared, 2)
        _set_extras(MIDDLE, both, 1 << shared, opposite, _vertex(late, late))


cdef Vertex _beyond(int point, int axis):
    """The vertex next to this one, away from the cube. Along y, that step is subtracted last."""
    step = _moved((0, 0, 0), axis, 1)
    return _vertex(_moved(_corner(point), axis, 1), step if axis == 1 else (0, 0, 0))


_fill_tables()


cdef inline void _two_best(double* scores, int* points) noexcept nogil:
    """Put the two points with the highest of three scores first.

    If the first two are equal it is the second that gives way, and neither does to a score that is no higher.
    """
    cdef int worse = 1 if scores[0] >= scores[1] else 0
    if scores[2] > scores[worse]:
        scores[worse] = scores[2]
        points[worse] = points[2]


cdef inline int _piece(double x, double y, double z, int* points) noexcept nogil:
    """The piece of the cube that these fractions lie in, and the two vertices of it that are closest."""
    cdef double[3] scores
    cdef double total = x + y + z, nearness
    cdef int piece, corner
    if 1 < total < 2:
        # Of each two opposite vertices the closer one takes part.
        scores[0], scores[1], scores[2] = x + z - 1, x + y - 1, y + z - 1
        points[0] = 5 if scores[0] > 0 else 2
        points[1] = 3 if scores[1] > 0 else 4
        points[2] = 6 if scores[2] > 0 else 1
        scores[0], scores[1], scores[2] = fabs(scores[0]), fabs(scores[1]), fabs(scores[2])
        _two_best(scores, points)
        return MIDDLE
    if total <= 1:
        piece, corner, nearness = LOW, 0, 1 - total
        scores[0], scores[1], scores[2] = x, y, z
        points[0], points[1], points[2] = 1, 2, 4
    else:
        piece, corner, nearness = HIGH, 7, total - 3
        scores[0], scores[1], scores[2] = -x, -y, -z
        points[0], points[1], points[2] = 6, 5, 3
    _two_best(scores, points)
    if nearness > scores[0] or nearness > scores[1]:
        if scores[1] > scores[0]:
            points[0] = points[1]
        points[1] = corner
    return piece


cdef inline uint64_t _after(uint64_t state) noexcept nogil:
    return state * <uint64_t>6364136223846793005 + <uint64_t>1442695040888963407


cdef void shuffle(uint8_t* permutation, uint64_t seed) noexcept nogil:
    """Write the permutation of a seed, 256 numbers."""
    cdef uint8_t[256] source
    cdef uint64_t state = seed
    cdef int number, chosen
    for number in range(256):
        source[number] = number
    for _ in range(3):
        state = _after(state)
    for number in range(255, -1, -1):
        state = _after(state)
        # The remainder of the state as a signed number, plus 31.
        chosen = <int>((<int64_t>state % (number + 1) + 31) % (number + 1))
        if chosen < 0:
            chosen += number + 1
        permutation[number] = source[chosen]
        source[chosen] = source[number]


cdef const int* gradients() noexcept nogil:
    """The 24 gradients of vertices, three numbers each; the hash of a vertex modulo 24 selects one."""
    return &GRADIENTS[0][0]


cdef double noise_at(const uint8_t* permutation, double x, double y, double z) noexcept nogil:
    """The noise at a point, from -1 to 1, for coordinates up to 2**40."""
    cdef double stretch = (x + y + z) * STRETCH, squish, value = 0
    cdef double stretched_x = x + stretch, stretched_y = y + stretch, stretched_z = z + stretch
    cdef double floor_x = floor(stretched_x), floor_y = floor(stretched_y), floor_z = floor(stretched_z)
    cdef int[3] points
    cdef int piece, number
    cdef Cell cell
    cell.place[0], cell.place[1], cell.place[2] = <int64_t>floor_x, <int64_t>floor_y, <int64_t>floor_z
    squish = (floor_x + floor_y + floor_z) * SQUISH
    cell.offset[0], cell.offset[1] = x - (floor_x + squish), y - (floor_y + squish)
    cell.offset[2] = z - (floor_z + squish)
    piece = _piece(stretched_x - floor_x, stretched_y - floor_y, stretched_z - floor_z, points)
    for number in range(CORNER_COUNTS[piece]):
        value += _contribution(permutation, &CORNERS[piece][number], &cell)
    for number in range(2):
        value += _contribution(permutation, &EXTRAS[piece][points[0]][points[1]][number], &cell)
    return value / NORM


cdef inline double _contribution(const uint8_t* permutation, const Vertex* vertex, const Cell* cell) noexcept nogil:
    cdef double[3] way
    cdef double reach = 2
    cdef int axis, hash = 0
    cdef const int* gradient
    for axis in range(3):
        way[axis] = cell.offset[axis] - vertex.before[axis] - vertex.squish - vertex.after[axis]
        reach -= way[axis] * way[axis]
    if reach <= 0:
        return 0
    for axis in range(3):
        hash = permutation[(hash + cell.place[axis] + vertex.place[axis]) & 255]
    gradient = GRADIENTS[hash % 24]
    reach *= reach
    return reach * reach * (gradient[0] * way[0] + gradient[1] * way[1] + gradient[2] * way[2])


cdef class Simplex:
    """Simplex(seed)
--

Noise for one seed, any integer; those that are equal modulo 2**64 are the same.
"""

    def __init__(self, seed):
        shuffle(self.permutation, seed & (2**64 - 1))

    def noise3(self, double x, double y, double z):
        """The noise at a point, from -1 to 1. Raises ValueError for coordinates beyond 2**40."""
        for name, value in (("x", x), ("y", y), ("z", z)):
            if not isfinite(value) or abs(value) > FARTHEST:
                raise ValueError(f"{name} must be from -2**40 to 2**40, got {value}")
        return noise_at(self.permutation, x, y, z)
