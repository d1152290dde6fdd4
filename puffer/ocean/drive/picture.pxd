# A scene from above.
from libc.math cimport cos, fmax, fmin, sin
from libc.stdint cimport int64_t, uint32_t

from puffer._core cimport Canvas
from puffer.ocean.drive.world cimport LEAVING, OBJECT, POINT, STOPPED, VEHICLE, Body, Scene, Tables

cdef enum:
    WIDTH = 640
    HEIGHT = 480
    MARGIN = 24

cdef struct Frame:
    # Where the middle of the picture is in the scene, and pixels of a metre.
    double x, y, scale


cdef inline double column(const Frame* frame, double x) noexcept:
    return WIDTH / 2 + (x - frame.x) * frame.scale


cdef inline double line(const Frame* frame, double y) noexcept:
    return HEIGHT / 2 - (y - frame.y) * frame.scale


cdef inline Frame frame_around(const Tables* tables, const Scene* scene) noexcept:
    """The frame that shows the recorded ways, which is what happens, and the goals."""
    cdef double left = 1e9, right = -1e9, bottom = 1e9, top = -1e9
    cdef const float* place
    cdef int64_t k
    for k in range(scene.first_track, scene.first_track + <int64_t>scene.objects * scene.steps):
        if tables.valid[k]:
            place = tables.tracks + 4 * k
            left, right = fmin(left, place[0]), fmax(right, place[0])
            bottom, top = fmin(bottom, place[1]), fmax(top, place[1])
    left, right, bottom, top = left - 8, right + 8, bottom - 8, top + 8
    return Frame((left + right) / 2, (bottom + top) / 2, fmin(WIDTH / (right - left), HEIGHT / (top - bottom)))


cdef inline int draw(Canvas canvas, const Tables* tables, const Scene* scene, const Body* bodies) except -1:
    cdef Frame frame = frame_around(tables, scene)
    cdef const float* numbers = tables.objects + OBJECT * scene.first_object
    cdef uint32_t colour
    cdef int k
    canvas.clear(0x26292E)
    draw_road(canvas, tables, scene, &frame)
    for k in range(scene.objects):
        colour = colour_of(tables.row_of_object[scene.first_object + k])
        if bodies[k].status > LEAVING and tables.row_of_object[scene.first_object + k] >= 0:
            draw_goal(canvas, &frame, numbers + OBJECT * k, colour)
    for k in range(scene.objects):
        colour = colour_of(tables.row_of_object[scene.first_object + k])
        if bodies[k].status >= LEAVING:
            draw_body(canvas, &frame, &bodies[k], numbers + OBJECT * k,
                      0xE5484D if bodies[k].touches else colour)
    return 0


cdef inline uint32_t colour_of(int row) noexcept:
    """Of an agent; recorded objects are grey."""
    cdef uint32_t[8] colours = [0x4CC9F0, 0xF9C74F, 0x90BE6D, 0xF78FB3, 0xB794F6, 0xF8961E, 0x43D9AD, 0xD4D45C]
    return 0x8A8F98 if row < 0 else colours[row & 7]


cdef inline void draw_road(Canvas canvas, const Tables* tables, const Scene* scene, const Frame* frame) noexcept:
    cdef const float* point
    cdef double x, y
    cdef int64_t k
    # Lanes first, as broad as they are, then what is painted on them.
    for k in range(scene.first_point, scene.first_point + scene.points):
        point = tables.points + POINT * k
        if point[6] == 3:
            draw_segment(canvas, frame, point, 3.9 * frame.scale, 0x3B4048)
    for k in range(scene.first_point, scene.first_point + scene.points):
        point = tables.points + POINT * k
        if point[6] == 1:
            draw_segment(canvas, frame, point, fmax(1.5, 0.35 * frame.scale), 0xE8E6E1)
        elif point[6] == 2:
            draw_segment(canvas, frame, point, 1, 0xC9A23B)
        elif point[6] == 4 or point[6] == 5:
            draw_segment(canvas, frame, point, 2 * point[3] * frame.scale, 0x6B7280)
        elif point[6] == 6:
            x, y = column(frame, point[0]), line(frame, point[1])
            canvas.disc(x, y, fmax(3, frame.scale), 0xE5484D)


cdef inline void draw_segment(Canvas canvas, const Frame* frame, const float* point, double thickness,
                              uint32_t colour) noexcept:
    cdef double x = point[2] * cos(point[5]), y = point[2] * sin(point[5])
    canvas.line(column(frame, point[0] - x), line(frame, point[1] - y), column(frame, point[0] + x),
                line(frame, point[1] + y), thickness, colour)


cdef inline void draw_goal(Canvas canvas, const Frame* frame, const float* numbers, uint32_t colour) noexcept:
    cdef double x = column(frame, numbers[5]), y = line(frame, numbers[6]), radius = fmax(4, 1.8 * frame.scale)
    canvas.disc(x, y, radius, colour)
    canvas.disc(x, y, radius - 2, 0x3B4048)
    canvas.disc(x, y, 2, colour)


cdef inline void draw_body(Canvas canvas, const Frame* frame, const Body* body, const float* numbers,
                           uint32_t colour) noexcept:
    cdef double length = fmax(numbers[0] / 2, 4 / frame.scale), width = fmax(numbers[1] / 2, 2 / frame.scale)
    # The front is dark, up to a windscreen.
    draw_box(canvas, frame, body, -length, length, width, colour)
    if numbers[3] == VEHICLE or numbers[0] > 1.2:
        draw_box(canvas, frame, body, 0.3 * length, 0.65 * length, 0.75 * width, 0x1B1D21)


cdef inline void draw_box(Canvas canvas, const Frame* frame, const Body* body, double back, double front, double width,
                          uint32_t colour) noexcept:
    cdef double[8] corners
    cdef double along, across
    cdef int k
    for k in range(4):
        along, across = front if k < 2 else back, width if k == 1 or k == 2 else -width
        corners[2 * k] = column(frame, body.x + along * body.cosine - across * body.sine)
        corners[2 * k + 1] = line(frame, body.y + along * body.sine + across * body.cosine)
    canvas.polygon(corners, 4, colour)
