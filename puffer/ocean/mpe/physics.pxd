# How particles move: actions, contacts and speeds, as in the package, in float32.
from libc.math cimport fabsf, fminf, sqrtf
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from puffer.ocean._clip cimport clip
from puffer.ocean.mpe.worlds cimport MOVES, Particles, World

cdef extern from "puffer/ocean/_softness.h" nogil:
    float contact_softness(float a)


cdef inline float distance(const Particles* p, int a, int b) noexcept nogil:
    cdef float x = p.places[2 * a] - p.places[2 * b], y = p.places[2 * a + 1] - p.places[2 * b + 1]
    return sqrtf(x * x + y * y)


cdef inline bint touch(const World* world, const Particles* p, int a, int b) noexcept nogil:
    cdef float x = p.places[2 * a] - p.places[2 * b], y = p.places[2 * a + 1] - p.places[2 * b + 1]
    cdef float reach = world.bodies[a].size + world.bodies[b].size
    return x * x + y * y < reach * reach


cdef inline uint32_t touched(const World* world, const Particles* p, int k, int first, int last) noexcept nogil:
    """Which bodies from `first` to before `last`, 32 at most, an agent touches, as bits."""
    cdef uint32_t bits = 0
    cdef int other
    for other in range(first, last):
        bits |= <uint32_t>touch(world, p, k, other) << (other - first)
    return bits


cdef inline void act(const World* world, Particles* p, const int32_t* actions, float* forces) noexcept nogil:
    """The forces and the words of Discrete actions: move + 5 * word, or one of the two. What is none is 0."""
    cdef int k, action, move, word
    memset(p.words, 0, world.words * world.agents * sizeof(float))
    for k in range(world.agents):
        action = actions[k] if <uint32_t>actions[k] < <uint32_t>world.actions[k] else 0
        move = action % MOVES if world.bodies[k].movable else 0
        word = action // MOVES if world.bodies[k].movable else action
        forces[2 * k] = world.bodies[k].push * ((move == 2) - (move == 1))
        forces[2 * k + 1] = world.bodies[k].push * ((move == 4) - (move == 3))
        if world.bodies[k].speaks:
            p.words[world.words * k + word] = 1


cdef inline void act_by_parts(const World* world, Particles* p, const float* actions, int width,
                              float* forces) noexcept nogil:
    """The forces and the words of Box actions: the parts of the moves, then the words, of those that an agent has."""
    cdef int k, j
    cdef const float* said
    memset(p.words, 0, world.words * world.agents * sizeof(float))
    for k in range(world.agents):
        forces[2 * k] = forces[2 * k + 1] = 0
        said = actions
        if world.bodies[k].movable:
            forces[2 * k] = world.bodies[k].push * (clip(actions[2], 0, 1) - clip(actions[1], 0, 1))
            forces[2 * k + 1] = world.bodies[k].push * (clip(actions[4], 0, 1) - clip(actions[3], 0, 1))
            said += MOVES
        if world.bodies[k].speaks:
            for j in range(world.words):
                p.words[world.words * k + j] = clip(said[j], 0, 1)
        actions += width


cdef inline void push_apart(const World* world, const Particles* p, float* forces) noexcept nogil:
    """Add the forces of contacts, which begin just before bodies touch. Landmarks do not move."""
    cdef int a, b, n = world.agents
    cdef float x, y, square, far, reach, depth, force
    for a in range(n):
        if not world.bodies[a].collides:
            continue
        for b in range(a + 1, n + world.landmarks):
            if not world.bodies[b].collides:
                continue
            x, y = p.places[2 * a] - p.places[2 * b], p.places[2 * a + 1] - p.places[2 * b + 1]
            square, reach = x * x + y * y, world.bodies[a].size + world.bodies[b].size
            # Farther apart, the force is smaller than rounding; at the same position, it has no direction.
            if square >= (reach + <float>0.02) * (reach + <float>0.02) or square == 0:
                continue
            far = sqrtf(square)
            depth = (reach - far) / <float>1e-3
            force = ((depth if depth > 0 else 0) + contact_softness(fminf(fabsf(depth), 80))) * <float>1e-3
            force = 100 * force / far
            forces[2 * a] += force * x
            forces[2 * a + 1] += force * y
            if b < n:
                forces[2 * b] -= force * x
                forces[2 * b + 1] -= force * y


cdef inline void advance(const World* world, Particles* p, const float* forces) noexcept nogil:
    """A step of 0.1 seconds: bodies move, then slow down by a quarter, then forces act."""
    cdef int k, j
    cdef float speed
    cdef float* v
    for k in range(world.agents):
        if not world.bodies[k].movable:
            continue
        v = p.velocities + 2 * k
        for j in range(2):
            p.places[2 * k + j] += v[j] * <float>0.1
            v[j] = v[j] * <float>0.75 + forces[2 * k + j] * <float>0.1
        if world.bodies[k].max_speed > 0:
            speed = sqrtf(v[0] * v[0] + v[1] * v[1])
            if speed > world.bodies[k].max_speed:
                v[0] = v[0] / speed * world.bodies[k].max_speed
                v[1] = v[1] / speed * world.bodies[k].max_speed
