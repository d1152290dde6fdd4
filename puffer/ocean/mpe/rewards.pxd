# What the scenarios pay.
from puffer.ocean.mpe.physics cimport distance, touch
from puffer.ocean.mpe.worlds cimport (
    ADVERSARY, ALICE, BOB, CRYPTO, EVE, LISTENER, PUSH, Particles, REFERENCE, SIMPLE, SPEAKER_LISTENER, SPREAD, TAG,
    WORLD_COMM, World, obstacles_of,
)


cdef inline void pay(const World* world, const Particles* p, float* rewards) noexcept nogil:
    """Write the rewards of all agents of a copy."""
    cdef int n = world.agents, goal = n + p.goals[0], k
    if world.scenario == SIMPLE:
        rewards[0] = -square_of(distance(p, 0, goal))
    elif world.scenario == ADVERSARY:
        rewards[0] = -distance(p, 0, goal)
        for k in range(1, n):
            rewards[k] = distance(p, 0, goal) - nearest(p, goal, 1, n)
    elif world.scenario == CRYPTO:
        rewards[EVE] = -wrong(world, p, EVE)
        rewards[BOB] = rewards[ALICE] = wrong(world, p, EVE) - wrong(world, p, BOB)
    elif world.scenario == PUSH:
        rewards[0] = distance(p, 1, goal) - distance(p, 0, goal)
        rewards[1] = -distance(p, 1, goal)
    elif world.scenario == REFERENCE:
        pay_reference(world, p, rewards)
    elif world.scenario == SPEAKER_LISTENER:
        rewards[0] = rewards[1] = -square_of(distance(p, LISTENER, goal))
    elif world.scenario == SPREAD:
        pay_spread(world, p, rewards)
    else:
        pay_chase(world, p, rewards)


cdef inline float square_of(float value) noexcept nogil:
    return value * value


cdef inline float nearest(const Particles* p, int to, int first, int last) noexcept nogil:
    """The distance of the nearest body, from `first` to before `last`."""
    cdef float least = distance(p, first, to)
    cdef int k
    for k in range(first + 1, last):
        least = min(least, distance(p, k, to))
    return least


cdef inline int touching(const World* world, const Particles* p, int k, int first, int last) noexcept nogil:
    """How many bodies, from `first` to before `last` and not itself, an agent touches."""
    cdef int other, count = 0
    for other in range(first, last):
        count += other != k and touch(world, p, k, other)
    return count


cdef inline float wrong(const World* world, const Particles* p, int k) noexcept nogil:
    """How far the words of an agent are from the goal's: a sum of squares; 0 if it says nothing."""
    cdef const float* said = p.words + world.words * k
    cdef float total = 0
    cdef bint silent = True
    cdef int j
    for j in range(world.words):
        silent = silent and said[j] == 0
        total += square_of(said[j] - (j == p.goals[0]))
    return 0 if silent else total


cdef inline void pay_reference(const World* world, const Particles* p, float* rewards) noexcept nogil:
    """Each agent knows the goal of the other one."""
    cdef float first = -distance(p, 1, 2 + p.goals[0]), second = -distance(p, 0, 2 + p.goals[1])
    cdef float shared = (first + second) / 2 * (1 - world.local_ratio)
    rewards[0] = shared + first * world.local_ratio
    rewards[1] = shared + second * world.local_ratio


cdef inline void pay_spread(const World* world, const Particles* p, float* rewards) noexcept nogil:
    cdef int n = world.agents, k
    cdef float shared = 0
    for k in range(n, n + world.landmarks):
        shared -= nearest(p, k, 0, n)
    for k in range(n):
        rewards[k] = shared * (1 - world.local_ratio) - touching(world, p, k, 0, n) * world.local_ratio


cdef inline void pay_chase(const World* world, const Particles* p, float* rewards) noexcept nogil:
    """Tag, and world_comm, whose prey also wants food."""
    cdef int n = world.agents, hunters = world.adversaries, caught = 0, touches, k, first_food
    cdef bint has_food = world.scenario == WORLD_COMM
    cdef float prize = 5 if has_food else 10, fine
    first_food = n + obstacles_of(world)
    for k in range(hunters, n):
        touches = touching(world, p, k, 0, hunters)
        caught += touches
        fine = outside(p.places[2 * k]) + outside(p.places[2 * k + 1])
        rewards[k] = -prize * touches - (2 if has_food else 1) * fine
        if has_food:
            rewards[k] += 2 * touching(world, p, k, first_food, first_food + world.foods)
            rewards[k] -= <float>0.05 * nearest(p, k, first_food, first_food + world.foods)
    for k in range(hunters):
        rewards[k] = prize * caught
        if has_food:
            rewards[k] -= <float>0.1 * nearest(p, k, hunters, n)


cdef inline float outside(float x) noexcept nogil:
    """The fine for a coordinate near or beyond 1: e ** (2 * x - 2) there, 10 at most."""
    cdef double a, term = 1, total = 1
    cdef int k
    x = abs(x)
    if x < <float>0.9:
        return 0
    if x < 1:
        return (x - <float>0.9) * 10
    # Beyond ln(10), it is 10. Written out, because the rounding of exp differs between C libraries.
    a = min(<double>x - 1, 1.2) / 8
    for k in range(1, 9):
        term *= 2 * a / k
        total += term
    total *= total
    total *= total
    return min(total * total, 10)
