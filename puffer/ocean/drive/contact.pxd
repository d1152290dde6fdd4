# Which bodies touch each other, and which the edges of the road: boxes of 0.7 times their sizes, as in GPUDrive.
from libc.math cimport fabsf
from libc.stdint cimport int32_t, int64_t

from puffer.ocean.drive.world cimport (
    EDGE, HERE, MOST_OBJECTS, OBJECT, TOUCHES_EDGE, TOUCHES_OTHER, TOUCHES_VEHICLE, VEHICLE, Body, Scene, Tables,
    cell_at,
)

cdef extern from *:
    """
    /* Of the sides of a body, half of that of its box. */
    #define DRIVE_HALF 0.35f
    """
    const float HALF "DRIVE_HALF"

cdef struct Box:
    float x, y, cosine, sine, half_length, half_width


cdef inline bint boxes_touch(const Box* a, const Box* b) noexcept nogil:
    """Whether no side of the two keeps them apart."""
    cdef float x = b.x - a.x, y = b.y - a.y
    cdef float cosine = a.cosine * b.cosine + a.sine * b.sine, sine = a.cosine * b.sine - a.sine * b.cosine
    cdef float across = fabsf(sine), along = fabsf(cosine)
    return (fabsf(x * a.cosine + y * a.sine) <= a.half_length + b.half_length * along + b.half_width * across
            and fabsf(y * a.cosine - x * a.sine) <= a.half_width + b.half_length * across + b.half_width * along
            and fabsf(x * b.cosine + y * b.sine) <= b.half_length + a.half_length * along + a.half_width * across
            and fabsf(y * b.cosine - x * b.sine) <= b.half_width + a.half_length * across + a.half_width * along)


cdef inline Box box_of(const Body* body, const float* numbers) noexcept nogil:
    return Box(body.x, body.y, body.cosine, body.sine, HALF * numbers[0], HALF * numbers[1])


cdef inline void touch_each_other(const Tables* tables, const Scene* scene, Body* bodies) noexcept nogil:
    """Mark the bodies that touch others. The recorded ones are not marked by each other."""
    cdef const float* objects = tables.objects + OBJECT * scene.first_object
    cdef const int32_t* rows = tables.row_of_object + scene.first_object
    cdef float[MOST_OBJECTS] xs, ys, reaches
    cdef int32_t[MOST_OBJECTS] numbers
    cdef int k, other, count = 0
    cdef float x, y, reach
    for k in range(scene.objects):
        if bodies[k].status < HERE:
            continue
        numbers[count], xs[count], ys[count], reaches[count] = k, bodies[k].x, bodies[k].y, objects[OBJECT * k + 7]
        # The last one is behind those that it is compared with.
        for other in range(count):
            x, y, reach = xs[other] - xs[count], ys[other] - ys[count], reaches[other] + reaches[count]
            if x * x + y * y <= reach * reach and (rows[k] >= 0 or rows[numbers[other]] >= 0):
                touch_if_boxes_do(objects, bodies, k, numbers[other])
        count += 1


cdef inline void touch_if_boxes_do(const float* objects, Body* bodies, int a, int b) noexcept nogil:
    cdef Box one = box_of(&bodies[a], objects + OBJECT * a), other = box_of(&bodies[b], objects + OBJECT * b)
    if boxes_touch(&one, &other):
        bodies[a].touches |= kind_of_touch(objects[OBJECT * b + 3])
        bodies[b].touches |= kind_of_touch(objects[OBJECT * a + 3])


cdef inline int kind_of_touch(float kind) noexcept nogil:
    return TOUCHES_VEHICLE if kind == VEHICLE else TOUCHES_OTHER


cdef inline void touch_edges(const Tables* tables, const Scene* scene, Body* body, const float* numbers) noexcept nogil:
    """Mark a vehicle that touches an edge of the road; others may cross them."""
    cdef int64_t cell = cell_at(scene, body.x, body.y)
    cdef Box box = box_of(body, numbers)
    cdef const Box* edge
    cdef float aside
    cdef int k
    if numbers[3] == VEHICLE:
        for k in range(tables.first_edge[cell], tables.first_edge[cell + 1]):
            edge = <const Box*>(tables.edges + EDGE * tables.near_edges[k])
            aside = fabsf((body.y - edge.y) * edge.cosine - (body.x - edge.x) * edge.sine)
            if aside <= numbers[7] + edge.half_width and boxes_touch(&box, edge):
                body.touches |= TOUCHES_EDGE
                return
