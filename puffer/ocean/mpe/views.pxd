# What the agents of the scenarios observe. Rows are as long as the longest, and zero behind an agent's own numbers.
from libc.stdint cimport uint32_t
from libc.string cimport memset

from puffer.ocean.mpe.physics cimport touched
from puffer.ocean.mpe.worlds cimport (
    ADVERSARY, ALICE, BOB, CRYPTO, EVE, LISTENER, PUSH, Particles, REFERENCE, SIMPLE, SPEAKER, SPEAKER_LISTENER, SPREAD,
    TAG, WORLD_COMM, World,
)


cdef inline int observed(const World* world, int k) noexcept nogil:
    """Numbers of the observation of an agent."""
    cdef int n = world.agents, landmarks = 2 * world.landmarks, others = 2 * (n - 1), good = n - world.adversaries
    if world.scenario == SIMPLE:
        return 4
    if world.scenario == ADVERSARY:
        return landmarks + others + (2 if k else 0)
    if world.scenario == CRYPTO:
        return 4 if k == EVE else 8
    if world.scenario == PUSH:
        return 19 if k else 8
    if world.scenario == REFERENCE:
        return 21
    if world.scenario == SPEAKER_LISTENER:
        return 11 if k == LISTENER else 3
    if world.scenario == SPREAD:
        return 4 + landmarks + others + world.words * (n - 1)
    if world.scenario == TAG:
        return 4 + landmarks + others + 2 * (good - (k >= world.adversaries))
    others += 2 * good + world.words if k < world.adversaries else 2 * (good - 1)
    return 4 + landmarks + others + world.forests


cdef inline void see(const World* world, const Particles* p, float* rows, int width) noexcept nogil:
    """Write the observations of all agents of a copy, in rows of `width` numbers."""
    cdef int n = world.agents, last = n + world.landmarks, goal = n + p.goals[0], k
    cdef uint32_t[32] inside
    cdef float* row
    if world.scenario == WORLD_COMM:
        for k in range(n):
            inside[k] = touched(world, p, k, last - world.forests, last)
    memset(rows, 0, width * n * sizeof(float))
    for k in range(n):
        row = rows + width * k
        if world.scenario == CRYPTO:
            see_words(world, p, k, row)
        elif world.scenario == SPEAKER_LISTENER and k == SPEAKER:
            colour(row, p.goals[0], <float>0.15, <float>0.65)
        elif world.scenario == ADVERSARY:
            if k:
                row = to(p, k, goal, row)
            row = to_others(p, k, n, to_all(p, k, n, last, row))
        elif world.scenario == WORLD_COMM:
            see_forests(world, p, inside, k, to_all(p, k, n, last, see_self(p, k, row)))
        elif world.scenario == TAG or world.scenario == SPREAD:
            row = to_others(p, k, n, to_all(p, k, n, last, see_self(p, k, row)))
            if world.scenario == TAG:
                speeds(p, k, world.adversaries, n, row)
        else:
            row[0], row[1] = p.velocities[2 * k], p.velocities[2 * k + 1]
            see_goal(world, p, k, row + 2)


cdef inline void see_goal(const World* world, const Particles* p, int k, float* row) noexcept nogil:
    """The rest of the observation where it begins with the velocity: simple, push, reference, and the listener's."""
    cdef int n = world.agents, last = n + world.landmarks, j
    if world.scenario == PUSH and k:
        # The agent has the colour of its goal.
        row = colour(to(p, k, n + p.goals[0], row), 1 + p.goals[0], <float>0.25, <float>0.75)
        row = to_all(p, k, n, last, row)
        for j in range(2):
            row = colour(row, 1 + j, <float>0.1, <float>0.9)
    else:
        row = to_all(p, k, n, last, row)
    if world.scenario == PUSH:
        to_others(p, k, n, row)
    elif world.scenario == REFERENCE:
        words(world, p, 1 - k, colour(row, p.goals[k], <float>0.25, <float>0.75))
    elif world.scenario == SPEAKER_LISTENER:
        words(world, p, SPEAKER, row)


# ---- Parts of a row; each returns the end of its own ----

cdef inline float* see_self(const Particles* p, int k, float* row) noexcept nogil:
    row[0], row[1] = p.velocities[2 * k], p.velocities[2 * k + 1]
    row[2], row[3] = p.places[2 * k], p.places[2 * k + 1]
    return row + 4


cdef inline float* to(const Particles* p, int k, int other, float* row) noexcept nogil:
    row[0], row[1] = p.places[2 * other] - p.places[2 * k], p.places[2 * other + 1] - p.places[2 * k + 1]
    return row + 2


cdef inline float* to_all(const Particles* p, int k, int first, int last, float* row) noexcept nogil:
    cdef int other
    for other in range(first, last):
        row = to(p, k, other, row)
    return row


cdef inline float* to_others(const Particles* p, int k, int n, float* row) noexcept nogil:
    return to_all(p, k, k + 1, n, to_all(p, k, 0, k, row))


cdef inline float* speeds(const Particles* p, int k, int first, int last, float* row) noexcept nogil:
    """The velocities of other agents."""
    cdef int other
    for other in range(first, last):
        if other != k:
            row[0], row[1] = p.velocities[2 * other], p.velocities[2 * other + 1]
            row += 2
    return row


cdef inline float* colour(float* row, int which, float others, float own) noexcept nogil:
    """Three numbers, of which one differs."""
    row[0] = row[1] = row[2] = others
    row[which] = own
    return row + 3


cdef inline float* words(const World* world, const Particles* p, int k, float* row) noexcept nogil:
    cdef int j
    for j in range(world.words):
        row[j] = p.words[world.words * k + j]
    return row + world.words


cdef inline void see_words(const World* world, const Particles* p, int k, float* row) noexcept nogil:
    """Alice sees the goal and the key, bob the key and her words, eve her words."""
    if k == ALICE:
        row[p.goals[0]] = 1
    if k != EVE:
        row[world.words * (k == ALICE) + p.goals[1]] = 1
    if k != ALICE:
        words(world, p, ALICE, row + (world.words if k == BOB else 0))


cdef inline void see_forests(const World* world, const Particles* p, const uint32_t* inside, int k,
                             float* row) noexcept nogil:
    """The rest of the observation in world_comm: who is in a forest is seen only by those in the same one.

    `inside` has for each agent the forests in which it is, as bits.
    """
    cdef int n = world.agents, other, forest
    cdef bint is_hunter = k < world.adversaries
    cdef float* speeds_row = row + 2 * (n - 1)
    cdef float* forest_row = speeds_row
    if is_hunter:
        forest_row += 2 * (n - world.adversaries)
    else:
        speeds_row += world.forests
    for other in range(n):
        if other == k:
            continue
        if inside[k] & inside[other] or not inside[k] | inside[other] or k == 0:
            to(p, k, other, row)
            if other >= world.adversaries:
                speeds_row[0], speeds_row[1] = p.velocities[2 * other], p.velocities[2 * other + 1]
        row += 2
        if other >= world.adversaries:
            speeds_row += 2
    for forest in range(world.forests):
        forest_row[forest] = 1 if inside[k] >> forest & 1 else -1
    if is_hunter:
        words(world, p, 0, forest_row + world.forests)
