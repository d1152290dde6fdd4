"""Particle environments: agents in a plane move, push each other, talk, hide and hunt, in nine scenarios.

Observation   float32, as long as that of the agent who sees most, and zero behind the numbers of the others. v is the
              own velocity, p the own position, > are relative positions, in index order.
              simple: v, > landmark. simple_adversary: > goal (not the adversary), > landmarks, > others. simple_crypto:
              eve, alice's words; bob, the key and alice's words; alice, the goal and the key. simple_push: v, > goal,
              own colour (that of the goal), > landmarks, their colours, > other; the adversary v, > landmarks, > other.
              simple_reference: v, > landmarks, the colour of the other one's goal, its words.
              simple_speaker_listener: the colour of the goal; the listener v, > landmarks, the speaker's words.
              simple_spread: v, p, > landmarks, > others, a pair of zeros for each. simple_tag: v, p, > landmarks, >
              others, velocities of the good ones of them. simple_world_comm: v, p, > landmarks, foods and forests, >
              others, velocities of the good ones of them, whether it is in each forest (1, else -1), the leader's
              words; the good ones have the forests before the velocities, and no words. Others are at 0 if one of the
              two is in a forest and the other one not in the same; but the leader sees all.
Action        Discrete(n): 0 nothing, 1 left, 2 right, 3 down, 4 up, plus 5 times a word if the agent also speaks; a
              word if it only speaks. n is that of the agent with most; actions that an agent does not have are 0. With
              continuous_actions, a Box of five numbers from 0 to 1, clipped, the fractions of the forces to nothing,
              left, right, down, up, then the words; of an agent that only speaks, its words come first.
Reward        simple, simple_speaker_listener: minus the squared distance to the goal. simple_adversary: minus the
              adversary's distance to the goal; to the others this distance minus the least of their own. simple_crypto:
              minus the squared error of bob's and eve's words for the goal; to alice and bob eve's minus bob's.
              simple_push: minus the agent's distance to the goal; to the adversary this one minus its own.
              simple_reference: minus the distance of the other one to its goal, with the weight local_ratio, and the
              mean of both. simple_spread: minus the sum over landmarks of the distance of the nearest agent, and minus
              1 for each agent that it touches, with the weight local_ratio. simple_tag: 10 to all adversaries and -10
              to the good agent for each touch, and minus a fine near and beyond 1. simple_world_comm: 5 and -5, twice
              the fine, 2 for each food it touches, minus 0.05 times the distance to the nearest one; to adversaries
              minus 0.1 times the distance to the nearest good one.
Terminated    never.
Truncated     after 25 steps, or max_steps if given.
Start         all uniform in [-1, 1) x [-1, 1), in simple_tag and simple_world_comm landmarks in 0.9 times that; at
              rest, silent. Goals and the key are random.
Rules         In a step of 0.1 seconds a body moves with its velocity, which then loses a quarter and gains 0.1 times
              the force on it: 5 of a move; in simple_tag and simple_world_comm 3 of adversaries and 4 of good ones,
              whose greatest speeds are 1 and 1.3. Bodies that touch push each other away with 100 times the depth of
              the contact, smoothed over 0.001; in simple_push, simple_spread, simple_tag, simple_world_comm; landmarks
              only in the last two.
Source        Lowe et al. 2017, "Multi-Agent Actor-Critic for Mixed Cooperative-Competitive Environments"; everything as
              in mpe2 1.1, in float32, but for its options of curricula, ends on success and neighbours.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, memset, rng_below, rng_uniform
from puffer.ocean._clip cimport clamped
from puffer.ocean._particles cimport Actions, actions_of, from_row
from puffer.ocean.mpe.physics cimport act, act_by_parts, advance, push_apart, touch
from puffer.ocean.mpe.rewards cimport pay
from puffer.ocean.mpe.views cimport observed, see
from puffer.ocean.mpe.worlds cimport (
    MOVES, Particles, World, check_parameters, make_world, particles_at, scenario_of, state_size,
)


@cython.final
cdef class Mpe(Env):
    """Mpe(num_envs=1, *, scenario="simple_tag", continuous_actions=False, N=None, local_ratio=None, num_good=None,
      num_adversaries=None, num_obstacles=None, num_food=None, num_forests=None, **options)
--

Worlds of particles. See the module's docstring for the rules. Raises ValueError for a parameter of another scenario.

Parameters
----------
num_envs : int
    Number of worlds.
scenario : str
    "simple", "simple_adversary", "simple_crypto", "simple_push", "simple_reference", "simple_speaker_listener",
    "simple_spread", "simple_tag" or "simple_world_comm"; "simple_" may be left out.
continuous_actions : bool
    Whether an action is a Box of parts instead of a Discrete.
N : int, optional
    Of simple_adversary (2) and simple_spread (3): good agents, and as many landmarks, 1 to 15.
local_ratio : float, optional
    Of simple_reference and simple_spread: the weight of the agent's own reward, 0 to 1; by default 0.5.
num_good, num_adversaries : int, optional
    Agents of simple_tag (1 and 3) and simple_world_comm (2 and 4), 1 to 15 each.
num_obstacles : int, optional
    Landmarks in the way in simple_tag (2) and simple_world_comm (1), 0 to 15.
num_food, num_forests : int, optional
    Of simple_world_comm: foods, 1 to 15, and forests, 0 to 15; by default 2.
**options
    The options of `puffer.Env`.

Attributes
----------
scenario : str
continuous_actions : bool
    As given.
observation_sizes, action_sizes : tuple of int
    For each agent the numbers of its own observation, and of its own Discrete actions or of parts of its Box.

Notes
-----
`state(copy)` has `places` and `velocities` of the agents and `landmarks`, each float32 (n, 2), as pairs x, y; `words`
of the agents, float32 (agents, words); `goals`, two ints: the landmark that is the goal, and in simple_crypto the key,
in simple_reference the goal of the first agent.
"""

    task_parameter = "scenario"
    default_max_steps = 25
    statistic_names = ("collisions",)
    render_size = (400, 400)
    cdef readonly str scenario
    cdef readonly bint continuous_actions
    cdef readonly tuple observation_sizes, action_sizes
    cdef World world
    cdef Py_ssize_t size
    cdef int width, parts
    cdef float[:, ::1] observations
    cdef Actions actions
    # For each copy the floats of its Particles, and two numbers of landmarks.
    cdef float* state
    cdef int32_t* goals

    def __init__(self, num_envs=1, *, scenario="simple_tag", continuous_actions=False, N=None, local_ratio=None,
                 num_good=None, num_adversaries=None, num_obstacles=None, num_food=None, num_forests=None, **options):
        cdef World world
        cdef int k
        scenario = scenario_of(scenario)
        values = check_parameters(scenario, {
            "N": N, "local_ratio": local_ratio, "num_good": num_good, "num_adversaries": num_adversaries,
            "num_obstacles": num_obstacles, "num_food": num_food, "num_forests": num_forests,
        })
        continuous = checks.boolean("continuous_actions", continuous_actions)
        world = make_world(scenario, values)
        seen = tuple([observed(&world, k) for k in range(world.agents)])
        done = tuple([world.actions[k] for k in range(world.agents)])
        if continuous:
            done = tuple([MOVES * world.bodies[k].movable + world.words * world.bodies[k].speaks
                          for k in range(world.agents)])
        actions = spaces.Box(0, 1, (max(done),), np.float32) if continuous else spaces.Discrete(max(done))
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (max(seen),), np.float32), actions,
                         agents_per_env=world.agents, observes_in_step=True,
                         snapshot_key=(scenario, *values.values()), **options)
        self.observations, self.actions = self.buffers.observations, actions_of(self.buffers)
        self.scenario, self.continuous_actions, self.world = scenario, continuous, world
        self.observation_sizes, self.action_sizes = seen, done
        self.width, self.parts = max(seen), max(done)
        self.size = state_size(&self.world)
        self.state = <float*>self.new_state(self.size * sizeof(float))
        self.goals = <int32_t*>self.new_state(2 * sizeof(int32_t))

    cdef inline Particles _particles(self, Py_ssize_t i) noexcept nogil:
        return particles_at(&self.world, self.state + self.size * i, self.goals + 2 * i)

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Particles p = self._particles(i)
        cdef int n = self.world.agents, landmarks = self.world.landmarks, k
        cdef float within = self.world.landmarks_within
        memset(p.places, 0, self.size * sizeof(float))
        for k in range(2):
            p.goals[k] = rng_below(&self.rng[i], landmarks) if landmarks > 0 else 0
        for k in range(2 * n):
            p.places[k] = rng_uniform(&self.rng[i], -1, 1)
        for k in range(2 * n, 2 * (n + landmarks)):
            p.places[k] = rng_uniform(&self.rng[i], -within, within)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef Particles p = self._particles(i)
        cdef int n = self.world.agents, k, other
        cdef Py_ssize_t first = i * n
        cdef Actions actions = from_row(self.actions, first, self.parts)
        cdef float[64] forces
        if actions.discrete != NULL:
            act(&self.world, &p, actions.discrete, forces)
        else:
            act_by_parts(&self.world, &p, actions.continuous, self.parts, forces)
        push_apart(&self.world, &p, forces)
        advance(&self.world, &p, forces)
        pay(&self.world, &p, &self.rewards[first])
        see(&self.world, &p, &self.observations[first, 0], self.width)
        for k in range(n):
            for other in range(k):
                if self.world.bodies[k].collides and touch(&self.world, &p, k, other):
                    self.statistics[first + k, 0] += 1
                    self.statistics[first + other, 0] += 1

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef Particles p = self._particles(i)
        see(&self.world, &p, &self.observations[i * self.world.agents, 0], self.width)

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(2 * i, 2 * i + 2):
            self.goals[k] = clamped(self.goals[k], 0, max(self.world.landmarks - 1, 0))

    cdef dict state_one(self, Py_ssize_t i):
        cdef int n = self.world.agents, landmarks = self.world.landmarks
        numbers = np.array(<float[:self.size]>(self.state + self.size * i))
        places, velocities, words = np.split(numbers, [2 * (n + landmarks), 2 * (n + landmarks) + 2 * n])
        places = places.reshape(-1, 2)
        return {"places": places[:n], "velocities": velocities.reshape(-1, 2), "landmarks": places[n:],
                "words": words.reshape(n, -1) if self.world.words else np.zeros((n, 0), np.float32),
                "goals": [self.goals[2 * i], self.goals[2 * i + 1]]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef Particles p = self._particles(i)
        cdef int n = self.world.agents, k
        cdef double reach = 1.2, scale
        for k in range(2 * (n + self.world.landmarks)):
            reach = max(reach, abs(p.places[k]) + 0.3)
        scale = 200 / reach
        canvas.clear(0xF4F1EA)
        canvas.rectangle(200 - scale, 200 - scale, 200 + scale, 200 + scale, 0xFFFFFF)
        # Landmarks first, the largest of them, which are the last, below all others.
        for k in range(n + self.world.landmarks - 1, -1, -1):
            canvas.disc(200 + scale * p.places[2 * k], 200 - scale * p.places[2 * k + 1],
                        self.world.bodies[k].size * scale, self._paint(i, k))
        return 0

    cdef unsigned int _paint(self, Py_ssize_t i, int k) noexcept:
        """The colour of a body: adversaries are red, the other agents green, goals yellow, forests pale."""
        cdef int landmark = k - self.world.agents
        if landmark < 0:
            return 0xC4483E if k < self.world.adversaries else 0x3A8F5C
        if landmark >= self.world.landmarks - self.world.forests:
            return 0xCFE8D5
        if landmark >= self.world.landmarks - self.world.forests - self.world.foods:
            return 0x3D5A80
        if not self.world.forests and not self.world.bodies[k].collides and landmark == self.goals[2 * i]:
            return 0xE9C46A
        return 0x5C677D
