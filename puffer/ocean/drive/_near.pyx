"""For each cell of a scene, what is near it: computed once, so that no step looks at the whole road."""
import numpy as np

from libc.math cimport fabs, fmax, fmin, sqrt
from libc.stdint cimport int32_t, int64_t

cdef enum:
    # Distances are sorted to half a metre; those beyond 2 km are not.
    BUCKETS_PER_METRE = 2
    MOST_BUCKETS = 4096


def near_points(const double[:, ::1] middles, const float[:, ::1] points, int first, double reach, double sure,
                int limit):
    """The points that an agent in each cell may see, nearest to the middle of the cell first.

    Parameters
    ----------
    middles : float64 (cells, 2)
    points : float32 (points, columns)
        x and y are the first columns.
    first : int
        The number of the first point.
    reach, sure : float
        How far from the middle of a cell a point may be seen, and how near it is seen from everywhere in the cell: of
        such points no more than `limit` are listed.

    Returns
    -------
    counts : int32 (cells,)
    found : int32
        The numbers of the points, cell after cell.
    """
    cdef Py_ssize_t cell
    cdef int64_t total = 0
    counts = np.zeros(len(middles), np.int32)
    cdef int32_t[::1] numbers = counts
    for cell in range(len(middles)):
        numbers[cell] = list_points(points, first, &middles[cell, 0], reach, sure, limit, NULL)
        total += numbers[cell]
    found = np.zeros(max(total, 1), np.int32)
    cdef int32_t[::1] entries = found
    total = 0
    for cell in range(len(middles)):
        if numbers[cell]:
            total += list_points(points, first, &middles[cell, 0], reach, sure, limit, &entries[total])
    return counts, found[:total]


def near_edges(const double[:, ::1] middles, const float[:, ::1] edges, int first, double reach):
    """The edges (x, y, cosine, sine, half length, half width) at most `reach` from the middle of each cell.

    The other parameters and what is returned are as for `near_points`.
    """
    cdef Py_ssize_t cell
    cdef int64_t k, total = 0
    counts = np.zeros(len(middles), np.int32)
    cdef int32_t[::1] numbers = counts
    for cell in range(len(middles)):
        for k in range(len(edges)):
            numbers[cell] += distance_of_edge(&edges[k, 0], middles[cell, 0], middles[cell, 1]) <= reach
        total += numbers[cell]
    found = np.zeros(max(total, 1), np.int32)
    cdef int32_t[::1] entries = found
    total = 0
    for cell in range(len(middles)):
        for k in range(len(edges)):
            if distance_of_edge(&edges[k, 0], middles[cell, 0], middles[cell, 1]) <= reach:
                entries[total] = first + <int32_t>k
                total += 1
    return counts, found[:total]


cdef int32_t list_points(const float[:, ::1] points, int first, const double* middle, double reach, double sure,
                         int limit, int32_t* found) noexcept:
    """List the points near a cell; returns how many. Without `found`, they are counted only."""
    cdef int32_t[MOST_BUCKETS] starts
    cdef int64_t k
    cdef double distance
    cdef int bucket, start = 0, size, count = 0, certain = 0, buckets = bucket_of(reach) + 1
    for bucket in range(buckets):
        starts[bucket] = 0
    for k in range(len(points)):
        if squared(&points[k, 0], middle) <= reach * reach:
            distance = sqrt(squared(&points[k, 0], middle))
            count += 1
            certain += distance <= sure
            starts[bucket_of(distance)] += 1
    if certain >= limit:
        count = limit
    if found == NULL:
        return count
    for bucket in range(buckets):
        size = starts[bucket]
        starts[bucket] = start
        start += size
    for k in range(len(points)):
        if squared(&points[k, 0], middle) <= reach * reach:
            bucket = bucket_of(sqrt(squared(&points[k, 0], middle)))
            if starts[bucket] < count:
                found[starts[bucket]] = first + <int32_t>k
            starts[bucket] += 1
    return count


cdef inline int bucket_of(double distance) noexcept:
    return <int>fmin(distance * BUCKETS_PER_METRE, MOST_BUCKETS - 1)


cdef inline double squared(const float* point, const double* middle) noexcept:
    """The square of the distance."""
    return (point[0] - middle[0]) * (point[0] - middle[0]) + (point[1] - middle[1]) * (point[1] - middle[1])


cdef inline double distance_of_edge(const float* edge, double x, double y) noexcept:
    cdef double right = x - edge[0], up = y - edge[1]
    cdef double along = fmax(fabs(right * edge[2] + up * edge[3]) - edge[4], 0)
    cdef double across = fmax(fabs(up * edge[2] - right * edge[3]) - edge[5], 0)
    return sqrt(along * along + across * across)
