/* CartPole's rules, as `step_one` in cartpole.pyx has them, for many copies at once and in float32. */
#ifndef PUFFER_CARTPOLE_H
#define PUFFER_CARTPOLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"

#define CARTPOLE_TILE 64

/* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their own,
 * from a local array. Accelerations carry the factor of a step's 0.02 s from the start. The episode of a pole beyond
 * 0.2095 is over, so the angle is small here: the polynomials in theta^2 for sin(theta) / theta, cos(theta) and the
 * reciprocal of the denominator 2/3 - cos^2(theta) / 22 are within float32 rounding up to |theta| = 0.215. */
static inline __attribute__((always_inline)) void cartpole_tile(
    int n, float *restrict x, float *restrict x_dot, float *restrict theta, float *restrict theta_dot,
    const int32_t *restrict actions, float *restrict rows, float *restrict rewards, uint8_t *restrict fell)
{
    int32_t over[CARTPOLE_TILE];
    for (int i = 0; i < n; i++) {
        float angle = theta[i], turn_rate = theta_dot[i], speed = x_dot[i], square = angle * angle;
        float sine = angle + angle * square * (-0.16666648f + square * 0.00832057f);
        float cosine = 1.0f + square * (-0.49999872f + square * 0.04157736f);
        float inverse = 1.60975606f + square * (-0.11777332f + square * 0.0470862f);
        float push = actions[i] == 1 ? 0.02f * 10.0f / 1.1f : -0.02f * 10.0f / 1.1f;
        float drive = push + turn_rate * turn_rate * (sine * (0.02f * 0.05f / 1.1f));
        float turn = (0.02f * 9.8f * sine - cosine * drive) * inverse;
        float place = x[i] + 0.02f * speed;
        angle += 0.02f * turn_rate;
        speed += drive - 0.05f / 1.1f * (turn * cosine);
        turn_rate += turn;
        x[i] = place; x_dot[i] = speed; theta[i] = angle; theta_dot[i] = turn_rate;
        rows[4 * i] = place; rows[4 * i + 1] = speed; rows[4 * i + 2] = angle; rows[4 * i + 3] = turn_rate;
        over[i] = (fabsf(place) > 2.4f) | (fabsf(angle) > 0.20943951f);
    }
    for (int i = 0; i < n; i++) rewards[i] = 1.0f;
    for (int i = 0; i < n; i++) fell[i] = (uint8_t)over[i];
}

/* Whole tiles have a constant length, so that the compiler unrolls them. */
PUFFER_CLONES
static void cartpole_step(ptrdiff_t n, float *x, float *x_dot, float *theta, float *theta_dot,
                          const int32_t *actions, float *rows, float *rewards, uint8_t *fell)
{
    ptrdiff_t i = 0;
    for (; i + CARTPOLE_TILE <= n; i += CARTPOLE_TILE)
        cartpole_tile(CARTPOLE_TILE, x + i, x_dot + i, theta + i, theta_dot + i, actions + i, rows + 4 * i,
                      rewards + i, fell + i);
    if (i < n)
        cartpole_tile((int)(n - i), x + i, x_dot + i, theta + i, theta_dot + i, actions + i, rows + 4 * i,
                      rewards + i, fell + i);
}

#endif
