/* Pong's rules, as `step_one` in pong.pyx has them, for many copies at once: a step without a loop over its frames. */
#ifndef PUFFER_PONG_H
#define PUFFER_PONG_H

#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"

enum { HIT = 1, MISS, TILE = 256 };

/* The rules, in units of height and frames. In whole numbers a jump over many frames is exact. */
typedef struct {
    int16_t frameskip, points_to_win, paddle_limit, paddle_speed, opponent_speed, reach, spin, ball_limit;
    int16_t max_climb, crossing_frames, min_crossing_frames, crossing_cut;
} pong_rules;

/* The state: an array of each number, with an item per copy. */
typedef struct {
    int16_t *paddle, *opponent, *ball, *climb, *frames_left, *crossing, *direction, *score, *opponent_score;
} pong_state;

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
 * and masks keep the results that apply to it; those never come from a product that overflows. */
PUFFER_CLONES
static void pong_step(int n, pong_rules rules, pong_state state, ptrdiff_t first, const int32_t *restrict actions,
                      int16_t *restrict events) {
    int16_t *restrict paddle = state.paddle + first, *restrict opponent = state.opponent + first;
    int16_t *restrict ball = state.ball + first, *restrict climb = state.climb + first;
    int16_t *restrict left = state.frames_left + first, *restrict crossing = state.crossing + first;
    int16_t *restrict direction = state.direction + first, turns[TILE];
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
static void pong_observe(int n, pong_rules rules, pong_state state, ptrdiff_t first, float *restrict rows) {
    const float one = 0.99999988f, paddle = one / rules.paddle_limit, ball = one / rules.ball_limit;
    const float climb = one / rules.max_climb, score = one / rules.points_to_win;
    float columns[8][TILE];
    for (int i = 0; i < n; i++) {
        float across = state.crossing[first + i], direction = state.direction[first + i];
        float scale = direction * (one / across);
        columns[0][i] = state.paddle[first + i] * paddle;
        columns[1][i] = state.opponent[first + i] * paddle;
        columns[2][i] = (across - 2 * state.frames_left[first + i]) * scale;
        columns[3][i] = state.ball[first + i] * ball;
        columns[4][i] = rules.min_crossing_frames * scale;
        columns[5][i] = state.climb[first + i] * climb;
        columns[6][i] = state.score[first + i] * score;
        columns[7][i] = state.opponent_score[first + i] * score;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 8; k++) rows[8 * i + k] = columns[k][i];
}

#endif
