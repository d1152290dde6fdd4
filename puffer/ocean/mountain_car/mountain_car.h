/* MountainCar's rules, as `step_one` in mountain_car.pyx has them, for many copies at once and in float32. */
#ifndef PUFFER_MOUNTAIN_CAR_H
#define PUFFER_MOUNTAIN_CAR_H

#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"
#include "puffer/ocean/mountain_car/hill.h"

/* A loop that also writes bytes is not vectorised (bytes may alias anything), so the flags take a pass of their own. */
PUFFER_CLONES
static void mountain_car_step(ptrdiff_t n, float goal_velocity, float *restrict position, float *restrict velocity,
                              const int32_t *restrict actions, float *restrict rows, float *restrict rewards,
                              uint8_t *restrict arrived)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        float push = actions[i] == 0 ? -0.001f : actions[i] == 2 ? 0.001f : 0.0f;
        drive(push, &position[i], &velocity[i]);
        rows[2 * i] = position[i];
        rows[2 * i + 1] = velocity[i];
    }
    for (ptrdiff_t i = 0; i < n; i++) rewards[i] = -1.0f;
    for (ptrdiff_t i = 0; i < n; i++) arrived[i] = (position[i] >= 0.5f) & (velocity[i] >= goal_velocity);
}

#endif
