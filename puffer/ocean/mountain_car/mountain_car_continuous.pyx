"""MountainCarContinuous: rock a weak car out of a valley, with as little effort as possible.

Observation   float32 (2,): position of the car in [-1.2, 0.6], velocity in [-0.07, 0.07].
Action        float32 Box(-1, 1, (1,)): push, clipped to [-1, 1]; a push of 1 changes the velocity by 0.0015.
Reward        -0.1 times the square of the action (as given, not as clipped), and +100 on terminating.
Terminated    when the position is at least 0.45 and the velocity at least goal_velocity.
Truncated     after 999 steps, or max_steps if given.
Start         position uniform in [-0.6, -0.4), velocity 0.
Source        Moore 1990, "Efficient Memory-based Learning for Robot Control"; constants, order of the clipping and
              spaces of Gymnasium's MountainCarContinuous-v0, in float32.
Version       0
"""
from gymnasium import spaces

from libc.float cimport FLT_MAX

from puffer cimport Env, uint8_t
from puffer.ocean.mountain_car._hill cimport Hill

cdef extern from "puffer/ocean/mountain_car/mountain_car_continuous.h" nogil:
    void mountain_car_continuous_step(Py_ssize_t n, float goal_velocity, float* position, float* velocity,
                                      const float* actions, float* rows, float* rewards, uint8_t* arrived)

cdef double FORCE = 0.0015      # change of the velocity in a step, at full push
cdef double GOAL = 0.45         # position
cdef double GOAL_REWARD = 100
cdef double COST = 0.1          # of a push of 1


cdef class MountainCarContinuous(Hill):
    """MountainCarContinuous(num_envs=1, *, goal_velocity=0.0, **options)
--

A weak car in a valley, pushed by any force. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
goal_velocity : float
    Least velocity with which the goal counts, 0 to 0.07 a step.
**options
    The options of `puffer.Env`.

Attributes
----------
goal_velocity : float
    The parameter.
"""

    default_max_steps = 999
    reward_threshold = 90.0
    cdef float[:, ::1] actions

    def __init__(self, num_envs=1, *, goal_velocity=0.0, **options):
        super().__init__(num_envs, spaces.Box(-1, 1, (1,)), GOAL, goal_velocity, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef double action = self.actions[i, 0], cost = COST * action * action
        self.push(i, FORCE * min(max(action, -1), 1))
        self.terminations[i] = self.has_arrived(i)
        # The square of a huge action would be infinite in float32; the reward stays finite.
        self.rewards[i] = GOAL_REWARD * self.terminations[i] - min(cost, FLT_MAX)

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        mountain_car_continuous_step(last - first, self.goal_velocity, self.state.position + first,
                                     self.state.velocity + first, &self.actions[first, 0],
                                     &self.observations[first, 0], &self.rewards[first], &self.terminations[first])


cdef class _PlainMountainCarContinuous(MountainCarContinuous):
    """MountainCarContinuous by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
