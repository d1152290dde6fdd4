# The armies of Battle: how agents strike each other and move.
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from puffer.ocean._clip cimport clamped, clip
from puffer.rng cimport rng_below, rng_t

cdef extern from * nogil:
    """
    #include <stdint.h>

    /* Where each action goes: thirteen moves, then eight attacks. */
    static const int8_t battle_across[21] = {0, -1, 0, 1, -2, -1, 0, 1, 2, -1, 0, 1, 0, -1, 0, 1, -1, 1, -1, 0, 1};
    static const int8_t battle_down[21] = {-2, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2, -1, -1, -1, 0, 0, 1, 1, 1};

    /* Health at the start, what an attack takes of it, what comes back in a step, and the reward of the last attack. */
    #define BATTLE_FULL 10.0f
    #define BATTLE_DAMAGE 2.0f
    #define BATTLE_RECOVERY 0.1f
    #define BATTLE_KILL 5.0f

    /* The generator that orders attacks is that of magent2, the minimal standard of Park and Miller. */
    #define BATTLE_MULTIPLIER UINT64_C(16807)
    #define BATTLE_MODULUS UINT64_C(2147483647)
    """
    const signed char* ACROSS "battle_across"
    const signed char* DOWN "battle_down"
    const float FULL "BATTLE_FULL"
    const float DAMAGE "BATTLE_DAMAGE"
    const float RECOVERY "BATTLE_RECOVERY"
    const float KILL "BATTLE_KILL"
    const uint64_t MULTIPLIER "BATTLE_MULTIPLIER"
    const uint64_t MODULUS "BATTLE_MODULUS"

cdef enum:
    # How far an agent sees. The map has a margin of as many cells on each side, which are walls that nobody sees.
    SIGHT = 6
    # More agents than there are on any map.
    MOST_AGENTS = 800
    # A cell of the map: 0 is empty, k the agent with the index k - 1.
    WALL = -1

cdef enum:
    STAY = 6, ATTACK = 13, ACTIONS = 21, NO_ACTION = 255

# The states of an agent; it is fallen in the step in which it dies.
cdef enum:
    GONE, FALLEN, ALIVE

cdef enum:
    KILLS, HITS, DEATHS, WINS, STATISTICS

# The rewards of a copy.
cdef struct Pay:
    float step
    float dead
    float attack
    float opponent

# What all copies share: the sizes, how many agents are red, which come first, and where each one begins.
cdef struct World:
    int size
    int stride
    int agents
    int red
    const uint8_t* x
    const uint8_t* y
    # The cells without agents.
    const int16_t* cells

# One copy. `fraction` is the health divided by that at the start; `paid` is the reward of the last step, and `shown`
# that of the step before.
cdef struct Armies:
    uint32_t* engine
    int16_t* cells
    float* health
    float* fraction
    float* paid
    float* shown
    uint8_t* x
    uint8_t* y
    uint8_t* status
    uint8_t* action

# Those who attack in a step, in the order in which they do, and whether they hit an enemy who lives on.
cdef struct Attacks:
    int count
    int16_t[MOST_AGENTS] agents
    uint8_t[MOST_AGENTS] hits


cdef inline int cell_of(const World* world, int x, int y) noexcept nogil:
    return (y + SIGHT) * world.stride + x + SIGHT


cdef inline void clear(const World* world, Armies* a) noexcept nogil:
    """Take all agents off the map."""
    memcpy(a.cells, world.cells, world.stride * world.stride * sizeof(int16_t))


cdef inline void place(const World* world, Armies* a, int k) noexcept nogil:
    """Put an agent onto the map."""
    a.cells[cell_of(world, a.x[k], a.y[k])] = k + 1


cdef inline void start(const World* world, Armies* a, rng_t* rng) noexcept nogil:
    """Begin an episode."""
    cdef int k
    a.engine[0] = 1 + rng_below(rng, <uint32_t>MODULUS - 1)
    clear(world, a)
    for k in range(world.agents):
        a.x[k], a.y[k] = world.x[k], world.y[k]
        place(world, a, k)
        a.health[k], a.fraction[k], a.status[k], a.action[k] = FULL, 1, ALIVE, NO_ACTION
        a.paid[k] = a.shown[k] = 0


cdef inline void begin(const World* world, Armies* a, const Pay* pay, const int32_t* actions, Attacks* attacks,
                       float* rewards) noexcept nogil:
    """Take the actions of the living, and find those who attack."""
    cdef int k, action
    attacks.count = 0
    for k in range(world.agents):
        if a.status[k] != ALIVE:
            a.status[k] = GONE
            continue
        action = actions[k] if <uint32_t>actions[k] < ACTIONS else STAY
        a.action[k] = action
        rewards[k] = pay.step
        attacks.agents[attacks.count] = k
        attacks.count += action >= ATTACK


cdef inline void shuffle(uint32_t* engine, Attacks* attacks) noexcept nogil:
    """Bring the attacks into a random order."""
    cdef uint64_t number = engine[0]
    cdef int k, other
    cdef int16_t agent
    for k in range(attacks.count):
        number = number * MULTIPLIER % MODULUS
        other = <int>(<uint32_t>number % <uint32_t>(k + 1))
        agent = attacks.agents[k]
        attacks.agents[k] = attacks.agents[other]
        attacks.agents[other] = agent
    engine[0] = <uint32_t>number


cdef inline void attack(const World* world, Armies* a, const Pay* pay, Attacks* attacks, float* rewards,
                        double* statistics) noexcept nogil:
    """Let the attacks happen one after the other. Who falls is off the map at once, and attacks no more."""
    cdef int n, k, target
    cdef float gain
    for n in range(attacks.count):
        k = attacks.agents[n]
        attacks.hits[n] = False
        if a.status[k] != ALIVE:
            continue
        target = cell_of(world, a.x[k] + ACROSS[a.action[k]], a.y[k] + DOWN[a.action[k]])
        target = a.cells[target] - 1
        gain = pay.attack
        if target >= 0 and (target < world.red) != (k < world.red):
            statistics[k * STATISTICS + HITS] += 1
            a.health[target] -= DAMAGE
            if a.health[target] < 0:
                fall(world, a, target)
                rewards[target] = pay.dead
                statistics[target * STATISTICS + DEATHS] = 1
                statistics[k * STATISTICS + KILLS] += 1
                gain = KILL + pay.attack
            else:
                attacks.hits[n] = True
        rewards[k] += gain
    # A hit is paid for at the end, also to those who have fallen since.
    for n in range(attacks.count):
        if attacks.hits[n]:
            rewards[attacks.agents[n]] += pay.opponent


cdef inline void fall(const World* world, Armies* a, int k) noexcept nogil:
    a.status[k] = FALLEN
    a.cells[cell_of(world, a.x[k], a.y[k])] = 0


cdef inline void recover(const World* world, Armies* a) noexcept nogil:
    """Give health back. The fallen get some too, which counts for nothing, because this is fastest."""
    cdef int k
    for k in range(world.agents):
        a.health[k] = min(FULL, a.health[k] + RECOVERY)
        a.fraction[k] = a.health[k] / FULL


cdef inline void move(const World* world, Armies* a) noexcept nogil:
    """Move the agents one after the other, each if the cell that it goes to is free by then."""
    cdef int k, action, here, there
    for k in range(world.agents):
        action = a.action[k]
        if a.status[k] != ALIVE or action >= ATTACK:
            continue
        here = cell_of(world, a.x[k], a.y[k])
        there = here + DOWN[action] * world.stride + ACROSS[action]
        if a.cells[there]:
            continue
        a.cells[here], a.cells[there] = 0, k + 1
        a.x[k] += ACROSS[action]
        a.y[k] += DOWN[action]


cdef inline void finish(const World* world, Armies* a, const float* rewards, uint8_t* terminations,
                        double* statistics) noexcept nogil:
    """End the step: who has fallen is out, and all are if one side has nobody left."""
    cdef int k, red = 0, blue = 0
    for k in range(world.agents):
        red += a.status[k] == ALIVE and k < world.red
        blue += a.status[k] == ALIVE and k >= world.red
        terminations[k] = a.status[k] == FALLEN
        a.shown[k] = a.paid[k]
        a.paid[k] = rewards[k]
    if red == 0 or blue == 0:
        for k in range(world.agents):
            terminations[k] = a.status[k] != GONE
            statistics[k * STATISTICS + WINS] = a.status[k] == ALIVE


cdef inline void repair(const World* world, Armies* a) noexcept nogil:
    """Make the state of a snapshot one in which nothing leaves the map: the map comes of the agents."""
    cdef int k, cell
    a.engine[0] = clamped(a.engine[0], 1, <int>MODULUS - 1)
    clear(world, a)
    for k in range(world.agents):
        a.x[k], a.y[k] = clamped(a.x[k], 1, world.size - 2), clamped(a.y[k], 1, world.size - 2)
        a.action[k] = a.action[k] if a.action[k] < ACTIONS else NO_ACTION
        a.paid[k], a.shown[k] = clip(a.paid[k], -1e8, 1e8), clip(a.shown[k], -1e8, 1e8)
        cell = cell_of(world, a.x[k], a.y[k])
        if a.status[k] > ALIVE or (a.status[k] == ALIVE and a.cells[cell]):
            a.status[k] = GONE
        if a.status[k] == ALIVE:
            a.health[k] = clip(a.health[k], 0, FULL)
            place(world, a, k)
        a.fraction[k] = a.health[k] / FULL
