"""Boids: every boid of a flock is an agent, rewarded for staying close to its neighbours without crowding them.

Observation   float32 (9,), from -1 to 1, pairs x to the right and y up: the own velocity / max_speed; the mean offset
              of its neighbours / vision; the mean of their velocities less its own / (2 * max_speed); the sum of
              c * (the offset away from the boid) / separation over the boids that are too close, clipped; then the
              number of neighbours / (n_agents - 1). Without neighbours all but the velocity is 0.
Action        Box(-1, 1, (2,)), clipped: the change of velocity in x and y, times max_acceleration. With
              continuous_actions=False, Discrete(9): 3 * (1 + the change in y) + 1 + the change in x, each -1, 0 or 1.
Reward        the sum of three terms: cohesion_weight * the sum of 1 - (distance / vision) ** 2 over the neighbours,
              / (n_agents - 1); alignment_weight * (1 - the length of the mean difference of velocity /
              (2 * max_speed)), or 0 without neighbours; -separation_weight * the sum of c over the boids that are too
              close.
Terminated    never.
Truncated     after 500 steps, or max_steps if given.
Start         positions uniform on the torus; velocities uniform in the largest square inside the disc of max_speed.
Rules         The world is a torus of side 1. In a step every boid changes its velocity, is slowed down to max_speed if
              it is faster, and moves by its velocity; then observations and rewards are computed. The neighbours of a
              boid are the other boids nearer than vision. A boid nearer than separation is too close, by the closeness
              c = 1 - (distance / separation) ** 2.
Source        the three rules of Reynolds 1987, "Flocks, Herds, and Schools: A Distributed Behavioral Model"; as a task
              for learners, PufferLib's Boids. These formulas are this package's own.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport sqrt

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memset, rng_bits, rng_uniform, uint32_t
from puffer.ocean._particles cimport Actions, actions_of, finite_pairs, from_row

cdef extern from "puffer/ocean/boids/boids.h" nogil:
    enum:
        MOST_BOIDS, ROW
    ctypedef struct boids_rules:
        float vision, separation, max_speed, max_acceleration, cohesion_weight, alignment_weight, separation_weight
    int boids_stride(int n)
    void boids_step(int n, Py_ssize_t copies, const boids_rules* rules, const int32_t* discrete,
                    const float* continuous, uint32_t* state, float* rewards, double* statistics, float* rows)
    void boids_observe(int n, boids_rules rules, const void* state, float* rewards, double* statistics, float* rows)


@cython.final
cdef class Boids(Env):
    """Boids(num_envs=1, *, n_agents=64, vision=0.2, separation=0.05, max_speed=0.02, max_acceleration=0.004,
      cohesion_weight=3.0, alignment_weight=1.0, separation_weight=0.5, continuous_actions=True, **options)
--

Flocking on a torus. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of flocks.
n_agents : int
    Boids of a flock, 1 to 1024.
vision : float
    Distance within which boids are neighbours, 0.001 to 0.5 sides of the world.
separation : float
    Distance within which boids are too close, 0.001 to `vision` sides of the world.
max_speed : float
    Largest speed, 0.0001 to 0.25 sides of the world per step.
max_acceleration : float
    Largest change of velocity in x and in y, 0 to 0.5 sides of the world per step, in one step.
cohesion_weight, alignment_weight, separation_weight : float
    Weights of the reward's terms, -1000 to 1000.
continuous_actions : bool
    Whether an action is a Box of two numbers instead of a Discrete.
**options
    The options of `puffer.Env`.

Attributes
----------
n_agents : int
continuous_actions : bool
    The parameters.

Notes
-----
`state(copy)` has `places`, float64 from 0 to 1, and `velocities`, float32, each (n_agents, 2), as pairs x, y.
"""

    default_max_steps = 500
    statistic_names = ("cohesion", "alignment", "crowding")
    render_size = (480, 480)
    cdef readonly int n_agents
    cdef readonly bint continuous_actions
    cdef boids_rules rules
    cdef float[:, ::1] observations
    cdef Actions actions
    # For each copy four columns of `stride` words: x, y, velocity in x, velocity in y. See boids.h.
    cdef uint32_t* state
    cdef Py_ssize_t stride

    def __init__(self, num_envs=1, *, n_agents=64, vision=0.2, separation=0.05, max_speed=0.02, max_acceleration=0.004,
                 cohesion_weight=3.0, alignment_weight=1.0, separation_weight=0.5, continuous_actions=True, **options):
        cdef boids_rules rules
        boids = checks.integer("n_agents", n_agents, 1, MOST_BOIDS)
        rules.vision = checks.number("vision", vision, 0.001, 0.5)
        rules.separation = checks.number("separation", separation, 0.001, vision)
        rules.max_speed = checks.number("max_speed", max_speed, 0.0001, 0.25)
        rules.max_acceleration = checks.number("max_acceleration", max_acceleration, 0, 0.5)
        rules.cohesion_weight = checks.number("cohesion_weight", cohesion_weight, -1000, 1000)
        rules.alignment_weight = checks.number("alignment_weight", alignment_weight, -1000, 1000)
        rules.separation_weight = checks.number("separation_weight", separation_weight, -1000, 1000)
        continuous_actions = checks.boolean("continuous_actions", continuous_actions)
        low = np.full(ROW, -1, np.float32)
        # The number of neighbours.
        low[8] = 0
        actions = spaces.Box(-1, 1, (2,), np.float32) if continuous_actions else spaces.Discrete(9)
        super().__init__(num_envs, spaces.Box(low, np.float32(1)), actions, agents_per_env=boids,
                         observes_in_step=True, snapshot_key=(boids, *dict(rules).values()), **options)
        self.observations, self.actions = self.buffers.observations, actions_of(self.buffers)
        self.rules, self.n_agents, self.continuous_actions = rules, boids, continuous_actions
        self.stride = boids_stride(self.n_agents)
        self.state = <uint32_t*>self.new_state(4 * self.stride * sizeof(uint32_t))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint32_t* state = self.state_of_copy(i)
        cdef float* velocities = <float*>(state + 2 * self.stride)
        # sqrt(1 / 2): half the side of a square in the disc of radius 1.
        cdef float most = self.rules.max_speed * <float>0.70710677
        cdef int k
        memset(state, 0, 4 * self.stride * sizeof(uint32_t))
        for k in range(self.n_agents):
            state[k] = rng_bits(&self.rng[i])
            state[self.stride + k] = rng_bits(&self.rng[i])
            velocities[k] = rng_uniform(&self.rng[i], -most, most)
            velocities[self.stride + k] = rng_uniform(&self.rng[i], -most, most)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t row = first * self.n_agents
        cdef Actions actions = from_row(self.actions, row, 2)
        boids_step(self.n_agents, last - first, &self.rules, actions.discrete, actions.continuous,
                   self.state_of_copy(first), &self.rewards[row], &self.statistics[row, 0], &self.observations[row, 0])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        boids_observe(self.n_agents, self.rules, self.state_of_copy(i), NULL, NULL,
                      &self.observations[i * self.n_agents, 0])

    cdef inline uint32_t* state_of_copy(self, Py_ssize_t i) noexcept nogil:
        return self.state + 4 * self.stride * i

    cdef object columns(self, Py_ssize_t i):
        """The state of a copy, uint32 (4, n_agents); changes to it are changes of the copy."""
        return np.asarray(<uint32_t[:4, :self.stride]>self.state_of_copy(i))[:, :self.n_agents]

    cdef dict state_one(self, Py_ssize_t i):
        columns = self.columns(i)
        return {"places": columns[:2].T / 2.0**32, "velocities": columns[2:].view(np.float32).T.copy()}

    def set_places(self, copy, *, places, velocities):
        """Put the boids of one copy at given positions; its episode goes on.

        Parameters
        ----------
        copy : int
            Index of the copy.
        places : array_like of shape (n_agents, 2)
            Positions in sides of the world, smaller than 1e9 in magnitude; whole sides are dropped.
        velocities : array_like of shape (n_agents, 2)
            Sides of the world per step, no faster than max_speed.

        Raises ValueError for anything else, before anything is changed.
        """
        self.require_settled("set_places")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        places = finite_pairs("places", places, self.n_agents, 1e9)
        velocities = finite_pairs("velocities", velocities, self.n_agents, 1e9)
        # In float32, max_speed may be slightly smaller than the number given to the constructor.
        too_fast = np.hypot(*velocities.T) > self.rules.max_speed * 1.000001
        if too_fast.any():
            raise ValueError(f"velocities must be no faster than max_speed, got {velocities[too_fast][0]}")
        columns = self.columns(i)
        columns[:2] = np.floor(places.T % 1 * 2.0**32).astype(np.uint64) & np.uint64(2**32 - 1)
        columns[2:] = velocities.T.astype(np.float32).view(np.uint32)
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double[6] corners
        cdef double x, y, along, across, speed
        cdef int k
        state = self.state_one(i)
        canvas.clear(0xF4F1EA)
        for k in range(self.n_agents):
            x, y = 480 * state["places"][k, 0], 480 - 480 * state["places"][k, 1]
            along, across = state["velocities"][k, 0], -state["velocities"][k, 1]
            # A boid at rest is drawn as a line.
            speed = max(sqrt(along * along + across * across), 1e-9)
            along, across = along / speed, across / speed
            corners = [x + 8 * along, y + 8 * across, x - 6 * along - 4 * across, y - 6 * across + 4 * along,
                       x - 6 * along + 4 * across, y - 6 * across - 4 * along]
            canvas.polygon(corners, 3, 0x3D405B)
        return 0
