/* Pendulum's rules, as `step_one` in pendulum.pyx has them, for many copies at once and in float32. */
#ifndef PUFFER_PENDULUM_H
#define PUFFER_PENDULUM_H

#include <stddef.h>
#include "puffer/native/dispatch.h"
#include "puffer/ocean/_trigonometry.h"

/* The sine for the next step is that of this step's observation. Interleaving the rows is faster in a pass of its
 * own. */
PUFFER_CLONES
static void pendulum_step(ptrdiff_t n, float g, float *restrict theta, float *restrict velocity,
                          float *restrict sine, float *restrict cosine, const float *restrict actions,
                          float *restrict rows, float *restrict rewards)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        float angle = theta[i], speed = velocity[i], torque = actions[i];
        torque = torque < 2.0f ? torque : 2.0f;
        torque = torque > -2.0f ? torque : -2.0f;
        rewards[i] = -(angle * angle + 0.1f * (speed * speed) + 0.001f * (torque * torque));
        speed += (1.5f * g * sine[i] + 3.0f * torque) * 0.05f;
        speed = speed < 8.0f ? speed : 8.0f;
        speed = speed > -8.0f ? speed : -8.0f;
        angle = wrapped(angle + speed * 0.05f);
        sine_cosine(angle, &sine[i], &cosine[i]);
        theta[i] = angle;
        velocity[i] = speed;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        rows[3 * i] = cosine[i];
        rows[3 * i + 1] = sine[i];
        rows[3 * i + 2] = velocity[i];
    }
}

#endif
