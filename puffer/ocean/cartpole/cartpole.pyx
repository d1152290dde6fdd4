"""CartPole: keep a pole upright on a cart that is pushed left or right.

Observation   float32 (4,): cart position, cart velocity, pole angle in radians, pole angular velocity.
Action        Discrete(2): 0 push left, 1 push right, with a force of 10 N.
Reward        1 for every step, the last one included.
Terminated    when the cart leaves [-2.4, 2.4] or the pole leaves [-12, 12] degrees.
Truncated     after 500 steps, or max_steps if given.
Start         the four values uniform in [-0.05, 0.05).
Copies        may have their own `gravity`, `masscart`, `masspole`, `length` (half of the pole's), `force_mag` and `tau`
              from their next episode on: `env.set_next(copies, gravity=...)`. The bounds of the observation and the
              ends of episodes stay.
Source        Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
              control problems"; constants, integrator and spaces of Gymnasium's CartPole-v1, in float32.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport M_PI, cos, fabs, sin

from puffer import checks

from puffer cimport Canvas, Env, int32_t, int64_t, memcmp, rng_uniform, uint8_t

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

# Of one copy, in the order of NAMES, which are those of Gymnasium's CartPole.
cdef struct Physics:
    double gravity, cart_mass, pole_mass, half_length, force, seconds

NAMES = ("gravity", "masscart", "masspole", "length", "force_mag", "tau")
cdef Physics STANDARD = Physics(GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH, FORCE, SECONDS)

# The physics of a copy where it is not the standard, and those that its next episode begins with.
cdef struct Own:
    Physics now
    Physics coming
    bint is_own
    bint has_coming

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
    # A pole beyond its end falls on: numbers, whatever they are, that the reset replaces.
    steps_ended = True
    render_size = (600, 400)
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State state
    cdef Own* own
    # Whether any copy may have its own physics, now or in its next episode.
    cdef bint has_own

    def __init__(self, num_envs=1, **options):
        # Gymnasium's bounds: twice the thresholds, so that the last observation of an episode lies inside.
        high = np.array([2 * TRACK_END, np.inf, 2 * MAX_ANGLE, np.inf], np.float32)
        super().__init__(num_envs, spaces.Box(-high, high), spaces.Discrete(2), observes_in_step=True, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state.x = <float*>self.new_state(sizeof(float))
        self.state.x_dot = <float*>self.new_state(sizeof(float))
        self.state.theta = <float*>self.new_state(sizeof(float))
        self.state.theta_dot = <float*>self.new_state(sizeof(float))
        self.own = <Own*>self.new_state(sizeof(Own))

    # Final, so that `reset_copies` calls it directly.
    @cython.final
    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        if self.has_own and self.own[i].has_coming:
            self._take_coming(&self.own[i])
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
        cdef Physics* p = &self.own[i].now if self.own[i].is_own else &STANDARD
        cdef double sine = sin(state.theta[i]), cosine = cos(state.theta[i])
        cdef double x_dot = state.x_dot[i], theta_dot = state.theta_dot[i]
        cdef double mass = p.cart_mass + p.pole_mass
        cdef double force = p.force if self.actions[i] == RIGHT else -p.force
        # The accelerations of cart and pole, without friction.
        cdef double drive = (force + p.pole_mass * p.half_length * theta_dot * theta_dot * sine) / mass
        cdef double theta_acceleration = (p.gravity * sine - drive * cosine) / (
            p.half_length * (4.0 / 3 - p.pole_mass * cosine * cosine / mass))
        cdef double x_acceleration = drive - p.pole_mass * p.half_length * theta_acceleration * cosine / mass
        state.x[i] += p.seconds * x_dot
        state.x_dot[i] += p.seconds * x_acceleration
        state.theta[i] += p.seconds * theta_dot
        state.theta_dot[i] += p.seconds * theta_acceleration
        self.rewards[i] = 1
        self.terminations[i] = fabs(state.x[i]) > TRACK_END or fabs(state.theta[i]) > MAX_ANGLE

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        if not self.has_own:
            self._step_standard(first, last)
            return
        for i in range(first, last):
            if self.own[i].is_own:
                self.step_one(i)
                self.observe(i)
            else:
                self._step_standard(i, i + 1)

    cdef void _step_standard(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef State* state = &self.state
        cartpole_step(last - first, state.x + first, state.x_dot + first, state.theta + first, state.theta_dot + first,
                      &self.actions[first], &self.observations[first, 0], &self.rewards[first],
                      &self.terminations[first])

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state.x[i]
        self.observations[i, 1] = self.state.x_dot[i]
        self.observations[i, 2] = self.state.theta[i]
        self.observations[i, 3] = self.state.theta_dot[i]

    # ---- Physics of single copies ----

    cdef void _take_coming(self, Own* own) noexcept nogil:
        own.now = own.coming
        own.has_coming = False
        own.is_own = memcmp(&own.now, &STANDARD, sizeof(Physics)) != 0

    def set_next_parameters(self, copies, parameters):
        """Set numbers of `NAMES` for the next episodes of copies: 1e-3 to 1e3, tau up to 1, gravity from 0."""
        cdef Py_ssize_t i, k
        cdef Own* own
        checks.arguments("set_next() of CartPole", parameters, NAMES)
        values = {name: [checks.number(name, value, 0 if name == "gravity" else 1e-3, 1 if name == "tau" else 1e3)
                         for value in given] for name, given in parameters.items()}
        copies = [checks.integer("copy", copy, 0, self.num_copies - 1) for copy in copies]
        self.has_own = True
        for k, i in enumerate(copies):
            own = &self.own[i]
            if not own.has_coming:
                own.coming = own.now if own.is_own else STANDARD
            for name, given in values.items():
                (<double*>&own.coming)[<Py_ssize_t>NAMES.index(name)] = given[k]
            own.has_coming = True

    def parameters_of(self, copy):
        """The numbers of `NAMES` in the episode of a copy."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        cdef Physics* physics = &self.own[i].now if self.own[i].is_own else &STANDARD
        return {name: (<double*>physics)[k] for k, name in enumerate(NAMES)}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        if self.own[i].is_own or self.own[i].has_coming:
            self.has_own = True

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
