"""Breakout: keep a ball in play with a paddle and break walls of bricks.

Observation   float32 (9 + brick_rows * brick_columns,): paddle's middle and width; ball's x, y, velocity in x and in y,
              and speed at its next return; lives left; score; all as fractions of their largest value, in [-1, 1] for
              the velocity and in [0, 1] for the others. Then for each brick, row by row from the top, 1 if it stands.
Action        Discrete(3): 0 stay, 1 left, 2 right, throughout the `frameskip` frames of a step.
Reward        1, 1, 4, 4, 7, 7, ... points for a brick of the first, second, ... row from the bottom; 864 by default.
Terminated    when the last life is lost, or the last wall is cleared.
Truncated     after 27000 steps, or max_steps if given.
Start         all bricks, the paddle in the middle, and a ball served: from the middle of the field, half-way from the
              bricks to the paddle, ball_speed down and, uniformly at random, -ball_speed to ball_speed across.
Rules         A brick is 512 wide and 384 high; the field, as wide as the bricks, goes on for 1536 above them and 6144
              below, to the paddle. The ball is a point. In a frame the paddle moves, then the ball along x, then along
              y. Sides and top mirror it. Where it would enter a brick, the brick breaks, and the ball stays in its
              place along that axis and turns back. Where it would reach the paddle's height, it is returned if it is at
              most half the paddle's width from its middle, and lost otherwise. A return adds a twelfth of
              max_ball_speed - ball_speed, rounded up, to the speed, up to max_ball_speed; the ball then climbs at that
              speed, and moves across at speed * (x - middle) / half width, rounded towards 0. A brick of the upper
              brick_rows // 2 rows sets the speed of the next return to max_ball_speed. Touching the top halves the
              paddle until the ball is lost; the next is served at once, and the paddle stays in its place. A cleared
              wall is replaced at the next return, until `walls` have been. Halves are rounded down.
Source        Atari's Breakout of 1976 as on the Atari 2600: points, walls, lives. Physics and numbers are new.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

cpdef enum Action:
    STAY
    LEFT
    RIGHT

cdef enum:
    BRICK_WIDTH = 512, BRICK_HEIGHT = 384, WALL_TOP = 1536, FREE_BELOW = 6144
    MAX_ROWS = 16, NUMBERS = 9

_COLOURS = (0xC8553D, 0xD98841, 0xD9B44A, 0x6A994E, 0x3D8B9E, 0x5D6FA8)

cdef struct State:
    # Observed, in this order; the speed is that of the next return, before it is raised.
    int32_t paddle, half_width, x, y, vx, vy, speed, lives, score
    # Walls left, with the one that stands; how many of its bricks stand.
    int32_t walls, standing
    # A bit for each row that the observation does not show yet; in each row, a bit for each brick that stands.
    uint32_t changed
    uint32_t bricks[MAX_ROWS]


@cython.final
cdef class Breakout(Env):
    """Breakout(num_envs=1, *, frameskip=4, brick_rows=6, brick_columns=18, walls=2, lives=5, paddle_width=1024,
         paddle_speed=160, ball_speed=96, max_ball_speed=192, **options)
--

`frameskip` (1 to 64), `brick_rows` (1 to 16), `brick_columns` (1 to 32), `walls` and `lives` (1 to 100); in the units
of the rules `paddle_width` (4 to 512 * brick_columns - 1), `paddle_speed` (1 to 4096), `ball_speed` (1 to
max_ball_speed) and `max_ball_speed` (1 to 383, so that no ball passes through a brick). The options are those of
`puffer.Env`. See the module's docstring for the rules.
"""

    default_max_steps = 27000
    statistic_names = ("score", "bricks")
    cdef readonly int frameskip, brick_rows, brick_columns, walls, lives
    cdef readonly int half_width, paddle_speed, ball_speed, max_ball_speed
    # The largest x, the first y below the bricks, the y of the paddle; what a return adds to the speed.
    cdef int right, wall_bottom, floor, gain
    # Of the observed numbers: one over the largest value.
    cdef float scales[NUMBERS]
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* states

    def __init__(self, num_envs=1, *, frameskip=4, brick_rows=6, brick_columns=18, walls=2, lives=5, paddle_width=1024,
                 paddle_speed=160, ball_speed=96, max_ball_speed=192, **options):
        self.require_unmade()
        self.frameskip = checks.integer("frameskip", frameskip, 1, 64)
        self.brick_rows = checks.integer("brick_rows", brick_rows, 1, MAX_ROWS)
        self.brick_columns = checks.integer("brick_columns", brick_columns, 1, 32)
        self.walls = checks.integer("walls", walls, 1, 100)
        self.lives = checks.integer("lives", lives, 1, 100)
        self.half_width = checks.integer("paddle_width", paddle_width, 4, BRICK_WIDTH * self.brick_columns - 1) // 2
        self.paddle_speed = checks.integer("paddle_speed", paddle_speed, 1, 4096)
        self.max_ball_speed = checks.integer("max_ball_speed", max_ball_speed, 1, BRICK_HEIGHT - 1)
        self.ball_speed = checks.integer("ball_speed", ball_speed, 1, self.max_ball_speed)
        self.gain = (self.max_ball_speed - self.ball_speed + 11) // 12
        self.right = BRICK_WIDTH * self.brick_columns - 1
        self.wall_bottom = WALL_TOP + BRICK_HEIGHT * self.brick_rows
        self.floor = self.wall_bottom + FREE_BELOW
        most = self.walls * self.brick_columns * sum(1 + 3 * (row // 2) for row in range(self.brick_rows))
        largest = (self.right, self.half_width, self.right, self.floor, *3 * [self.max_ball_speed], self.lives, most)
        # However n * (1 / n) is rounded, it is at most 1 for a whole number n.
        self.scales = [1.0 / number for number in largest]
        low = np.array([0, 0, 0, 0, -1, -1, 0, 0, 0, *self.brick_rows * self.brick_columns * [0]], np.float32)
        key = (self.brick_rows, self.brick_columns, self.walls, *largest)
        super().__init__(num_envs, spaces.Box(low, np.float32(1)), spaces.Discrete(3), observes_in_step=True,
                         snapshot_key=key, **options)
        self.states = <State*>self.new_state(sizeof(State))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        state.paddle, state.lives, state.score, state.walls = self.right // 2, self.lives, 0, self.walls
        self._raise_wall(state)
        self._serve(i)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef int frames = self.frameskip, action = self.actions[i]
        cdef int push = self.paddle_speed * ((action == RIGHT) - (action == LEFT))
        cdef int x = state.x + frames * state.vx, y = state.y + frames * state.vy
        # In most steps the ball meets nothing: all its path lies between the bricks, the paddle and the sides.
        if state.y >= self.wall_bottom and self.wall_bottom <= y < self.floor and 0 <= x <= self.right:
            state.x, state.y = x, y
            self._push_paddle(state, frames * push)
            return
        while frames and not self.terminations[i]:
            frames -= 1
            self._push_paddle(state, push)
            self._move_ball(i)

    cdef inline void _push_paddle(self, State* state, int push) noexcept nogil:
        state.paddle = min(max(state.paddle + push, state.half_width), self.right - state.half_width)

    cdef inline void _move_ball(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef int x = state.x + state.vx, y = state.y + state.vy
        if x < 0 or x > self.right:
            x = -x if x < 0 else 2 * self.right - x
            state.vx = -state.vx
        if self._break_brick(i, x, state.y):
            state.vx = -state.vx
        else:
            state.x = x
        if y >= self.floor:
            self._return_or_lose_ball(i, y)
        elif y < 0:
            state.y, state.vy = -y, -state.vy
            state.half_width = self.half_width // 2
        elif self._break_brick(i, state.x, y):
            state.vy = -state.vy
        else:
            state.y = y

    cdef inline bint _break_brick(self, Py_ssize_t i, int x, int y) noexcept nogil:
        """Break the brick at (x, y); False if none stands there."""
        cdef State* state = &self.states[i]
        cdef int row = (y - WALL_TOP) // BRICK_HEIGHT, points = 1 + 3 * ((self.brick_rows - 1 - row) // 2)
        cdef uint32_t brick = <uint32_t>1 << (x // BRICK_WIDTH)
        if y < WALL_TOP or y >= self.wall_bottom or not state.bricks[row] & brick:
            return False
        state.bricks[row] ^= brick
        state.changed |= <uint32_t>1 << row
        state.standing -= 1
        state.score += points
        self.rewards[i] += points
        self.statistics[i, 0] += points
        self.statistics[i, 1] += 1
        if row < self.brick_rows // 2:
            state.speed = self.max_ball_speed
        self.terminations[i] = state.standing == 0 and state.walls == 1
        return True

    cdef void _return_or_lose_ball(self, Py_ssize_t i, int y) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef int offset = state.x - state.paddle
        if -state.half_width <= offset <= state.half_width:
            state.speed = min(state.speed + self.gain, self.max_ball_speed)
            state.vx, state.vy = state.speed * offset // state.half_width, -state.speed
            state.y = 2 * self.floor - y
            if state.standing == 0:
                state.walls -= 1
                self._raise_wall(state)
            return
        state.lives -= 1
        self.terminations[i] = state.lives == 0
        if state.lives:
            self._serve(i)

    cdef void _serve(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        state.half_width, state.speed = self.half_width, self.ball_speed
        self._push_paddle(state, 0)
        state.x, state.y = self.right // 2, self.floor - FREE_BELOW // 2
        state.vx, state.vy = rng_below(&self.rng[i], 2 * self.ball_speed + 1) - self.ball_speed, self.ball_speed

    cdef void _raise_wall(self, State* state) noexcept nogil:
        cdef int row
        state.standing = self.brick_rows * self.brick_columns
        for row in range(self.brick_rows):
            state.bricks[row] = <uint32_t>((<uint64_t>1 << self.brick_columns) - 1)
        state.changed = (<uint32_t>1 << self.brick_rows) - 1

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.states[i]
        cdef float* numbers = &self.observations[i, 0]
        cdef uint32_t changed = state.changed if self.retained else 0xFFFFFFFF
        cdef int k, row, column
        for k in range(NUMBERS):
            numbers[k] = (&state.paddle)[k] * self.scales[k]
        for row in range(self.brick_rows if changed else 0):
            if changed >> row & 1:
                for column in range(self.brick_columns):
                    numbers[NUMBERS + row * self.brick_columns + column] = state.bricks[row] >> column & 1
        state.changed = 0

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    def state(self, copy=0):
        """The game of a copy as a dict: its numbers, lengths in units, and `bricks`, a bool array (rows, columns)."""
        self.require_settled("state")
        fields = dict(self.states[checks.integer("copy", copy, 0, self.num_copies - 1)])
        del fields["changed"]
        bricks = [[row >> column & 1 for column in range(self.brick_columns)] for row in fields["bricks"]]
        return {**fields, "bricks": np.array(bricks[:self.brick_rows], np.bool_)}

    @property
    def render_size(self):
        return 24 * self.brick_columns + 24, self.floor // 20 + 60

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State* state = &self.states[i]
        cdef double pixel = 24.0 / BRICK_WIDTH, floor = 36 + pixel * self.floor, reach = pixel * state.half_width, x, y
        canvas.clear(0x2A3440)
        canvas.rectangle(12, 36, canvas.width - 12, canvas.height, 0x101820)
        canvas.text(12, 11, 14, b"%d   lives %d" % (state.score, state.lives), 0xF4F1EA)
        for row in range(self.brick_rows):
            for column in range(self.brick_columns):
                if state.bricks[row] >> column & 1:
                    x, y = 12 + 24 * column, 36 + pixel * (WALL_TOP + BRICK_HEIGHT * row)
                    canvas.rectangle(x + 2, y + 2, x + 22, y + 16, _COLOURS[row % len(_COLOURS)])
        x = 12 + pixel * state.paddle
        canvas.rectangle(x - reach + 2, floor + 3, x + reach - 2, floor + 12, 0x2EC4B6)
        canvas.disc(12 + pixel * state.x, 36 + pixel * state.y, 4, 0xF4F1EA)
        return 0
