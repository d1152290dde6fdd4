# What an agent sees: itself, those around it, and the road.
from libc.math cimport fabsf
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from puffer.ocean.drive.world cimport LEAVING, MOST_OBJECTS, OBJECT, POINT, Body, Scene, Tables, cell_at

cdef extern from *:
    """
    #include <math.h>
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #include "puffer/native/dispatch.h"

    /* A row of a table is 16 numbers; eight of an agent's view come from the first eight, and from those after them:
     * view = (row[k] - shift[k]) * along[k] + (row[8 + k] - shift[8 + k]) * across[k], so that x and y, which stand
     * there as y and x, are turned into the agent's frame, eight numbers at a time. One is an angle: it is brought into
     * half a turn. The ninth number of the view stands at 11. */
    typedef struct {
        float shift[16], along[8], across[8], turn[8], inverse[8];
    } drive_frame;

    typedef float drive_floats __attribute__((vector_size(32)));

    /* Write the rows within the radius, of those in the list, up to a limit; returns how many. x stands at `at`. */
    PUFFER_CLONES
    static int drive_view(float *restrict view, const float *restrict table, const int32_t *restrict list, int count,
                          int limit, int at, float square, const drive_frame *restrict frame)
    {
        drive_floats shift, cross_shift, along, across, turn, inverse, here, there;
        const float x = frame->shift[at], y = frame->shift[at + 1];
        int seen = 0;
        memcpy(&shift, frame->shift, sizeof shift);
        memcpy(&cross_shift, frame->shift + 8, sizeof cross_shift);
        memcpy(&along, frame->along, sizeof along);
        memcpy(&across, frame->across, sizeof across);
        memcpy(&turn, frame->turn, sizeof turn);
        memcpy(&inverse, frame->inverse, sizeof inverse);
        for (int j = 0; j < count && seen < limit; j++) {
            const float *restrict row = table + 16 * (ptrdiff_t)list[j];
            const float right = row[at] - x, up = row[at + 1] - y;
            if (right * right + up * up > square)
                continue;
            memcpy(&here, row, sizeof here);
            memcpy(&there, row + 8, sizeof there);
            here = (here - shift) * along + (there - cross_shift) * across;
            here -= turn * ((here * inverse + 12582912.0f) - 12582912.0f);
            memcpy(view, &here, sizeof here);
            view[8] = row[11];
            view += 9;
            seen++;
        }
        return seen;
    }
    """
    ctypedef struct drive_frame:
        float[16] shift
        float[8] along
        float[8] across
        float[8] turn
        float[8] inverse
    int drive_view(float* view, const float* table, const int32_t* entries, int count, int limit, int at, float square,
                   const drive_frame* frame) noexcept nogil

cdef struct Sight:
    # Where the parts of a row begin, and how many rows the partners and the road have.
    Py_ssize_t own, partners, road
    int most_partners, most_points
    float square              # of the radius


cdef inline drive_frame frame_of(const Body* body, int at, int angle) noexcept nogil:
    """The frame of an agent, for tables with x at `at` and a heading at `angle`."""
    cdef drive_frame frame
    cdef int k
    for k in range(8):
        frame.shift[k] = frame.shift[8 + k] = frame.across[k] = frame.turn[k] = frame.inverse[k] = 0
        frame.along[k] = 1
    frame.shift[at] = frame.shift[8 + at + 1] = body.x
    frame.shift[at + 1] = frame.shift[8 + at] = body.y
    frame.along[at] = frame.along[at + 1] = body.cosine
    frame.across[at], frame.across[at + 1] = body.sine, -body.sine
    frame.shift[angle] = body.heading
    frame.turn[angle], frame.inverse[angle] = <float>6.283185307179586, <float>0.15915494309189535
    return frame


cdef inline int write_bodies(const Tables* tables, const Scene* scene, const Body* bodies, float* table,
                             int32_t* present) noexcept nogil:
    """Write the table of the bodies that are seen, and list them; returns how many."""
    cdef const float* numbers = tables.objects + OBJECT * scene.first_object
    cdef int k, count = 0
    cdef float* row = table
    for k in range(scene.objects):
        if bodies[k].status >= LEAVING:
            memset(row, 0, POINT * sizeof(float))
            row[0], row[1], row[2], row[3] = fabsf(bodies[k].speed), bodies[k].x, bodies[k].y, bodies[k].heading
            row[4], row[5], row[6], row[7] = numbers[0], numbers[1], numbers[2], numbers[3]
            row[9], row[10], row[11] = bodies[k].y, bodies[k].x, numbers[4]
            present[count] = k
            count += 1
        row += POINT
        numbers += OBJECT
    return count


cdef inline void see(const Tables* tables, const Scene* scene, const Body* bodies, int number, const float* table,
                     const int32_t* present, int count, const Sight* sight, float* row) noexcept nogil:
    """Write the observation of a body."""
    cdef const Body* body = &bodies[number]
    cdef const float* numbers = tables.objects + OBJECT * (scene.first_object + number)
    cdef float x = numbers[5] - body.x, y = numbers[6] - body.y
    cdef float* own = row + sight.own
    cdef int32_t[MOST_OBJECTS] others
    cdef int64_t cell = cell_at(scene, body.x, body.y)
    cdef drive_frame frame = frame_of(body, 1, 3)
    cdef int k, seen = 0
    own[0], own[1], own[2], own[3] = fabsf(body.speed), numbers[0], numbers[1], numbers[2]
    own[4], own[5] = x * body.cosine + y * body.sine, y * body.cosine - x * body.sine
    own[6], own[7] = body.touches != 0, numbers[4]
    for k in range(count):
        others[seen] = present[k]
        seen += present[k] != number
    seen = drive_view(row + sight.partners, table, others, seen, sight.most_partners, 1, sight.square, &frame)
    memset(row + sight.partners + 9 * seen, 0, 9 * (sight.most_partners - seen) * sizeof(float))
    frame = frame_of(body, 0, 5)
    seen = drive_view(row + sight.road, tables.points, tables.near + tables.first_near[cell],
                      tables.first_near[cell + 1] - tables.first_near[cell], sight.most_points, 0, sight.square, &frame)
    memset(row + sight.road + 9 * seen, 0, 9 * (sight.most_points - seen) * sizeof(float))
