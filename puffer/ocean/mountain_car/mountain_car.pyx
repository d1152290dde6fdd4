"""MountainCar: rock a weak car out of a valley by gathering speed.

Observation   float32 (2,): position of the car in [-1.2, 0.6], velocity in [-0.07, 0.07].
Action        Discrete(3): 0 push left, 1 do not push, 2 push right. A push changes the velocity by 0.001.
Reward        -1 for every step, the last one included.
Terminated    when the position is at least 0.5 and the velocity at least goal_velocity.
Truncated     after 200 steps, or max_steps if given.
Start         position uniform in [-0.6, -0.4), velocity 0.
Source        Moore 1990, "Efficient Memory-based Learning for Robot Control"; constants, order of the clipping and
              spaces of Gymnasium's MountainCar-v0, in float32.
Version       0
"""
from gymnasium import spaces

from puffer cimport Env, int32_t, uint8_t
from puffer.ocean.mountain_car._hill cimport Hill

cdef extern from "puffer/ocean/mountain_car/mountain_car.h" nogil:
    void mountain_car_step(Py_ssize_t n, float goal_velocity, float* position, float* velocity,
                           const int32_t* actions, float* rows, float* rewards, uint8_t* arrived)

cpdef enum Action:
    LEFT
    NONE
    RIGHT

cdef double FORCE = 0.001       # change of the velocity in a step
cdef double GOAL = 0.5          # position


cdef class MountainCar(Hill):
    """MountainCar(num_envs=1, *, goal_velocity=0.0, **options)
--

A weak car in a valley. See the module's docstring for the rules.

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

    default_max_steps = 200
    reward_threshold = -110.0
    cdef int32_t[::1] actions

    def __init__(self, num_envs=1, *, goal_velocity=0.0, **options):
        super().__init__(num_envs, spaces.Discrete(3), GOAL, goal_velocity, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef int action = self.actions[i]
        self.push(i, FORCE * ((action == RIGHT) - (action == LEFT)))
        self.rewards[i] = -1
        self.terminations[i] = self.has_arrived(i)

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        mountain_car_step(last - first, self.goal_velocity, self.state.position + first, self.state.velocity + first,
                          &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                          &self.terminations[first])


cdef class _PlainMountainCar(MountainCar):
    """MountainCar by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
