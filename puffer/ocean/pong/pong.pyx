"""Pong: two paddles and a ball, against a scripted opponent.

Observation   float32 (8,), from -1 to 1: height of the own paddle and of the opponent's, the ball's position across the
              court (1 at the own paddle) and its height, its speed across and in height, own score and opponent's
              (from 0).
Action        Discrete(3): 0 stay, 1 up, 2 down, throughout the `frameskip` frames of a step.
Reward        +1 for a point won, -1 for a point lost, 0 otherwise.
Terminated    when one side has `points_to_win` points.
Truncated     after 32000 // frameskip steps, about seven hard-fought games to 21, or max_steps if given.
Start         paddles in the middle. A point begins with a step, the ball in the middle of the court. Its direction, its
              height (in the middle half) and its climb (up to half of `max_climb`) are random.
Rules         The court is 3000 high, the ball 100. The ball needs `crossing_frames` from paddle to paddle, after each
              hit `crossing_cut` fewer, down to `min_crossing_frames`. In the frame in which it is at a paddle's line it
              either touches the paddle and turns back, or the point is over and the step goes on without a ball. To
              its climb, the height per frame, a hit adds up to `max_climb`, in proportion to where on the paddle it
              is. The opponent looks at the ball once a step, as the agent does, and goes to its height.
Source        Atari's Pong of 1972; frames are skipped as in the Arcade Learning Environment. The numbers are new.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int16_t, int32_t, rng_below

cdef extern from "puffer/ocean/pong/pong.h" nogil:
    enum:
        HIT
        MISS
        TILE
    # Heights are from the middle of the court to that of a paddle or of the ball, speeds and climbs in a frame.
    ctypedef struct Rules "pong_rules":
        int16_t frameskip, points_to_win
        int16_t paddle_limit        # largest height of a paddle
        int16_t paddle_speed, opponent_speed
        int16_t reach               # from the middle of a paddle to that of a ball that just touches it
        int16_t spin                # climb for a unit of that distance, in 256ths
        int16_t ball_limit          # largest height of the ball
        int16_t max_climb
        int16_t crossing_frames, min_crossing_frames, crossing_cut
    # An array of each number, with an item per copy.
    ctypedef struct State "pong_state":
        int16_t* paddle
        int16_t* opponent
        int16_t* ball
        int16_t* climb
        int16_t* frames_left        # until the ball is at a paddle's line
        int16_t* crossing           # frames from paddle to paddle
        int16_t* direction          # of the ball: 1 to the own paddle, -1 to the opponent's
        int16_t* score
        int16_t* opponent_score
    void pong_step(int n, Rules rules, State state, Py_ssize_t first, const int32_t* actions, int16_t* events)
    void pong_observe(int n, Rules rules, State state, Py_ssize_t first, float* rows)

cpdef enum Action:
    STAY
    UP
    DOWN

cdef enum:
    HALF_COURT = 1500
    HALF_BALL = 50


cdef int _clamp(int value, int limit) noexcept nogil:
    return min(max(value, -limit), limit)


cdef class Pong(Env):
    """Pong(num_envs=1, *, frameskip=8, points_to_win=21, paddle_height=400, paddle_speed=50, opponent_speed=25,
     crossing_frames=60, min_crossing_frames=30, crossing_cut=2, max_climb=50, **options)
--

A game against a scripted opponent. See the module's docstring for the rules.

Parameters
----------
num_envs : int
    Number of copies.
frameskip : int
    Frames of a step, 1 to 20.
points_to_win : int
    Points that end an episode, 1 to 1000.
paddle_height : int
    Height of both paddles, 100 to 2000, of the court's 3000.
paddle_speed : int
    Height by which the own paddle moves in a frame, 1 to 500.
opponent_speed : int
    Height by which the opponent's paddle moves in a frame, 0 to 500.
crossing_frames : int
    Frames that the ball needs from paddle to paddle at first, 20 to 1000.
min_crossing_frames : int
    Frames that it needs at the least, 20 to `crossing_frames`.
crossing_cut : int
    Frames by which a hit shortens the crossings that follow, 0 to 100.
max_climb : int
    Height by which the ball rises or falls in a frame at the most, 1 to 127.
**options
    The options of `puffer.Env`.
"""

    statistic_names = ("score", "opponent_score", "hits")
    cdef Rules rules
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State state

    def __init__(self, num_envs=1, *, frameskip=8, points_to_win=21, paddle_height=400, paddle_speed=50,
                 opponent_speed=25, crossing_frames=60, min_crossing_frames=30, crossing_cut=2, max_climb=50,
                 max_steps=None, **options):
        cdef Rules rules
        # Within these bounds no sum leaves an int16_t, and no step is long enough to meet both walls or both paddles.
        rules.frameskip = checks.integer("frameskip", frameskip, 1, 20)
        rules.points_to_win = checks.integer("points_to_win", points_to_win, 1, 1000)
        half_paddle = checks.integer("paddle_height", paddle_height, 100, 2000) // 2
        rules.paddle_speed = checks.integer("paddle_speed", paddle_speed, 1, 500)
        rules.opponent_speed = checks.integer("opponent_speed", opponent_speed, 0, 500)
        rules.crossing_frames = checks.integer("crossing_frames", crossing_frames, 20, 1000)
        rules.min_crossing_frames = checks.integer("min_crossing_frames", min_crossing_frames, 20, crossing_frames)
        rules.crossing_cut = checks.integer("crossing_cut", crossing_cut, 0, 100)
        rules.max_climb = checks.integer("max_climb", max_climb, 1, 127)
        rules.ball_limit = HALF_COURT - HALF_BALL
        rules.paddle_limit = HALF_COURT - half_paddle
        rules.reach = half_paddle + HALF_BALL
        rules.spin = 256 * rules.max_climb // rules.reach
        box = spaces.Box(np.array([-1, -1, -1, -1, -1, -1, 0, 0], np.float32), np.float32(1))
        max_steps = 32_000 // rules.frameskip if max_steps is None else max_steps
        super().__init__(num_envs, box, spaces.Discrete(3), observes_in_step=True, max_steps=max_steps,
                         snapshot_key=tuple(dict(rules).values()), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.rules = rules
        self.state.paddle = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.opponent = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.ball = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.climb = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.frames_left = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.crossing = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.direction = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.score = <int16_t*>self.new_state(sizeof(int16_t))
        self.state.opponent_score = <int16_t*>self.new_state(sizeof(int16_t))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.state.paddle[i] = self.state.opponent[i] = 0
        self.state.score[i] = self.state.opponent_score[i] = 0
        self._serve(i)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        cdef int action = self.actions[i], event = 0, _
        cdef int move = self.rules.paddle_speed * ((action == UP) - (action == DOWN))
        # The opponent looks at the ball once a step.
        cdef int goal = _clamp(state.ball[i], self.rules.paddle_limit)
        for _ in range(self.rules.frameskip):
            state.paddle[i] = _clamp(state.paddle[i] + move, self.rules.paddle_limit)
            state.opponent[i] += _clamp(goal - state.opponent[i], self.rules.opponent_speed)
            if event != MISS:
                event = self._fly(i)
        if event == MISS:
            self._end_point(i)

    # The same for many copies at once, in vectors.
    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef int16_t[TILE] events, hits, misses
        cdef int n, k, num_hits, num_misses
        while first < last:
            n = min(last - first, <Py_ssize_t>TILE)
            pong_step(n, self.rules, self.state, first, &self.actions[first], events)
            # Hits and misses are listed first: a jump that nothing can predict costs more than an entry.
            num_hits = num_misses = 0
            for k in range(n):
                hits[num_hits] = misses[num_misses] = k
                num_hits += events[k] == HIT
                num_misses += events[k] == MISS
            for k in range(num_hits):
                self.statistics[first + hits[k], 2] += 1
            for k in range(num_misses):
                self._end_point(first + misses[k])
            pong_observe(n, self.rules, self.state, first, &self.observations[first, 0])
            first += n

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state
        # A little less, so that no rounding leads out of the bounds.
        cdef float one = 0.99999988
        cdef float paddle = one / self.rules.paddle_limit, score = one / self.rules.points_to_win
        cdef float across = state.crossing[i], scale = state.direction[i] * (one / across)
        self.observations[i, 0] = state.paddle[i] * paddle
        self.observations[i, 1] = state.opponent[i] * paddle
        self.observations[i, 2] = (across - 2 * state.frames_left[i]) * scale
        self.observations[i, 3] = state.ball[i] * (one / self.rules.ball_limit)
        self.observations[i, 4] = self.rules.min_crossing_frames * scale
        self.observations[i, 5] = state.climb[i] * (one / self.rules.max_climb)
        self.observations[i, 6] = state.score[i] * score
        self.observations[i, 7] = state.opponent_score[i] * score

    cdef int _fly(self, Py_ssize_t i) noexcept nogil:
        """Move the ball by a frame. Returns HIT or MISS, or 0 when it is not at a paddle's line."""
        cdef State* state = &self.state
        cdef int limit = self.rules.ball_limit, offset
        state.ball[i] += state.climb[i]
        if state.ball[i] != _clamp(state.ball[i], limit):
            state.ball[i] = 2 * _clamp(state.ball[i], limit) - state.ball[i]
            state.climb[i] = -state.climb[i]
        state.frames_left[i] -= 1
        if state.frames_left[i] > 0:
            return 0
        offset = state.ball[i] - (state.paddle[i] if state.direction[i] > 0 else state.opponent[i])
        if offset != _clamp(offset, self.rules.reach):
            return MISS
        # Rounded to the nearest unit of climb.
        state.climb[i] = _clamp(state.climb[i] + ((offset * self.rules.spin + 128) >> 8), self.rules.max_climb)
        state.crossing[i] = max(state.crossing[i] - self.rules.crossing_cut, self.rules.min_crossing_frames)
        state.frames_left[i] = state.crossing[i]
        state.direction[i] = -state.direction[i]
        self.statistics[i, 2] += 1
        return HIT

    @cython.final
    cdef void _serve(self, Py_ssize_t i) noexcept nogil:
        cdef int height = self.rules.ball_limit // 2, climb = self.rules.max_climb // 2
        self.state.ball[i] = rng_below(&self.rng[i], 2 * height + 1) - height
        self.state.climb[i] = rng_below(&self.rng[i], 2 * climb + 1) - climb
        self.state.direction[i] = 2 * rng_below(&self.rng[i], 2) - 1
        self.state.crossing[i] = self.rules.crossing_frames
        self.state.frames_left[i] = self.rules.crossing_frames // 2

    @cython.final
    cdef void _end_point(self, Py_ssize_t i) noexcept nogil:
        cdef bint won = self.state.direction[i] < 0
        cdef int16_t* points = &self.state.score[i] if won else &self.state.opponent_score[i]
        points[0] += 1
        self.rewards[i] = 1 if won else -1
        self.statistics[i, 0 if won else 1] = points[0]
        self.terminations[i] = points[0] == self.rules.points_to_win
        if not self.terminations[i]:
            self._serve(i)

    cdef dict state_one(self, Py_ssize_t i):
        cdef State* state = &self.state
        return {"paddle": state.paddle[i], "opponent": state.opponent[i], "ball": state.ball[i],
                "climb": state.climb[i], "frames_left": state.frames_left[i], "crossing": state.crossing[i],
                "direction": state.direction[i], "score": state.score[i], "opponent_score": state.opponent_score[i]}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Ten units of height to a pixel; the middle of the ball travels from x = 40 to x = 360.
        cdef double half_paddle = 150 - self.rules.paddle_limit / 10.0, half_ball = HALF_BALL / 10.0
        cdef double own = 150 - self.state.paddle[i] / 10.0, opponent = 150 - self.state.opponent[i] / 10.0
        cdef double across = 1 - 2.0 * self.state.frames_left[i] / self.state.crossing[i]
        cdef double x = 200 + 160 * self.state.direction[i] * across, y = 150 - self.state.ball[i] / 10.0
        cdef bytes score = b"%d" % self.state.score[i], opponent_score = b"%d" % self.state.opponent_score[i]
        canvas.clear(0x3A4A5A)
        canvas.rectangle(0, 2, 400, 298, 0x101820)
        for dash in range(15):
            canvas.rectangle(198.5, 20 * dash + 5, 201.5, 20 * dash + 15, 0x3A4A5A)
        canvas.text(164 - 24 * len(opponent_score), 16, 28, opponent_score, 0x8A9BA8)
        canvas.text(240, 16, 28, score, 0x8A9BA8)
        canvas.rectangle(27, opponent - half_paddle, 35, opponent + half_paddle, 0xFF9F1C)
        canvas.rectangle(365, own - half_paddle, 373, own + half_paddle, 0x2EC4B6)
        canvas.rectangle(x - half_ball, y - half_ball, x + half_ball, y + half_ball, 0xFFFFFF)
        return 0


cdef class _PlainPong(Pong):
    """Pong by `step_one`: the tests compare `step_range` with it."""

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        Env.step_range(self, first, last)
        self.observe_range(first, last)
