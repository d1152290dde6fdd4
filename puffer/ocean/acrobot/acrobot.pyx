"""Acrobot: swing the free end of a two-link chain above a line, with a motor in the joint between the links only.

Observation   float32 (6,): cosine and sine of theta1 (of the first link, 0 is down), cosine and sine of theta2 (of the
              second link relative to the first), angular velocity of theta1 in [-4 pi, 4 pi], of theta2 in
              [-9 pi, 9 pi].
Action        Discrete(3): 0 torque -1, 1 no torque, 2 torque +1.
Reward        -1 for every step, but 0 for the one that terminates.
Terminated    when the free end is more than the length of a link above the fixed one:
              -cos(theta1) - cos(theta1 + theta2) > 1.
Truncated     after 500 steps, or max_steps if given.
Start         both angles and both angular velocities uniform in [-0.1, 0.1).
Source        Sutton 1996, "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse Coding";
              constants, integrator (one Runge-Kutta step of 0.2 s) and spaces of Gymnasium's Acrobot-v1, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

from libc.math cimport M_PI, cos, remainder, sin

from puffer cimport Canvas, Env, int32_t, rng_uniform, uint8_t

cdef extern from "puffer/ocean/acrobot/acrobot.h" nogil:
    void acrobot_step(Py_ssize_t n, float coupling, float* theta1, float* theta2, float* velocity1, float* velocity2,
                      float* sine1, float* cosine1, float* sine2, float* cosine2, const int32_t* actions, float* rows,
                      float* rewards, uint8_t* raised)
    void sine_cosine(float angle, float* sine, float* cosine)

cpdef enum Action:
    NEGATIVE
    NONE
    POSITIVE

# Of each of the two links.
cdef double MASS = 1.0              # kg
cdef double LENGTH = 1.0            # m
cdef double CENTRE = 0.5            # m, from the joint to the centre of mass
cdef double INERTIA = 1.0           # kg m^2, around the centre of mass

cdef double GRAVITY = 9.8           # m/s^2
cdef double TORQUE = 1.0            # N m
cdef double SECONDS = 0.2           # in a step
cdef double MAX_SPEED1 = 4 * M_PI   # rad/s
cdef double MAX_SPEED2 = 9 * M_PI

# An array of each number, with an item per copy.
cdef struct State:
    float* theta1       # angle of the first link from down, rad, -pi to pi
    float* theta2       # angle of the second link relative to the first, rad, -pi to pi
    float* velocity1    # rad/s
    float* velocity2
    float* sine1        # of theta1
    float* cosine1
    float* sine2        # of theta2
    float* cosine2

# The chain of one copy, or its change in a second.
cdef struct Chain:
    double theta1
    double theta2
    double velocity1
    double velocity2


cdef Chain _change(Chain chain, double torque, bint is_book) noexcept nogil:
    """The equations of motion of Sutton and Barto's book, or of the paper, which lacks a term."""
    cdef double sine2 = sin(chain.theta2), cosine2 = cos(chain.theta2)
    cdef double v1 = chain.velocity1, v2 = chain.velocity2
    cdef double d1 = (MASS * CENTRE ** 2 + MASS * (LENGTH ** 2 + CENTRE ** 2 + 2 * LENGTH * CENTRE * cosine2)
                      + 2 * INERTIA)
    cdef double d2 = MASS * (CENTRE ** 2 + LENGTH * CENTRE * cosine2) + INERTIA
    cdef double phi2 = MASS * CENTRE * GRAVITY * sin(chain.theta1 + chain.theta2)
    cdef double phi1 = ((MASS * CENTRE + MASS * LENGTH) * GRAVITY * sin(chain.theta1) + phi2
                        - MASS * LENGTH * CENTRE * (v2 * v2 + 2 * v1 * v2) * sine2)
    cdef double coupling = MASS * LENGTH * CENTRE * v1 * v1 * sine2 if is_book else 0
    cdef double acceleration2 = (torque + d2 / d1 * phi1 - coupling - phi2) / (
        MASS * CENTRE ** 2 + INERTIA - d2 * d2 / d1)
    return Chain(v1, v2, -(d2 * acceleration2 + phi1) / d1, acceleration2)


cdef Chain _after(Chain chain, double seconds, Chain change) noexcept nogil:
    return Chain(chain.theta1 + seconds * change.theta1, chain.theta2 + seconds * change.theta2,
                 chain.velocity1 + seconds * change.velocity1, chain.velocity2 + seconds * change.velocity2)


cdef class Acrobot(Env):
    """Acrobot(num_envs=1, *, book_or_nips="book", **options)
--

A chain of two links with a motor between them. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
book_or_nips : {"book", "nips"}
    The equations of motion: those of Sutton and Barto's book, or of the paper of 1996, which lacks a term.
**options
    The options of `puffer.Env`.

Attributes
----------
book_or_nips : str
    The parameter.
"""

    default_max_steps = 500
    reward_threshold = -100.0
    render_size = (400, 400)
    cdef readonly str book_or_nips
    cdef bint is_book
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State state

    def __init__(self, num_envs=1, *, book_or_nips="book", **options):
        if book_or_nips not in ("book", "nips"):
            raise ValueError(f"book_or_nips must be 'book' or 'nips', got {book_or_nips!r}")
        high = np.array([1, 1, 1, 1, MAX_SPEED1, MAX_SPEED2], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Discrete(3), observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.book_or_nips = str(book_or_nips)
        self.is_book = book_or_nips == "book"
        self.state.theta1 = <float*>self.new_state(sizeof(float))
        self.state.theta2 = <float*>self.new_state(sizeof(float))
        self.state.velocity1 = <float*>self.new_state(sizeof(float))
        self.state.velocity2 = <float*>self.new_state(sizeof(float))
        self.state.sine1 = <float*>self.new_state(sizeof(float))
        self.state.cosine1 = <float*>self.new_state(sizeof(float))
        self.state.sine2 = <float*>self.new_state(sizeof(float))
        self.state.cosine2 = <float*>self.new_state(sizeof(float))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        state.theta1[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        state.theta2[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        state.velocity1[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        state.velocity2[i] = rng_uniform(&self.rng[i], -0.1, 0.1)
        sine_cosine(state.theta1[i], &state.sine1[i], &state.cosine1[i])
        sine_cosine(state.theta2[i], &state.sine2[i], &state.cosine2[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        cdef int action = self.actions[i]
        cdef double torque = TORQUE * ((action == POSITIVE) - (action == NEGATIVE))
        cdef Chain chain = Chain(state.theta1[i], state.theta2[i], state.velocity1[i], state.velocity2[i])
        # One step of Runge and Kutta's method.
        cdef Chain k1 = _change(chain, torque, self.is_book)
        cdef Chain k2 = _change(_after(chain, SECONDS / 2, k1), torque, self.is_book)
        cdef Chain k3 = _change(_after(chain, SECONDS / 2, k2), torque, self.is_book)
        cdef Chain k4 = _change(_after(chain, SECONDS, k3), torque, self.is_book)
        chain = _after(_after(chain, SECONDS / 6, k1), SECONDS / 3, k2)
        chain = _after(_after(chain, SECONDS / 3, k3), SECONDS / 6, k4)
        state.theta1[i], state.theta2[i] = remainder(chain.theta1, 2 * M_PI), remainder(chain.theta2, 2 * M_PI)
        state.velocity1[i] = min(max(chain.velocity1, -MAX_SPEED1), MAX_SPEED1)
        state.velocity2[i] = min(max(chain.velocity2, -MAX_SPEED2), MAX_SPEED2)
        state.sine1[i], state.cosine1[i] = sin(chain.theta1), cos(chain.theta1)
        state.sine2[i], state.cosine2[i] = sin(chain.theta2), cos(chain.theta2)
        self.terminations[i] = -cos(chain.theta1) - cos(chain.theta1 + chain.theta2) > 1
        self.rewards[i] = 0 if self.terminations[i] else -1

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state = &self.state
        cdef float coupling = MASS * LENGTH * CENTRE if self.is_book else 0
        acrobot_step(last - first, coupling, state.theta1 + first, state.theta2 + first, state.velocity1 + first,
                     state.velocity2 + first, state.sine1 + first, state.cosine1 + first, state.sine2 + first,
                     state.cosine2 + first, &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                     &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state.cosine1[i]
        self.observations[i, 1] = self.state.sine1[i]
        self.observations[i, 2] = self.state.cosine2[i]
        self.observations[i, 3] = self.state.sine2[i]
        self.observations[i, 4] = self.state.velocity1[i]
        self.observations[i, 5] = self.state.velocity2[i]

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state
        return {"theta1": state.theta1[i], "theta2": state.theta2[i], "velocity1": state.velocity1[i],
                "velocity2": state.velocity2[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double theta1 = self.state.theta1[i], theta2 = self.state.theta2[i]
        cdef double x = 200 + 88 * sin(theta1), y = 200 + 88 * cos(theta1)
        canvas.clear(0xF4F1EA)
        canvas.line(0, 112, 400, 112, 2, 0x3D405B)
        canvas.line(200, 200, x, y, 16, 0x81B29A)
        canvas.line(x, y, x + 88 * sin(theta1 + theta2), y + 88 * cos(theta1 + theta2), 16, 0xE07A5F)
        canvas.disc(200, 200, 6, 0x3D405B)
        canvas.disc(x, y, 6, 0x3D405B)
        return 0


cdef class _PlainAcrobot(Acrobot):
    """Acrobot by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
