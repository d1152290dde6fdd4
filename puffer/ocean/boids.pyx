"""Boids: a flock in which every boid is an agent and is paid for keeping together, without crowding.

Observation   float32 (9,), from -1 to 1, x to the right and y up: own velocity / max_speed; the mean way to its
              neighbours / vision; the mean of their velocities less its own / (2 * max_speed); the sum over those that
              are too close of c * (the way away from them) / separation, clipped; how many neighbours of n_agents - 1.
              Without neighbours all but the velocity is 0.
Action        Box(-1, 1, (2,)): change of velocity in x and y, times max_acceleration; clipped. With
              continuous_actions=False, Discrete(9): 3 * (1 + the change in y) + 1 + the change in x, each -1, 0 or 1.
Reward        cohesion_weight * the sum over its neighbours of 1 - (distance / vision) ** 2, / (n_agents - 1),
              + alignment_weight * (1 - length of the mean difference of velocity / (2 * max_speed)), or 0 if it has no
              neighbours, - separation_weight * the sum of c over those that are too close.
Terminated    never.
Truncated     after 500 steps, or max_steps if given.
Start         places uniform on the torus; velocities uniform in a square that fits the disc of max_speed.
Rules         The world is a torus of side 1. In a step all change their velocities, are slowed down to max_speed, and
              move by their velocities; then they see and are paid. The neighbours of a boid are the others nearer than
              vision; too close is one nearer than separation, by c = 1 - (distance / separation) ** 2.
Source        the three rules of Reynolds 1987, "Flocks, Herds, and Schools: A Distributed Behavioral Model"; as a task
              for learners, PufferLib's Boids. These formulas are this package's own.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_bits, rng_uniform

import_puffer()

cdef extern from "puffer/ocean/_boids.h" nogil:
    enum:
        MOST_BOIDS, ROW
    ctypedef struct boids_rules:
        float vision, separation, max_speed, max_acceleration, cohesion_weight, alignment_weight, separation_weight
    int boids_stride(int n)
    void boids_step(int n, Py_ssize_t copies, const boids_rules* rules, const int32_t* discrete,
                    const float* continuous, uint32_t* flocks, float* rewards, double* statistics, float* rows)
    void boids_observe(int n, boids_rules rules, const void* flock, float* rewards, double* statistics, float* rows)


@cython.final
cdef class Boids(Env):
    """Boids(num_envs=1, *, n_agents=64, vision=0.2, separation=0.05, max_speed=0.02, max_acceleration=0.004,
      cohesion_weight=3.0, alignment_weight=1.0, separation_weight=0.5, continuous_actions=True, **options)
--

`n_agents` (1 to 1024) boids in a flock. The distances `vision` (0.001 to 0.5) and `separation` (0.001 to `vision`) and
the speeds per step `max_speed` (0.0001 to 0.25) and `max_acceleration` (0 to 0.5) are in sides of the world; the
weights of the reward are from -1000 to 1000. The options are those of `puffer.Env`. See the module's docstring for the
rules.
"""

    default_max_steps = 500
    statistic_names = ("cohesion", "alignment", "crowding")
    render_size = (480, 480)
    cdef readonly int n_agents
    cdef readonly bint continuous_actions
    cdef boids_rules rules
    cdef int stride
    cdef float[:, ::1] observations
    # The actions; one of the two is NULL.
    cdef int32_t* discrete
    cdef float* continuous
    cdef uint32_t* flocks

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
        low[8] = 0
        actions = spaces.Box(-1, 1, (2,), np.float32) if continuous_actions else spaces.Discrete(9)
        super().__init__(num_envs, spaces.Box(low, np.float32(1)), actions, agents_per_env=boids,
                         observes_in_step=True, snapshot_key=(boids, *dict(rules).values()), **options)
        self.rules, self.n_agents, self.continuous_actions = rules, boids, continuous_actions
        self.stride = boids_stride(self.n_agents)
        self.flocks = <uint32_t*>self.new_state(4 * self.stride * sizeof(uint32_t))

    cdef int bind(self, Buffers buffers) except -1:
        cdef int32_t[::1] discrete
        cdef float[:, ::1] continuous
        self.observations = buffers.observations
        if buffers.actions.dtype.kind == "i":
            discrete = buffers.actions
            self.discrete = &discrete[0]
        else:
            continuous = buffers.actions
            self.continuous = &continuous[0, 0]
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint32_t* flock = self.flocks + 4 * self.stride * i
        cdef float* velocities = <float*>(flock + 2 * self.stride)
        cdef float most = self.rules.max_speed * <float>0.70710677
        cdef int k
        memset(flock, 0, 4 * self.stride * sizeof(uint32_t))
        for k in range(self.n_agents):
            flock[k] = rng_bits(&self.rng[i])
            flock[self.stride + k] = rng_bits(&self.rng[i])
            velocities[k] = rng_uniform(&self.rng[i], -most, most)
            velocities[self.stride + k] = rng_uniform(&self.rng[i], -most, most)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t row = first * self.n_agents
        cdef int32_t* discrete = NULL if self.discrete == NULL else self.discrete + row
        cdef float* continuous = NULL if self.continuous == NULL else self.continuous + 2 * row
        boids_step(self.n_agents, last - first, &self.rules, discrete, continuous,
                   self.flocks + 4 * self.stride * first, &self.rewards[row], &self.statistics[row, 0],
                   &self.observations[row, 0])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        boids_observe(self.n_agents, self.rules, self.flocks + 4 * self.stride * i, NULL, NULL,
                      &self.observations[i * self.n_agents, 0])

    def state(self, copy):
        """A dict of one copy: `places`, float64 from 0 to 1, and `velocities`, float32, each (n_agents, 2)."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        words = np.array(<uint32_t[:4, :self.stride]>(self.flocks + 4 * self.stride * <Py_ssize_t>i))
        columns = words[:, :self.n_agents]
        return {"places": columns[:2].T / 2.0**32, "velocities": columns[2:].view(np.float32).T.copy()}

    def set_places(self, copy, *, places, velocities):
        """Put the boids of one copy there: finite numbers of shape (n_agents, 2), no faster than max_speed."""
        self.require_settled("set_places")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        cdef uint32_t[:, ::1] flock = <uint32_t[:4, :self.stride]>(self.flocks + 4 * self.stride * i)
        shape = self.n_agents, 2
        given = {"places": np.asarray(places), "velocities": np.asarray(velocities)}
        for name, value in given.items():
            if value.shape != shape or value.dtype.kind not in "fiu" or not (np.abs(value) < 1e9).all():
                raise ValueError(f"{name} must be finite numbers of shape {shape}, got {value!r}")
        # As float32, max_speed may be a little less.
        fast = np.hypot(*given["velocities"].T) > self.rules.max_speed * 1.000001
        if fast.any():
            raise ValueError(f"velocities must be no faster than max_speed, got {given['velocities'][fast][0]}")
        columns = np.asarray(flock)[:, :self.n_agents]
        columns[:2] = np.floor(given["places"].T % 1 * 2.0**32).astype(np.uint64) & np.uint64(2**32 - 1)
        columns[2:] = given["velocities"].T.astype(np.float32).view(np.uint32)
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double[6] corners
        cdef double x, y, along, across, speed
        cdef int k
        state = self.state(i)
        canvas.clear(0xF4F1EA)
        for k in range(self.n_agents):
            x, y = 480 * state["places"][k, 0], 480 - 480 * state["places"][k, 1]
            along, across = state["velocities"][k, 0], -state["velocities"][k, 1]
            # Of no speed, a boid is drawn as a line.
            speed = max(sqrt(along * along + across * across), 1e-9)
            along, across = along / speed, across / speed
            corners = [x + 8 * along, y + 8 * across, x - 6 * along - 4 * across, y - 6 * across + 4 * along,
                       x - 6 * along + 4 * across, y - 6 * across - 4 * along]
            canvas.polygon(corners, 3, 0x3D405B)
        return 0
