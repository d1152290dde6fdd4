# How an action moves a body, in a step of 0.1 s, and how a recording does.
from libc.math cimport fabsf, sqrtf
from libc.stdint cimport int32_t, int64_t

from puffer.ocean._clip cimport clip
from puffer.ocean.drive.world cimport ABSENT, HERE, Body, Scene, Tables

cdef extern from "puffer/ocean/_trigonometry.h" nogil:
    float wrapped(float angle)
    void sine_cosine(float angle, float* sine, float* cosine)

cdef enum dynamics_t:
    CLASSIC
    INVERTIBLE
    DELTA_LOCAL

cdef extern from *:
    """
    /* m/s, and m from the origin of the scene: nothing gets lost in float32, however long a body drives. */
    #define DRIVE_FASTEST 100.0f
    #define DRIVE_FARTHEST 1e5f
    /* Seconds. */
    #define DRIVE_STEP 0.1f
    """
    const float FASTEST "DRIVE_FASTEST"
    const float FARTHEST "DRIVE_FARTHEST"
    const float STEP "DRIVE_STEP"


cdef inline void turn_to(Body* body, float heading) noexcept nogil:
    body.heading = wrapped(heading)
    sine_cosine(body.heading, &body.sine, &body.cosine)


cdef inline void shift(Body* body, float x, float y) noexcept nogil:
    body.x = clip(body.x + x, -FARTHEST, FARTHEST)
    body.y = clip(body.y + y, -FARTHEST, FARTHEST)


cdef inline void move(Body* body, int dynamics, const float* action, float length) noexcept nogil:
    if dynamics == CLASSIC:
        move_classic(body, action[0], action[1], length)
    elif dynamics == INVERTIBLE:
        move_invertible(body, action[0], action[1])
    else:
        shift(body, action[0] * body.cosine - action[1] * body.sine, action[0] * body.sine + action[1] * body.cosine)
        body.speed = clip(sqrtf(action[0] * action[0] + action[1] * action[1]) / STEP, 0, FASTEST)
        turn_to(body, body.heading + action[2])


cdef inline void move_classic(Body* body, float acceleration, float steering, float length) noexcept nogil:
    """A bicycle whose middle moves at the angle of slip to its heading: its tangent is half that of the steering."""
    cdef float sine, cosine, tangent, slip, way
    sine_cosine(steering, &sine, &cosine)
    tangent = sine / cosine
    slip = 1 / sqrtf(1 + <float>0.25 * tangent * tangent)   # its cosine
    way = (body.speed + <float>0.5 * acceleration * STEP) * slip * STEP
    shift(body, way * (body.cosine - <float>0.5 * tangent * body.sine),
          way * (body.sine + <float>0.5 * tangent * body.cosine))
    turn_to(body, body.heading + way * tangent / length)
    body.speed = clip(fabsf(body.speed + acceleration * STEP), 0, FASTEST)


cdef inline void move_invertible(Body* body, float acceleration, float curvature) noexcept nogil:
    cdef float gain = <float>0.5 * acceleration * STEP * STEP, way = body.speed * STEP + gain
    shift(body, way * body.cosine, way * body.sine)
    turn_to(body, body.heading + curvature * (fabsf(body.speed) * STEP + gain))
    body.speed = clip(fabsf(body.speed) + acceleration * STEP, -FASTEST, FASTEST)


cdef inline void replay(Body* body, const Tables* tables, const Scene* scene, int number, int step) noexcept nogil:
    """Put a body where the recording has it; after its end, where it has it last."""
    cdef int64_t entry = scene.first_track + <int64_t>number * scene.steps + min(step, scene.steps - 1)
    cdef const float* track = tables.tracks + 4 * entry
    if tables.valid[entry]:
        body.x, body.y, body.speed = track[0], track[1], track[3]
        turn_to(body, track[2])
    body.status = HERE if tables.valid[entry] else ABSENT
