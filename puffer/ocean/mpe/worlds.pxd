# The worlds of the particle environments: who is in them, and how its state lies in memory.
from libc.stdint cimport int32_t

cdef enum scenario_t:
    SIMPLE, ADVERSARY, CRYPTO, PUSH, REFERENCE, SPEAKER_LISTENER, SPREAD, TAG, WORLD_COMM

cdef enum:
    MOST_AGENTS = 32, MOST_LANDMARKS = 64
    # Moves of an agent that moves: none, left, right, down, up.
    MOVES = 5
    # Of simple_crypto.
    EVE = 0, BOB = 1, ALICE = 2
    # Of simple_speaker_listener.
    SPEAKER = 0, LISTENER = 1

# An agent or a landmark. `push` is the force of a move; a greatest speed of 0 is none.
cdef struct Body:
    float size
    float push
    float max_speed
    bint movable
    bint collides
    bint speaks

# What all copies share: the agents, of which the first ones are adversaries, and then the landmarks: obstacles, foods,
# forests. `actions` has for each agent the number of its discrete actions.
cdef struct World:
    scenario_t scenario
    int agents
    int adversaries
    int landmarks
    int foods
    int forests
    int words
    float local_ratio
    float landmarks_within
    int[32] actions
    Body[96] bodies

# The state of a copy: positions of agents and landmarks and velocities of agents, as pairs x, y; a row of words for
# each agent; two numbers of landmarks.
cdef struct Particles:
    float* places
    float* velocities
    float* words
    int32_t* goals


cdef inline Py_ssize_t state_size(const World* world) noexcept nogil:
    """Floats in the state of a copy."""
    return 4 * world.agents + 2 * world.landmarks + world.words * world.agents


cdef inline Particles particles_at(const World* world, float* state, int32_t* goals) noexcept nogil:
    cdef Particles particles
    particles.places = state
    particles.velocities = state + 2 * (world.agents + world.landmarks)
    particles.words = particles.velocities + 2 * world.agents
    particles.goals = goals
    return particles


cdef inline dict default_parameters():
    """The parameters of each scenario with their defaults. The scenarios are in the order of scenario_t."""
    return {
        "simple": {},
        "simple_adversary": {"N": 2},
        "simple_crypto": {},
        "simple_push": {},
        "simple_reference": {"local_ratio": 0.5},
        "simple_speaker_listener": {},
        "simple_spread": {"N": 3, "local_ratio": 0.5},
        "simple_tag": {"num_good": 1, "num_adversaries": 3, "num_obstacles": 2},
        "simple_world_comm": {"num_good": 2, "num_adversaries": 4, "num_obstacles": 1, "num_food": 2, "num_forests": 2},
    }


cdef inline str scenario_of(object name):
    """The scenario of a name, with or without the "simple_" that all have. Raises TypeError or ValueError."""
    from puffer import checks
    known = default_parameters()
    return f"simple_{name}" if f"simple_{name}" in known else checks.choice("scenario", name, known)


cdef inline dict check_parameters(str scenario, dict given):
    """The parameters of a scenario, checked: None stands for the default, and is required for those of other scenarios.

    Raises TypeError or ValueError.
    """
    from puffer import checks
    defaults = default_parameters()
    own = defaults[scenario]
    values = {}
    for name, value in given.items():
        if value is not None and name not in own:
            raise ValueError(f"{name} is not a parameter of scenario {scenario!r}, which has "
                             f"{', '.join(own) or 'none'}; got {value!r}")
    for name, default in own.items():
        value = default if given[name] is None else given[name]
        if name == "local_ratio":
            values[name] = checks.number(name, value, 0, 1)
        else:
            least = 0 if name in ("num_obstacles", "num_forests") else 1
            values[name] = checks.integer(name, value, least, (MOST_AGENTS - 2) // 2)
    return values


cdef inline World make_world(str scenario, dict values) except *:
    cdef World world
    cdef int k = list(default_parameters()).index(scenario)
    world.scenario = <scenario_t>k
    adversaries, good, landmarks = {
        "simple": (0, 1, 1), "simple_adversary": (1, values.get("N"), values.get("N")), "simple_crypto": (1, 2, 2),
        "simple_push": (1, 1, 2), "simple_reference": (0, 2, 3), "simple_speaker_listener": (0, 2, 3),
        "simple_spread": (0, values.get("N"), values.get("N")),
    }.get(scenario, (values.get("num_adversaries"), values.get("num_good"), values.get("num_obstacles")))
    world.foods, world.forests = values.get("num_food", 0), values.get("num_forests", 0)
    world.adversaries, world.agents = adversaries, adversaries + good
    world.landmarks = landmarks + world.foods + world.forests
    world.words = {"simple_crypto": 4, "simple_reference": 10, "simple_speaker_listener": 3, "simple_spread": 2,
                   "simple_world_comm": 4}.get(scenario, 0)
    world.local_ratio = values.get("local_ratio", 1)
    world.landmarks_within = 0.9 if scenario in ("simple_tag", "simple_world_comm") else 1
    for k in range(world.agents + world.landmarks):
        world.bodies[k] = body_of(&world, k)
    for k in range(world.agents):
        world.actions[k] = MOVES if world.bodies[k].movable else 1
        if world.bodies[k].speaks:
            world.actions[k] *= world.words
    return world


cdef inline Body body_of(const World* world, int k) noexcept:
    """The body of an agent, or of a landmark."""
    cdef scenario_t scenario = world.scenario
    cdef Body body = Body(size=0.05, push=5, max_speed=0, movable=k < world.agents, collides=False, speaks=False)
    cdef bint is_adversary = k < world.adversaries
    if k >= world.agents:
        body.collides = (scenario == TAG or scenario == WORLD_COMM) and k - world.agents < obstacles_of(world)
        if scenario == WORLD_COMM and not body.collides:
            body.size = 0.03 if k - world.agents < world.landmarks - world.forests else 0.3
        elif body.collides:
            body.size = 0.2
        elif scenario == ADVERSARY:
            body.size = 0.08
        elif scenario == SPEAKER_LISTENER:
            body.size = 0.04
    elif scenario == TAG or scenario == WORLD_COMM:
        body.collides = True
        body.speaks = scenario == WORLD_COMM and k == 0
        body.push, body.max_speed = 3 if is_adversary else 4, 1 if is_adversary else <float>1.3
        body.size = 0.075 if is_adversary else 0.05 if scenario == TAG else 0.045
    elif scenario == SPREAD or scenario == ADVERSARY:
        body.size, body.collides = 0.15, scenario == SPREAD
    elif scenario == SPEAKER_LISTENER:
        body.size, body.movable, body.speaks = 0.075, k == LISTENER, k == SPEAKER
    elif scenario == CRYPTO:
        body.movable, body.speaks = False, True
    elif scenario == REFERENCE:
        body.speaks = True
    elif scenario == PUSH:
        body.collides = True
    return body


cdef inline int obstacles_of(const World* world) noexcept nogil:
    return world.landmarks - world.foods - world.forests
