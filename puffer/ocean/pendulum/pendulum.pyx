"""Pendulum: swing a pendulum up with a weak motor and hold it upright.

Observation   float32 (3,): cosine and sine of the angle theta (0 is upright), angular velocity in [-8, 8].
Action        float32 Box(-2, 2, (1,)): torque, clipped to [-2, 2].
Reward        -(theta^2 + 0.1 * velocity^2 + 0.001 * torque^2) of the state before the step, theta in [-pi, pi].
Terminated    never.
Truncated     after 200 steps, or max_steps if given.
Start         theta uniform in [-pi, pi), angular velocity uniform in [-1, 1).
Source        the swing-up of Gymnasium's Pendulum-v1: its constants, integrator and spaces, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

from libc.math cimport M_PI, cos, remainder, sin

from puffer import checks

from puffer cimport Canvas, Env, rng_uniform

cdef extern from "puffer/ocean/pendulum/pendulum.h" nogil:
    void pendulum_step(Py_ssize_t n, float g, float* theta, float* velocity, float* sine, float* cosine,
                       const float* actions, float* rows, float* rewards)
    void sine_cosine(float angle, float* sine, float* cosine)

cdef double MASS = 1.0              # kg
cdef double LENGTH = 1.0            # m, of the rod, whose mass is evenly spread
cdef double SECONDS = 0.05          # in a step
cdef double MAX_TORQUE = 2.0        # N m
cdef double MAX_SPEED = 8.0         # rad/s

# An array of each number, with an item per copy.
cdef struct State:
    float* theta        # angle from upright, rad, -pi to pi
    float* velocity     # rad/s
    float* sine         # of theta
    float* cosine


cdef class Pendulum(Env):
    """Pendulum(num_envs=1, *, g=10.0, **options)
--

A pendulum with a motor. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
g : float
    Acceleration of gravity, 0 to 1000 m/s^2.
**options
    The options of `puffer.Env`.

Attributes
----------
g : float
    The parameter.
"""

    default_max_steps = 200
    render_size = (400, 400)
    cdef readonly double g
    cdef float[:, ::1] observations
    cdef float[:, ::1] actions
    cdef State state

    def __init__(self, num_envs=1, *, g=10.0, **options):
        g = checks.number("g", g, 0, 1000)
        high = np.array([1, 1, MAX_SPEED], np.float32)
        torques = spaces.Box(-MAX_TORQUE, MAX_TORQUE, (1,))
        super().__init__(num_envs, spaces.Box(-high, high), torques, observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.g = g
        self.state.theta = <float*>self.new_state(sizeof(float))
        self.state.velocity = <float*>self.new_state(sizeof(float))
        self.state.sine = <float*>self.new_state(sizeof(float))
        self.state.cosine = <float*>self.new_state(sizeof(float))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        state.theta[i] = rng_uniform(&self.rng[i], -M_PI, M_PI)
        state.velocity[i] = rng_uniform(&self.rng[i], -1, 1)
        sine_cosine(state.theta[i], &state.sine[i], &state.cosine[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        cdef double theta = state.theta[i], velocity = state.velocity[i]
        cdef double torque = min(max(self.actions[i, 0], -MAX_TORQUE), MAX_TORQUE)
        cdef double inertia = MASS * LENGTH * LENGTH / 3
        self.rewards[i] = -(theta * theta + 0.1 * velocity * velocity + 0.001 * torque * torque)
        velocity += SECONDS * (MASS * self.g * LENGTH / 2 * sin(theta) + torque) / inertia
        velocity = min(max(velocity, -MAX_SPEED), MAX_SPEED)
        theta = remainder(theta + SECONDS * velocity, 2 * M_PI)
        state.theta[i], state.velocity[i] = theta, velocity
        state.sine[i], state.cosine[i] = sin(theta), cos(theta)

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state = &self.state
        pendulum_step(last - first, self.g, state.theta + first, state.velocity + first, state.sine + first,
                      state.cosine + first, &self.actions[first, 0], &self.observations[first, 0],
                      &self.rewards[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state.cosine[i]
        self.observations[i, 1] = self.state.sine[i]
        self.observations[i, 2] = self.state.velocity[i]

    cdef dict state_one(self, Py_ssize_t i):
        return {"theta": self.state.theta[i], "velocity": self.state.velocity[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        canvas.clear(0xF4F1EA)
        canvas.disc(200, 200, 170, 0xE8E2D4)
        canvas.line(200, 200, 200 - 150 * self.state.sine[i], 200 - 150 * self.state.cosine[i], 26, 0xE07A5F)
        canvas.disc(200, 200, 7, 0x3D405B)
        return 0


cdef class _PlainPendulum(Pendulum):
    """Pendulum by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
