"""Breakout: keep a ball in play with a paddle and break walls of bricks.

Observation   float32 (9 + brick_rows * brick_columns,): the middle and the width of the paddle; the ball's x, y,
              velocity in x and in y, and speed at its next return; lives left; score; each as a fraction of its largest
              value, in [-1, 1] for the velocities and in [0, 1] for the others. Then 1 for each brick that stands, row
              by row from the top, and 0 for the others.
Action        Discrete(3): 0 stay, 1 left, 2 right, throughout the `frameskip` frames of a step.
Reward        1, 1, 4, 4, 7, 7, ... points for a brick of the first, second, ... row from the bottom; by default 864 in
              a game.
Terminated    when the last life is lost, or the last wall is cleared.
Truncated     after 27000 steps, or max_steps if given.
Start         all bricks, the paddle in the middle, and a ball served from the middle of the field, half-way from the
              bricks to the paddle. It moves ball_speed down and, uniformly at random, -ball_speed to ball_speed across.
Rules         A brick is 512 wide and 384 high. The field is as wide as the wall and continues for 1536 above it and
              6144 below it, down to the paddle. The ball is a point. In a frame the paddle moves, then the ball along
              x, then along y. The sides and the top mirror it. Where it would enter a brick, the brick breaks, and the
              ball keeps its coordinate on that axis and turns back. Where it would reach the paddle's height, it is
              returned if it is at most half the paddle's width from the paddle's middle, and lost otherwise. A return
              adds a twelfth of max_ball_speed - ball_speed, rounded up, to the speed, up to max_ball_speed; the ball
              then climbs at that speed, and moves across at speed * (x - middle) / half width, rounded towards 0. A
              brick of the upper brick_rows // 2 rows sets the speed of the next return to max_ball_speed. When the ball
              touches the top, the paddle halves until the ball is lost. The next ball is served at once, and the paddle
              stays where it is. A cleared wall is replaced at the next return, until there have been `walls` of them.
              Halves are rounded down.
Source        Atari's Breakout of 1976 as on the Atari 2600: points, walls, lives. Physics and numbers are new.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, uint32_t
from puffer.ocean.breakout.field cimport (
    BRICK_HEIGHT, BRICK_WIDTH, FREE_BELOW, MAX_ROWS, Rules, State, WALL_TOP, bricks_left, flies_freely, is_over,
    move_ball, push_paddle, start_game,
)
from puffer.ocean.breakout.picture cimport draw_field, picture_size

cpdef enum Action:
    STAY
    LEFT
    RIGHT

cdef enum:
    # Observed numbers in front of the bricks.
    NUMBERS = 9


@cython.final
cdef class Breakout(Env):
    """Breakout(num_envs=1, *, frameskip=4, brick_rows=6, brick_columns=18, walls=2, lives=5, paddle_width=1024,
         paddle_speed=160, ball_speed=96, max_ball_speed=192, **options)
--

Breakout on whole numbers. Lengths are in the units of the rules, speeds in units per frame. See the module's docstring
for the rules.

Parameters
----------
num_envs : int
    Number of copies.
frameskip : int
    Frames of a step, 1 to 64.
brick_rows, brick_columns : int
    Bricks of a wall, 1 to 16 and 1 to 32.
walls, lives : int
    Walls and lives of a game, 1 to 100.
paddle_width : int
    4 to 512 * brick_columns - 1.
paddle_speed : int
    1 to 4096.
ball_speed : int
    Speed down at a serve, 1 to `max_ball_speed`.
max_ball_speed : int
    1 to 383, so that no ball passes through a brick.
**options
    The options of `puffer.Env`.

Attributes
----------
frameskip, brick_rows, brick_columns, walls, lives, paddle_speed, ball_speed, max_ball_speed : int
    The parameters.
half_width : int
    Half of `paddle_width`, rounded down.

Notes
-----
`state(copy)` has `bricks`, bool (brick_rows, brick_columns), whether each stands, and integers: `paddle`, its middle;
`half_width`; `x`, `y`, `vx` and `vy` of the ball; `speed` of its next return, before it is raised; `lives`; `score`;
`walls` left, with the one that stands; `standing`, the bricks of that.
"""

    default_max_steps = 27000
    draws_changes = True
    statistic_names = ("score", "bricks")
    cdef readonly int frameskip, brick_rows, brick_columns, walls, lives
    cdef readonly int half_width, paddle_speed, ball_speed, max_ball_speed
    cdef Rules rules
    # Of the observed numbers: one over the largest value.
    cdef float scales[NUMBERS]
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, frameskip=4, brick_rows=6, brick_columns=18, walls=2, lives=5, paddle_width=1024,
                 paddle_speed=160, ball_speed=96, max_ball_speed=192, **options):
        cdef Rules rules
        self.require_unmade()
        self.frameskip = checks.integer("frameskip", frameskip, 1, 64)
        self.brick_rows = rules.brick_rows = checks.integer("brick_rows", brick_rows, 1, MAX_ROWS)
        self.brick_columns = rules.brick_columns = checks.integer("brick_columns", brick_columns, 1, 32)
        self.walls = rules.walls = checks.integer("walls", walls, 1, 100)
        self.lives = rules.lives = checks.integer("lives", lives, 1, 100)
        rules.right = BRICK_WIDTH * rules.brick_columns - 1
        self.half_width = rules.half_width = checks.integer("paddle_width", paddle_width, 4, rules.right) // 2
        self.paddle_speed = rules.paddle_speed = checks.integer("paddle_speed", paddle_speed, 1, 4096)
        self.max_ball_speed = checks.integer("max_ball_speed", max_ball_speed, 1, BRICK_HEIGHT - 1)
        self.ball_speed = rules.ball_speed = checks.integer("ball_speed", ball_speed, 1, self.max_ball_speed)
        rules.max_ball_speed = self.max_ball_speed
        # A twelfth, rounded up.
        rules.gain = (rules.max_ball_speed - rules.ball_speed + 11) // 12
        rules.wall_bottom = WALL_TOP + BRICK_HEIGHT * rules.brick_rows
        rules.floor = rules.wall_bottom + FREE_BELOW
        self.rules = rules
        most = self.walls * self.brick_columns * sum(1 + 3 * (row // 2) for row in range(self.brick_rows))
        largest = (rules.right, self.half_width, rules.right, rules.floor, *3 * [self.max_ball_speed], self.lives, most)
        # However n * (1 / n) is rounded, it is at most 1 for a whole number n.
        self.scales = [1.0 / number for number in largest]
        low = np.array([0, 0, 0, 0, -1, -1, 0, 0, 0, *self.brick_rows * self.brick_columns * [0]], np.float32)
        key = (self.brick_rows, self.brick_columns, self.walls, *largest)
        super().__init__(num_envs, spaces.Box(low, np.float32(1)), spaces.Discrete(3), observes_in_step=True,
                         snapshot_key=key, **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.state = <State*>self.new_state(sizeof(State))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        start_game(&self.rules, &self.state[i], &self.rng[i])

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef int frames = self.frameskip, action = self.actions[i]
        cdef int push = self.rules.paddle_speed * ((action == RIGHT) - (action == LEFT))
        cdef int score = state.score, bricks = bricks_left(&self.rules, state)
        # In most steps the ball meets nothing, and its frames are one move.
        if flies_freely(&self.rules, state, frames):
            state.x, state.y = state.x + frames * state.vx, state.y + frames * state.vy
            push_paddle(&self.rules, state, frames * push)
            return
        while frames and not is_over(state):
            frames -= 1
            push_paddle(&self.rules, state, push)
            move_ball(&self.rules, state, &self.rng[i])
        self.rewards[i] = state.score - score
        self.statistics[i, 0] = state.score
        self.statistics[i, 1] += bricks - bricks_left(&self.rules, state)
        self.terminations[i] = is_over(state)

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
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

    cdef dict state_one(self, Py_ssize_t i):
        fields = dict(self.state[i])
        del fields["changed"]
        bricks = [[row >> column & 1 for column in range(self.brick_columns)] for row in fields["bricks"]]
        return {**fields, "bricks": np.array(bricks[:self.brick_rows], np.bool_)}

    @property
    def render_size(self):
        return picture_size(&self.rules)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw_field(canvas, &self.rules, &self.state[i])
