/* A step of the car on the hill, as `push` in _hill.pyx has it, in float32. The wall on the left stops it. */
#ifndef PUFFER_HILL_H
#define PUFFER_HILL_H

#include "puffer/ocean/_trigonometry.h"

PUFFER_INLINE void drive(float push, float *position, float *velocity)
{
    float sine, cosine, speed, place;
    sine_cosine(3.0f * *position, &sine, &cosine);
    speed = *velocity + (push - 0.0025f * cosine);
    speed = speed < 0.07f ? speed : 0.07f;
    speed = speed > -0.07f ? speed : -0.07f;
    place = *position + speed;
    place = place < 0.6f ? place : 0.6f;
    *velocity = (place <= -1.2f) & (speed < 0.0f) ? 0.0f : speed;
    *position = place > -1.2f ? place : -1.2f;
}

#endif
