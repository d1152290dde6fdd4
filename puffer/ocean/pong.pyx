"""Pong: two paddles and a ball, against a scripted opponent.

Observation   float32 (8,), from -1 to 1: height of the own paddle and of the opponent's, ball's place across the court
              (1 at the own paddle) and height, its speed across and in height, own score and opponent's (from 0).
Action        Discrete(3): 0 stay, 1 up, 2 down, throughout the `frameskip` frames of a step.
Reward        +1 for a point won, -1 for a point lost, 0 otherwise.
Terminated    when one side has `points_to_win` points.
Truncated     after 32000 // frameskip steps, about seven hard-fought games to 21, or max_steps if given.
Start         paddles in the middle. A point begins with a step, the ball in the middle of the court; random are its
              direction, its height (in the middle half) and its climb (up to half of `max_climb`).
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
from libc.stdint cimport int16_t, int32_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below

import_puffer()

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include "puffer/native/dispatch.h"

    /* The state, an int16_t of each per copy. In whole numbers a jump over many frames is exact. */
    enum { PADDLE, OPPONENT, BALL, CLIMB, FRAMES_LEFT, CROSSING, DIRECTION, SCORE, OPPONENT_SCORE, FIELDS };
    enum { HIT = 1, MISS, TILE = 256, HALF_COURT = 1500, HALF_BALL = 50 };
    typedef struct {
        int16_t frameskip, points_to_win, paddle_limit, paddle_speed, opponent_speed, reach, spin, ball_limit;
        int16_t max_climb, crossing_frames, min_crossing_frames, crossing_cut;
    } pong_rules;

    static inline int16_t pong_clamp(int16_t v, int16_t limit) { return v < -limit ? -limit : v > limit ? limit : v; }

    /* a where the mask is -1, b where it is 0. Conditionals become jumps, and the loop is not vectorised. */
    static inline int16_t pong_pick(int16_t mask, int16_t a, int16_t b) { return b ^ ((a ^ b) & mask); }

    /* Flies for some frames, too few to meet both walls. */
    static inline void pong_fly(int16_t frames, int16_t limit, int16_t *ball, int16_t *climb) {
        int16_t height = *ball + frames * *climb, inside = pong_clamp(height, limit), bounced = -(height != inside);
        *ball = 2 * inside - height;
        *climb = (*climb ^ bounced) - bounced;
    }

    /* A step: fly to the paddle or to the end of the step, meet the paddle, fly on. Every copy goes through all of it,
     * and masks keep what applies to it; a product that overflows is never among that. */
    PUFFER_CLONES
    static void pong_step(int n, pong_rules rules, int16_t *const *fields, ptrdiff_t first,
                          const int32_t *restrict actions, int16_t *restrict events) {
        int16_t *restrict paddle = fields[PADDLE] + first, *restrict opponent = fields[OPPONENT] + first;
        int16_t *restrict ball = fields[BALL] + first, *restrict climb = fields[CLIMB] + first;
        int16_t *restrict left = fields[FRAMES_LEFT] + first, *restrict crossing = fields[CROSSING] + first;
        int16_t *restrict direction = fields[DIRECTION] + first, turns[TILE];
        for (int i = 0; i < n; i++) turns[i] = (actions[i] == 1) - (actions[i] == 2);
        #pragma GCC ivdep
        for (int i = 0; i < n; i++) {
            int16_t y = ball[i], dy = climb[i], arrives = -(left[i] <= rules.frameskip);
            int16_t frames = pong_pick(arrives, left[i], rules.frameskip);
            int16_t move = turns[i] * rules.paddle_speed, way = pong_clamp(y, rules.paddle_limit) - opponent[i];
            int16_t own_y = pong_clamp(paddle[i] + frames * move, rules.paddle_limit);
            int16_t opponent_y = opponent[i] + pong_clamp(way, frames * rules.opponent_speed);
            pong_fly(frames, rules.ball_limit, &y, &dy);

            int16_t offset = y - pong_pick(-(direction[i] > 0), own_y, opponent_y);
            int16_t miss = arrives & -(offset != pong_clamp(offset, rules.reach)), hit = arrives & ~miss;
            int16_t product = offset * rules.spin + 128, shorter = crossing[i] - rules.crossing_cut;
            shorter = shorter < rules.min_crossing_frames ? rules.min_crossing_frames : shorter;
            dy = pong_pick(hit, pong_clamp(dy + (product >> 8), rules.max_climb), dy);
            events[i] = (HIT & hit) | (MISS & miss);

            int16_t rest = (rules.frameskip - frames) & hit;
            pong_fly(rest, rules.ball_limit, &y, &dy);
            ball[i] = y; climb[i] = dy;
            left[i] = pong_pick(hit, shorter, left[i] - frames) - rest;
            crossing[i] = pong_pick(hit, shorter, crossing[i]);
            direction[i] = (direction[i] ^ hit) - hit;
            paddle[i] = pong_clamp(paddle[i] + rules.frameskip * move, rules.paddle_limit);
            opponent[i] += pong_clamp(way, rules.frameskip * rules.opponent_speed);
        }
    }

    /* Columns first, then rows: twice as fast. `one` is a little less, so that no rounding leads out of the bounds. */
    PUFFER_CLONES
    static void pong_observe(int n, pong_rules rules, int16_t *const *fields, ptrdiff_t first, float *restrict rows) {
        const float one = 0.99999988f, paddle = one / rules.paddle_limit, ball = one / rules.ball_limit;
        const float climb = one / rules.max_climb, score = one / rules.points_to_win;
        float columns[8][TILE];
        for (int i = 0; i < n; i++) {
            float across = fields[CROSSING][first + i], direction = fields[DIRECTION][first + i];
            float scale = direction * (one / across);
            columns[0][i] = fields[PADDLE][first + i] * paddle;
            columns[1][i] = fields[OPPONENT][first + i] * paddle;
            columns[2][i] = (across - 2 * fields[FRAMES_LEFT][first + i]) * scale;
            columns[3][i] = fields[BALL][first + i] * ball;
            columns[4][i] = rules.min_crossing_frames * scale;
            columns[5][i] = fields[CLIMB][first + i] * climb;
            columns[6][i] = fields[SCORE][first + i] * score;
            columns[7][i] = fields[OPPONENT_SCORE][first + i] * score;
        }
        for (int i = 0; i < n; i++)
            for (int k = 0; k < 8; k++) rows[8 * i + k] = columns[k][i];
    }
    """
    enum:
        PADDLE, OPPONENT, BALL, CLIMB, FRAMES_LEFT, CROSSING, DIRECTION, SCORE, OPPONENT_SCORE, FIELDS
        HIT, MISS, TILE, HALF_COURT, HALF_BALL
    ctypedef struct pong_rules:
        int16_t frameskip, points_to_win, paddle_limit, paddle_speed, opponent_speed, reach, spin, ball_limit
        int16_t max_climb, crossing_frames, min_crossing_frames, crossing_cut
    void pong_step(int n, pong_rules rules, int16_t** fields, Py_ssize_t first, const int32_t* actions, int16_t* events)
    void pong_observe(int n, pong_rules rules, int16_t** fields, Py_ssize_t first, float* rows)

cpdef enum Action:
    STAY
    UP
    DOWN


@cython.final
cdef class Pong(Env):
    """Pong(num_envs=1, *, frameskip=8, points_to_win=21, paddle_height=400, paddle_speed=50, opponent_speed=25,
     crossing_frames=60, min_crossing_frames=30, crossing_cut=2, max_climb=50, **options)
--

The numbers of the rules: `frameskip` (1 to 20), `points_to_win` (1 to 1000), `paddle_height` (100 to 2000),
`paddle_speed` (1 to 500) and `opponent_speed` (0 to 500) per frame, `crossing_frames` (20 to 1000),
`min_crossing_frames` (20 to crossing_frames), `crossing_cut` (0 to 100), `max_climb` (1 to 127). The options are those
of `puffer.Env`. See the module's docstring for the rules.
"""

    statistic_names = ("score", "opponent_score", "hits")
    cdef pong_rules rules
    cdef int16_t* fields[FIELDS]
    cdef float[:, ::1] observations
    cdef int32_t[::1] actions

    def __init__(self, num_envs=1, *, frameskip=8, points_to_win=21, paddle_height=400, paddle_speed=50,
                 opponent_speed=25, crossing_frames=60, min_crossing_frames=30, crossing_cut=2, max_climb=50,
                 max_steps=None, **options):
        cdef pong_rules rules
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
        # Climb for a unit of height on the paddle, in 256ths.
        rules.spin = 256 * rules.max_climb // rules.reach
        box = spaces.Box(np.array([-1, -1, -1, -1, -1, -1, 0, 0], np.float32), np.float32(1))
        max_steps = 32_000 // rules.frameskip if max_steps is None else max_steps
        super().__init__(num_envs, box, spaces.Discrete(3), observes_in_step=True, max_steps=max_steps,
                         snapshot_key=tuple(dict(rules).values()), **options)
        self.rules = rules
        for field in range(FIELDS):
            self.fields[field] = <int16_t*>self.new_state(sizeof(int16_t))

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.fields[PADDLE][i] = self.fields[OPPONENT][i] = 0
        self.fields[SCORE][i] = self.fields[OPPONENT_SCORE][i] = 0
        self.serve(i)

    cdef void serve(self, Py_ssize_t i) noexcept nogil:
        cdef int height = self.rules.ball_limit // 2, climb = self.rules.max_climb // 2
        self.fields[BALL][i] = rng_below(&self.rng[i], 2 * height + 1) - height
        self.fields[CLIMB][i] = rng_below(&self.rng[i], 2 * climb + 1) - climb
        self.fields[DIRECTION][i] = 2 * rng_below(&self.rng[i], 2) - 1
        self.fields[CROSSING][i] = self.rules.crossing_frames
        self.fields[FRAMES_LEFT][i] = self.rules.crossing_frames // 2

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef int16_t[TILE] events, hits, misses
        cdef int n, k, num_hits, num_misses
        while first < last:
            n = min(last - first, <Py_ssize_t>TILE)
            pong_step(n, self.rules, self.fields, first, &self.actions[first], events)
            # Hits and misses are listed first: a jump that nothing can predict costs more than an entry.
            num_hits = num_misses = 0
            for k in range(n):
                hits[num_hits] = misses[num_misses] = k
                num_hits += events[k] == HIT
                num_misses += events[k] == MISS
            for k in range(num_hits):
                self.statistics[first + hits[k], 2] += 1
            for k in range(num_misses):
                self.end_point(first + misses[k])
            pong_observe(n, self.rules, self.fields, first, &self.observations[first, 0])
            first += n

    cdef void end_point(self, Py_ssize_t i) noexcept nogil:
        cdef bint won = self.fields[DIRECTION][i] < 0
        cdef int16_t* points = &self.fields[SCORE if won else OPPONENT_SCORE][i]
        points[0] += 1
        self.rewards[i] = 1 if won else -1
        self.statistics[i, 0 if won else 1] = points[0]
        self.terminations[i] = points[0] == self.rules.points_to_win
        if not self.terminations[i]:
            self.serve(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        pong_observe(1, self.rules, self.fields, i, &self.observations[i, 0])

    def state(self, copy):
        """The state of one copy as a dict, in the units of the rules, heights from the middle of the court."""
        self.require_settled("state")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        names = "paddle opponent ball climb frames_left crossing direction score opponent_score".split()
        return {name: self.fields[field][i] for field, name in enumerate(names)}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        # Ten units of height to a pixel; the middle of the ball travels from x = 40 to x = 360.
        cdef double half_paddle = 150 - self.rules.paddle_limit / 10.0, half_ball = HALF_BALL / 10.0
        cdef double own = 150 - self.fields[PADDLE][i] / 10.0, opponent = 150 - self.fields[OPPONENT][i] / 10.0
        cdef double across = 1 - 2.0 * self.fields[FRAMES_LEFT][i] / self.fields[CROSSING][i]
        cdef double x = 200 + 160 * self.fields[DIRECTION][i] * across, y = 150 - self.fields[BALL][i] / 10.0
        cdef bytes score = b"%d" % self.fields[SCORE][i], opponent_score = b"%d" % self.fields[OPPONENT_SCORE][i]
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
