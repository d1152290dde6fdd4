/* MountainCarContinuous's rules, as `step_one` in mountain_car_continuous.pyx has them, for many copies at once and in
 * float32. */
#ifndef PUFFER_MOUNTAIN_CAR_CONTINUOUS_H
#define PUFFER_MOUNTAIN_CAR_CONTINUOUS_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"
#include "puffer/ocean/mountain_car/hill.h"

/* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their own.
 * The square of a huge action would be infinite in float32; the reward stays finite. */
PUFFER_CLONES
static void mountain_car_continuous_step(ptrdiff_t n, float goal_velocity, float *restrict position,
                                         float *restrict velocity, const float *restrict actions,
                                         float *restrict rows, float *restrict rewards, uint8_t *restrict arrived)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        float force = actions[i], cost = force * force * 0.1f;
        force = force < 1.0f ? force : 1.0f;
        force = force > -1.0f ? force : -1.0f;
        drive(force * 0.0015f, &position[i], &velocity[i]);
        rows[2 * i] = position[i];
        rows[2 * i + 1] = velocity[i];
        float bonus = (position[i] >= 0.45f) & (velocity[i] >= goal_velocity) ? 100.0f : 0.0f;
        rewards[i] = bonus - (cost < FLT_MAX ? cost : FLT_MAX);
    }
    for (ptrdiff_t i = 0; i < n; i++) arrived[i] = (position[i] >= 0.45f) & (velocity[i] >= goal_velocity);
}

#endif
