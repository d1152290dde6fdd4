"""CartPole: keep a pole upright on a cart that is pushed left or right.

Observation   float32 (4,): cart position, cart velocity, pole angle in radians, pole angular velocity.
Action        Discrete(2): 0 push left, 1 push right, with a force of 10 N.
Reward        1 for every step, the last one included.
Terminated    when the cart leaves [-2.4, 2.4] or the pole leaves [-12, 12] degrees.
Truncated     after 500 steps, or max_steps if given.
Start         the four values uniform in [-0.05, 0.05).
Source        Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
              control problems"; constants, integrator and spaces of Gymnasium's CartPole-v1, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport M_PI, cos, fabs, sin
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_uniform

import_puffer()

cdef extern from "puffer/ocean/cartpole/cartpole.h" nogil:
    void cartpole_step(Py_ssize_t n, float* x, float* x_dot, float* theta, float* theta_dot, const int32_t* actions,
                       float* rows, float* rewards, uint8_t* fell)

cpdef enum Action:
    LEFT
    RIGHT

cdef double GRAVITY = 9.8            # m/s^2
cdef double CART_MASS = 1.0          # kg
cdef double POLE_MASS = 0.1          # kg
cdef double HALF_LENGTH = 0.5        # m, of the pole
cdef double FORCE = 10.0             # N
cdef double SECONDS = 0.02           # in a step
cdef double TRACK_END = 2.4          # m, from the middle
cdef double MAX_ANGLE = 12 * M_PI / 180

# An array of each number, with an item per copy.
cdef struct State:
    float* x            # position of the cart, m
    float* x_dot        # m/s
    float* theta        # angle of the pole from upright, to the right, rad
    float* theta_dot    # rad/s


cdef class CartPole(Env):
    """CartPole(num_envs=1, **options)
--

A pole on a cart. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
**options
    The options of `puffer.Env`.
"""

    default_max_steps = 500
    reward_threshold = 475.0
    render_size = (600, 400)
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State state

    def __init__(self, num_envs=1, **options):
        # Gymnasium's bounds: twice the thresholds, so that the last observation of an episode lies inside.
        high = np.array([2 * TRACK_END, np.inf, 2 * MAX_ANGLE, np.inf], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Discrete(2), observes_in_step=True, **options)
        self.state.x = <float*>self.new_state(sizeof(float))
        self.state.x_dot = <float*>self.new_state(sizeof(float))
        self.state.theta = <float*>self.new_state(sizeof(float))
        self.state.theta_dot = <float*>self.new_state(sizeof(float))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    # Final, so that `reset_copies` calls it directly.
    @cython.final
    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state.x[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.state.x_dot[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.state.theta[i] = rng_uniform(&self.rng[i], -0.05, 0.05)
        self.state.theta_dot[i] = rng_uniform(&self.rng[i], -0.05, 0.05)

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        cdef double sine = sin(state.theta[i]), cosine = cos(state.theta[i])
        cdef double x_dot = state.x_dot[i], theta_dot = state.theta_dot[i]
        cdef double mass = CART_MASS + POLE_MASS
        cdef double force = FORCE if self.actions[i] == RIGHT else -FORCE
        # The accelerations of cart and pole, without friction.
        cdef double drive = (force + POLE_MASS * HALF_LENGTH * theta_dot * theta_dot * sine) / mass
        cdef double theta_acceleration = (GRAVITY * sine - drive * cosine) / (
            HALF_LENGTH * (4.0 / 3 - POLE_MASS * cosine * cosine / mass))
        cdef double x_acceleration = drive - POLE_MASS * HALF_LENGTH * theta_acceleration * cosine / mass
        state.x[i] += SECONDS * x_dot
        state.x_dot[i] += SECONDS * x_acceleration
        state.theta[i] += SECONDS * theta_dot
        state.theta_dot[i] += SECONDS * theta_acceleration
        self.rewards[i] = 1
        self.terminations[i] = fabs(state.x[i]) > TRACK_END or fabs(state.theta[i]) > MAX_ANGLE

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state = &self.state
        cartpole_step(last - first, state.x + first, state.x_dot + first, state.theta + first, state.theta_dot + first,
                      &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                      &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state.x[i]
        self.observations[i, 1] = self.state.x_dot[i]
        self.observations[i, 2] = self.state.theta[i]
        self.observations[i, 3] = self.state.theta_dot[i]

    cdef dict state_one(self, Py_ssize_t i):
        return {"x": self.state.x[i], "x_dot": self.state.x_dot[i], "theta": self.state.theta[i],
                "theta_dot": self.state.theta_dot[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double scale = 600 / (2 * 2.4), axle = 290, theta = self.state.theta[i]
        cdef double cart = 300 + self.state.x[i] * scale
        canvas.clear(0xF4F1EA)
        canvas.line(0, 315, 600, 315, 2, 0x3D405B)
        canvas.rectangle(cart - 35, axle, cart + 35, axle + 25, 0x3D405B)
        canvas.line(cart, axle, cart + scale * sin(theta), axle - scale * cos(theta), 10, 0xE07A5F)
        canvas.disc(cart, axle, 6, 0x81B29A)
        return 0


cdef class _PlainCartPole(CartPole):
    """CartPole by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
