"""The base class of MountainCar and MountainCarContinuous, which differ in their actions, rewards and goals."""
import numpy as np
from gymnasium import spaces

from libc.math cimport cos, hypot, sin

from puffer import checks

from puffer cimport Canvas, Env, rng_uniform

cdef double GRAVITY = 0.0025        # change of the velocity in a step, on the steepest slope
cdef double LEFT_WALL = -1.2
cdef double RIGHT_END = 0.6
cdef double MAX_SPEED = 0.07


cdef class Hill(Env):
    """Hill(num_envs, action_space, goal, goal_velocity, **options)
--

A weak car in a valley of the height sin(3 * position), with a wall on the left and a flag on the right.

Parameters
----------
num_envs : int
    Number of copies.
action_space : gymnasium.spaces.Space
    Of one agent.
goal : float
    Position of the flag.
goal_velocity : float
    Least velocity with which the goal counts, 0 to 0.07.
**options
    The options of `puffer.Env`.
"""

    render_size = (600, 400)

    def __init__(self, num_envs, action_space, goal, goal_velocity, **options):
        goal_velocity = checks.number("goal_velocity", goal_velocity, 0, MAX_SPEED)
        low, high = [LEFT_WALL, -MAX_SPEED], [RIGHT_END, MAX_SPEED]
        view = spaces.Box(np.array(low, np.float32), np.array(high, np.float32))
        super().__init__(num_envs, view, action_space, observes_in_step=True, **options)
        self.goal, self.goal_velocity = goal, goal_velocity
        self.state.position = <float*>self.new_state(sizeof(float))
        self.state.velocity = <float*>self.new_state(sizeof(float))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state.position[i] = rng_uniform(&self.rng[i], -0.6, -0.4)
        self.state.velocity[i] = 0

    cdef void push(self, Py_ssize_t i, double force) noexcept nogil:
        """Move the car for a step. A force of 1 changes its velocity by 1."""
        cdef double position = self.state.position[i]
        cdef double velocity = self.state.velocity[i] + force - GRAVITY * cos(3 * position)
        velocity = min(max(velocity, -MAX_SPEED), MAX_SPEED)
        position = min(max(position + velocity, LEFT_WALL), RIGHT_END)
        if position == LEFT_WALL and velocity < 0:
            velocity = 0
        self.state.position[i] = position
        self.state.velocity[i] = velocity

    cdef bint has_arrived(self, Py_ssize_t i) noexcept nogil:
        return self.state.position[i] >= self.goal and self.state.velocity[i] >= self.goal_velocity

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state.position[i]
        self.observations[i, 1] = self.state.velocity[i]

    cdef dict state_one(self, Py_ssize_t i):
        return {"position": self.state.position[i], "velocity": self.state.velocity[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef double[2 * 63] ground
        cdef double car = self.state.position[i], along_x = 600 / 1.8, along_y = -450 * cos(3 * car)
        cdef double length = hypot(along_x, along_y), x, y
        cdef int k
        canvas.clear(0xF4F1EA)
        x, y = _x(self.goal), _y(self.goal)
        canvas.line(x, y, x, y - 48, 3, 0x3D405B)
        canvas.rectangle(x, y - 50, x + 26, y - 34, 0xF2CC8F)
        for k in range(61):
            x = LEFT_WALL + (RIGHT_END - LEFT_WALL) * k / 60
            ground[2 * k], ground[2 * k + 1] = _x(x), _y(x)
        ground[122], ground[123], ground[124], ground[125] = 600, 400, 0, 400
        canvas.polygon(ground, 63, 0x81B29A)
        # (along_y, -along_x) is the way up from the slope, on which the car stands on two wheels.
        along_x, along_y = along_x / length, along_y / length
        x, y = _x(car) + 8 * along_y, _y(car) - 8 * along_x
        canvas.line(x + 7 * along_y - 14 * along_x, y - 7 * along_x - 14 * along_y,
                    x + 7 * along_y + 14 * along_x, y - 7 * along_x + 14 * along_y, 14, 0xE07A5F)
        canvas.disc(x - 12 * along_x, y - 12 * along_y, 8, 0x3D405B)
        canvas.disc(x + 12 * along_x, y + 12 * along_y, 8, 0x3D405B)
        return 0


cdef double _x(double position) noexcept nogil:
    return (position - LEFT_WALL) / (RIGHT_END - LEFT_WALL) * 600


cdef double _y(double position) noexcept nogil:
    return 215 - 150 * sin(3 * position)
