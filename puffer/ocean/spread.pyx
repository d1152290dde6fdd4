"""Simple spread: agents cover all landmarks together, and do not bump into each other.

Observation   float32 (6 * n_agents,): own velocity, own place; from there the places of the landmarks and of the other
              agents, in order of their numbers; two zeros for each other agent, which would be what it says. All x, y.
Action        Discrete(5): 0 nothing, 1 left, 2 right, 3 down, 4 up, with a force of 5. With continuous_actions, a Box
              of five numbers from 0 to 1: these parts of the same forces (the first one is ignored); clipped.
Reward        1 - local_ratio of: less the distance from every landmark to the agent next to it; and local_ratio of: -1
              for every other agent that this one touches.
Terminated    never.
Truncated     after 25 steps, or max_steps if given.
Start         agents and landmarks (as many) uniform in [-1, 1) x [-1, 1), at rest.
Rules         In a step of 0.1 an agent goes on with its velocity, which then loses a quarter and gains 0.1 of the force
              on it. Agents are discs of radius 0.15 and mass 1; touching, they push each other away with 100 times the
              depth (smoothed over 0.001). In exactly the same place they do not. There are no walls.
Source        Lowe et al. 2017, "Multi-Agent Actor-Critic for Mixed Cooperative-Competitive Environments"; everything as
              in simple_spread_v3 of mpe2, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from "puffer/ocean/_spread.h" nogil:
    enum:
        MOST_AGENTS
    void spread_step(int n, Py_ssize_t copies, const int32_t* discrete, const float* continuous, float local_ratio,
                     float* worlds, float* rewards, double* statistics, float* rows)
    void spread_observe(int n, const float* world, float* row)

cpdef enum Action:
    NOTHING, LEFT, RIGHT, DOWN, UP


@cython.final
cdef class Spread(Env):
    """Spread(num_envs=1, *, n_agents=3, local_ratio=0.5, continuous_actions=False, **options)
--

`n_agents` (1 to 64) is also the number of landmarks. `local_ratio` (0 to 1) is the part of the reward that is the
agent's own. The options are those of `puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 25
    statistic_names = ("collisions", "covered")
    render_size = (400, 400)
    cdef readonly int n_agents
    cdef readonly double local_ratio
    cdef readonly bint continuous_actions
    cdef float[:, ::1] observations
    # The actions; one of the two is NULL.
    cdef int32_t* discrete
    cdef float* continuous
    # Of every copy the places of the agents, their velocities, and the places of the landmarks.
    cdef float* worlds

    def __init__(self, num_envs=1, *, n_agents=3, local_ratio=0.5, continuous_actions=False, **options):
        agents = checks.integer("n_agents", n_agents, 1, MOST_AGENTS)
        ratio = checks.number("local_ratio", local_ratio, 0, 1)
        continuous_actions = checks.boolean("continuous_actions", continuous_actions)
        actions = spaces.Box(0, 1, (5,), np.float32) if continuous_actions else spaces.Discrete(5)
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (6 * agents,), np.float32), actions,
                         agents_per_env=agents, observes_in_step=True, snapshot_key=(ratio,), **options)
        self.n_agents, self.local_ratio, self.continuous_actions = agents, ratio, continuous_actions
        self.worlds = <float*>self.new_state(6 * self.n_agents * sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        cdef int32_t[::1] discrete
        cdef float[:, ::1] continuous
        self.observations = buffers.observations
        if isinstance(self.single_action_space, spaces.Discrete):
            discrete = buffers.actions
            self.discrete = &discrete[0]
        else:
            continuous = buffers.actions
            self.continuous = &continuous[0, 0]
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef int n = self.n_agents, k
        cdef float* world = self.worlds + 6 * n * i
        memset(world, 0, 6 * n * sizeof(float))
        for k in range(2 * n):
            world[k] = rng_uniform(&self.rng[i], -1, 1)
        for k in range(4 * n, 6 * n):
            world[k] = rng_uniform(&self.rng[i], -1, 1)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t row = first * self.n_agents
        cdef int32_t* discrete = NULL if self.discrete == NULL else self.discrete + row
        cdef float* continuous = NULL if self.continuous == NULL else self.continuous + 5 * row
        spread_step(self.n_agents, last - first, discrete, continuous, self.local_ratio,
                    self.worlds + 6 * row, &self.rewards[row], &self.statistics[row, 0], &self.observations[row, 0])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        spread_observe(self.n_agents, self.worlds + 6 * self.n_agents * i, &self.observations[i * self.n_agents, 0])

    def state(self, copy):
        """A dict of one copy: `places` and `velocities` of the agents and `landmarks`, each float32 (n_agents, 2)."""
        self.require_settled("state")
        cdef int n = self.n_agents
        cdef float* world = self.worlds + 6 * n * <Py_ssize_t>checks.integer("copy", copy, 0, self.num_copies - 1)
        places, velocities, landmarks = np.array(<float[:3, :n, :2]>world)
        return {"places": places, "velocities": velocities, "landmarks": landmarks}

    def set_places(self, copy, *, places, velocities, landmarks):
        """Put the agents and landmarks of one copy there: each finite numbers of shape (n_agents, 2)."""
        self.require_settled("set_places")
        cdef int n = self.n_agents
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        given = {"places": places, "velocities": velocities, "landmarks": landmarks}
        world = np.empty((3, n, 2), np.float32)
        for part, (name, value) in zip(world, given.items()):
            value = np.asarray(value)
            if value.shape != (n, 2) or value.dtype.kind not in "fiu" or not (np.abs(value) < 1e38).all():
                raise ValueError(f"{name} must be finite numbers of shape {(n, 2)}, got {value!r}")
            part[:] = value
        cdef float[:, :, ::1] source = world
        memcpy(self.worlds + 6 * n * i, &source[0, 0, 0], 6 * n * sizeof(float))
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int n = self.n_agents, k
        cdef float* world = self.worlds + 6 * n * i
        cdef double reach = 1.2, scale
        for k in range(6 * n):
            # Velocities are no places.
            if not 2 * n <= k < 4 * n:
                reach = max(reach, abs(world[k]) + 0.2)
        scale = 200 / reach
        canvas.clear(0xF4F1EA)
        canvas.rectangle(200 - scale, 200 - scale, 200 + scale, 200 + scale, 0xFFFFFF)
        for k in range(n):
            canvas.disc(200 + scale * world[2 * k], 200 - scale * world[2 * k + 1], 0.15 * scale, 0x81B29A)
        for k in range(2 * n, 3 * n):
            canvas.disc(200 + scale * world[2 * k], 200 - scale * world[2 * k + 1], 0.05 * scale, 0x3D405B)
        return 0
