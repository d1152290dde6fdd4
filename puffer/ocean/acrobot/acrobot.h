/* Acrobot's rules, as `step_one` in acrobot.pyx has them, for many copies at once and in float32. */
#ifndef PUFFER_ACROBOT_H
#define PUFFER_ACROBOT_H

#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"
#include "puffer/ocean/_trigonometry.h"

typedef struct { float sine1, cosine1, sine2, cosine2; } direction_t;
typedef struct { float first, second; } pair_t;

PUFFER_INLINE direction_t direction(pair_t theta)
{
    direction_t way;
    sine_cosine(theta.first, &way.sine1, &way.cosine1);
    sine_cosine(theta.second, &way.sine2, &way.cosine2);
    return way;
}

PUFFER_INLINE pair_t plus(pair_t a, float factor, pair_t b)
{
    return (pair_t){a.first + factor * b.first, a.second + factor * b.second};
}

/* The equations of motion d1 a1 + d2 a2 = -phi1 and d2 a1 + 1.25 a2 = drive, solved for the accelerations; the
 * determinant 1.25 d1 - d2^2 is 45/16 - cos^2(theta2) / 4. */
PUFFER_INLINE pair_t acceleration(direction_t way, pair_t speed, float torque, float coupling)
{
    float d1 = 3.5f + way.cosine2, d2 = 1.25f + 0.5f * way.cosine2;
    float phi2 = 4.9f * (way.sine1 * way.cosine2 + way.cosine1 * way.sine2);
    float phi1 = 14.7f * way.sine1 + phi2 - way.sine2 * speed.second * (0.5f * speed.second + speed.first);
    float drive = torque - coupling * (speed.first * speed.first * way.sine2) - phi2;
    float inverse = 1.0f / (2.8125f - 0.25f * (way.cosine2 * way.cosine2));
    return (pair_t){-(d2 * drive + 1.25f * phi1) * inverse, (d1 * drive + d2 * phi1) * inverse};
}

/* The weighted mean of the four stages of Runge-Kutta. */
PUFFER_INLINE pair_t mean(pair_t a, pair_t b, pair_t c, pair_t d)
{
    return (pair_t){(a.first + 2.0f * b.first + 2.0f * c.first + d.first) * (1.0f / 6.0f),
                    (a.second + 2.0f * b.second + 2.0f * c.second + d.second) * (1.0f / 6.0f)};
}

PUFFER_INLINE float clipped(float x, float limit)
{
    x = x < limit ? x : limit;
    return x > -limit ? x : -limit;
}

/* Moves the chain by 0.2 s. `way` is its direction before, and then after it. */
PUFFER_INLINE void swing(pair_t *theta, pair_t *speed, direction_t *way, float torque, float coupling)
{
    pair_t speed1 = *speed, pull1 = acceleration(*way, speed1, torque, coupling);
    pair_t speed2 = plus(*speed, 0.1f, pull1);
    pair_t pull2 = acceleration(direction(plus(*theta, 0.1f, speed1)), speed2, torque, coupling);
    pair_t speed3 = plus(*speed, 0.1f, pull2);
    pair_t pull3 = acceleration(direction(plus(*theta, 0.1f, speed2)), speed3, torque, coupling);
    pair_t speed4 = plus(*speed, 0.2f, pull3);
    pair_t pull4 = acceleration(direction(plus(*theta, 0.2f, speed3)), speed4, torque, coupling);
    pair_t place = plus(*theta, 0.2f, mean(speed1, speed2, speed3, speed4));
    pair_t pace = plus(*speed, 0.2f, mean(pull1, pull2, pull3, pull4));
    *theta = (pair_t){wrapped(place.first), wrapped(place.second)};
    *speed = (pair_t){clipped(pace.first, 12.5663706f), clipped(pace.second, 28.2743339f)};
    *way = direction(*theta);
}

/* The sines and cosines that the last observation showed are those of the first stage now. Flags and rows take passes
 * of their own: a loop that also writes bytes is not vectorised (bytes may alias anything), nor is one that writes rows
 * of six. */
PUFFER_CLONES
static void acrobot_step(ptrdiff_t n, float coupling, float *restrict theta1, float *restrict theta2,
                         float *restrict velocity1, float *restrict velocity2, float *restrict sine1,
                         float *restrict cosine1, float *restrict sine2, float *restrict cosine2,
                         const int32_t *restrict actions, float *restrict rows, float *restrict rewards,
                         uint8_t *restrict raised)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        float torque = actions[i] == 0 ? -1.0f : actions[i] == 2 ? 1.0f : 0.0f;
        pair_t theta = {theta1[i], theta2[i]}, speed = {velocity1[i], velocity2[i]};
        direction_t way = {sine1[i], cosine1[i], sine2[i], cosine2[i]};
        swing(&theta, &speed, &way, torque, coupling);
        float height = -way.cosine1 - (way.cosine1 * way.cosine2 - way.sine1 * way.sine2);
        theta1[i] = theta.first; theta2[i] = theta.second;
        velocity1[i] = speed.first; velocity2[i] = speed.second;
        sine1[i] = way.sine1; cosine1[i] = way.cosine1; sine2[i] = way.sine2; cosine2[i] = way.cosine2;
        rewards[i] = height > 1.0f ? 0.0f : -1.0f;
    }
    for (ptrdiff_t i = 0; i < n; i++) raised[i] = rewards[i] == 0.0f;
    for (ptrdiff_t i = 0; i < n; i++, rows += 6) {
        rows[0] = cosine1[i]; rows[1] = sine1[i]; rows[2] = cosine2[i]; rows[3] = sine2[i];
        rows[4] = velocity1[i]; rows[5] = velocity2[i];
    }
}

#endif
