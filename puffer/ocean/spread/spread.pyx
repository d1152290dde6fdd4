"""Simple spread: agents cover all landmarks together without bumping into each other.

Observation   float32 (6 * n_agents,), pairs x, y: the agent's velocity and position; the positions of the landmarks,
              then of the other agents in index order, relative to the agent; a pair of zeros for each other agent, in
              place of the message that the scenario leaves empty.
Action        Discrete(5): 0 nothing, 1 left, 2 right, 3 down, 4 up, with a force of 5. With continuous_actions, a Box
              of five numbers from 0 to 1, clipped: the fractions of these forces; the first one is ignored.
Reward        the sum of two terms: (1 - local_ratio) times minus the sum, over all landmarks, of the distance to the
              nearest agent; and local_ratio times minus the number of agents that this one touches.
Terminated    never.
Truncated     after 25 steps, or max_steps if given.
Start         agents and as many landmarks uniform in [-1, 1) x [-1, 1), at rest.
Rules         In a step of 0.1 seconds an agent moves with its velocity, which then loses a quarter and gains 0.1 times
              the force on the agent. Agents are discs of radius 0.15 and mass 1. Two that touch push each other away
              with 100 times the depth of the contact, smoothed over 0.001; at exactly the same position they do not.
              There are no walls.
Source        Lowe et al. 2017, "Multi-Agent Actor-Critic for Mixed Cooperative-Competitive Environments"; everything as
              in simple_spread_v3 of mpe2, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memcpy, memset, rng_uniform
from puffer.ocean._particles cimport Actions, actions_of, finite_pairs, from_row

cdef extern from "puffer/ocean/spread/spread.h" nogil:
    enum:
        MOST_AGENTS
    void spread_step(int n, Py_ssize_t copies, const int32_t* discrete, const float* continuous, float local_ratio,
                     float* state, float* rewards, double* statistics, float* rows)
    void spread_observe(int n, const float* state, float* row)

cpdef enum Action:
    NOTHING, LEFT, RIGHT, DOWN, UP

# As they are drawn. Agents are as large as in spread.h, landmarks have no size there.
_AGENT_RADIUS, _LANDMARK_RADIUS = 0.15, 0.05


@cython.final
cdef class Spread(Env):
    """Spread(num_envs=1, *, n_agents=3, local_ratio=0.5, continuous_actions=False, **options)
--

Cooperative navigation, the scenario "simple spread". See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
n_agents : int
    Agents of a copy, and as many landmarks, 1 to 64.
local_ratio : float
    Weight of the agent's own collisions in the reward, 0 to 1.
continuous_actions : bool
    Whether an action is a Box of five forces instead of a Discrete.
**options
    The options of `puffer.Env`.

Attributes
----------
n_agents : int
local_ratio : float
continuous_actions : bool
    The parameters.

Notes
-----
`state(copy)` has `places` and `velocities` of the agents and `landmarks`, each float32 (n_agents, 2), as pairs x, y.
"""

    default_max_steps = 25
    statistic_names = ("collisions", "covered")
    render_size = (400, 400)
    cdef readonly int n_agents
    cdef readonly double local_ratio
    cdef readonly bint continuous_actions
    cdef float[:, ::1] observations
    cdef Actions actions
    # For each copy 3 * n_agents pairs x, y: the positions of the agents, their velocities, the landmarks.
    cdef float* state
    cdef Py_ssize_t state_size

    def __init__(self, num_envs=1, *, n_agents=3, local_ratio=0.5, continuous_actions=False, **options):
        agents = checks.integer("n_agents", n_agents, 1, MOST_AGENTS)
        ratio = checks.number("local_ratio", local_ratio, 0, 1)
        continuous_actions = checks.boolean("continuous_actions", continuous_actions)
        actions = spaces.Box(0, 1, (5,), np.float32) if continuous_actions else spaces.Discrete(5)
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (6 * agents,), np.float32), actions,
                         agents_per_env=agents, observes_in_step=True, snapshot_key=(ratio,), **options)
        self.observations, self.actions = self.buffers.observations, actions_of(self.buffers)
        self.n_agents, self.local_ratio, self.continuous_actions = agents, ratio, continuous_actions
        self.state_size = 3 * 2 * self.n_agents
        self.state = <float*>self.new_state(self.state_size * sizeof(float))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef int n = self.n_agents, k
        cdef float* state = self.state + self.state_size * i
        memset(state, 0, self.state_size * sizeof(float))
        for k in range(2 * n):
            state[k] = rng_uniform(&self.rng[i], -1, 1)
        for k in range(4 * n, 6 * n):
            state[k] = rng_uniform(&self.rng[i], -1, 1)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t row = first * self.n_agents
        cdef Actions actions = from_row(self.actions, row, 5)
        spread_step(self.n_agents, last - first, actions.discrete, actions.continuous, self.local_ratio,
                    self.state + self.state_size * first, &self.rewards[row], &self.statistics[row, 0],
                    &self.observations[row, 0])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        spread_observe(self.n_agents, self.state + self.state_size * i, &self.observations[i * self.n_agents, 0])

    cdef dict state_one(self, Py_ssize_t i):
        places, velocities, landmarks = np.array(<float[:3, :self.n_agents, :2]>(self.state + self.state_size * i))
        return {"places": places, "velocities": velocities, "landmarks": landmarks}

    def set_places(self, copy, *, places, velocities, landmarks):
        """Put the agents and landmarks of one copy at given positions; its episode goes on.

        Parameters
        ----------
        copy : int
            Index of the copy.
        places, velocities, landmarks : array_like of shape (n_agents, 2)
            Finite numbers, as pairs x, y.

        Raises ValueError for other shapes, dtypes and numbers, before anything is changed.
        """
        self.require_settled("set_places")
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        given = {"places": places, "velocities": velocities, "landmarks": landmarks}
        pairs = [finite_pairs(name, value, self.n_agents, 1e38) for name, value in given.items()]
        cdef float[:, :, ::1] source = np.array(pairs, np.float32)
        memcpy(self.state + self.state_size * i, &source[0, 0, 0], self.state_size * sizeof(float))
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef int n = self.n_agents, k
        cdef float* places = self.state + self.state_size * i
        cdef float* landmarks = places + 4 * n
        cdef double reach = 1.2, scale
        for k in range(2 * n):
            reach = max(reach, abs(places[k]) + 0.2, abs(landmarks[k]) + 0.2)
        scale = 200 / reach
        canvas.clear(0xF4F1EA)
        canvas.rectangle(200 - scale, 200 - scale, 200 + scale, 200 + scale, 0xFFFFFF)
        for k in range(n):
            canvas.disc(200 + scale * places[2 * k], 200 - scale * places[2 * k + 1], _AGENT_RADIUS * scale, 0x81B29A)
        for k in range(n):
            canvas.disc(200 + scale * landmarks[2 * k], 200 - scale * landmarks[2 * k + 1], _LANDMARK_RADIUS * scale,
                        0x3D405B)
        return 0
