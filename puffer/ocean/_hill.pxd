# What mountain_car and mountain_car_continuous share: how a car moves on the hill, and the picture of it. Header only.
from libc.math cimport cos, hypot, sin

from puffer._core cimport Canvas

cdef extern from * nogil:
    """
    #include "puffer/ocean/_trigonometry.h"

    /* One step of a car on the hill sin(3 * position). The wall on the left stops it. */
    PUFFER_INLINE void drive(float push, float *position, float *velocity)
    {
        float sine, cosine, speed, place;
        sine_cosine(3.0f * *position, &sine, &cosine);
        speed = *velocity + (push - 0.0025f * cosine);
        speed = speed < 0.07f ? speed : 0.07f;
        speed = speed > -0.07f ? speed : -0.07f;
        place = *position + speed;
        place = place < 0.6f ? place : 0.6f;
        *velocity = (place <= -1.2f) & (speed < 0.0f) ? 0.0f : speed;
        *position = place > -1.2f ? place : -1.2f;
    }
    """


cdef inline double _x(double position) noexcept nogil:
    return (position + 1.2) / 1.8 * 600


cdef inline double _y(double position) noexcept nogil:
    return 215 - 150 * sin(3 * position)


cdef inline void draw_hill(Canvas canvas, double car, double goal) noexcept nogil:
    """A picture of 600 x 400 pixels with the car and the flag at these positions."""
    cdef double[2 * 63] ground
    cdef double x, y, along_x = 600 / 1.8, along_y = -450 * cos(3 * car), length = hypot(along_x, along_y)
    cdef int k
    canvas.clear(0xF4F1EA)
    x, y = _x(goal), _y(goal)
    canvas.line(x, y, x, y - 48, 3, 0x3D405B)
    canvas.rectangle(x, y - 50, x + 26, y - 34, 0xF2CC8F)
    for k in range(61):
        x = -1.2 + 1.8 * k / 60
        ground[2 * k], ground[2 * k + 1] = _x(x), _y(x)
    ground[122], ground[123], ground[124], ground[125] = 600, 400, 0, 400
    canvas.polygon(ground, 63, 0x81B29A)
    # (along_y, -along_x) is the way up from the slope, on which the car stands on two wheels.
    along_x, along_y = along_x / length, along_y / length
    x, y = _x(car) + 8 * along_y, _y(car) - 8 * along_x
    canvas.line(x + 7 * along_y - 14 * along_x, y - 7 * along_x - 14 * along_y,
                x + 7 * along_y + 14 * along_x, y - 7 * along_x + 14 * along_y, 14, 0xE07A5F)
    canvas.disc(x - 12 * along_x, y - 12 * along_y, 8, 0x3D405B)
    canvas.disc(x + 12 * along_x, y + 12 * along_y, 8, 0x3D405B)
