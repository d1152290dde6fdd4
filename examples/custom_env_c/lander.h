/* Lander: bring a rocket down softly, with little fuel and in gusty air. */
#ifndef LANDER_H
#define LANDER_H

#include <stdint.h>

#define LANDER_GRAVITY 0.002f
#define LANDER_THRUST 0.005f
#define LANDER_GUST 0.001f
#define LANDER_FUEL 40       /* steps with the engine on */
#define LANDER_FASTEST 0.1f  /* height per step, up or down */
#define LANDER_SAFE 0.02f    /* speed at touchdown */
#define LANDER_COST 0.005f   /* reward lost in a step with the engine on */

/* One game. Plain values only: puffer copies it for snapshots. */
typedef struct {
    float height; /* 0 to 1 */
    float speed;  /* upwards */
    int32_t fuel;
    uint32_t random;
} lander_t;

static inline float lander_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/* Uniform in [0, 1), by xorshift. Its state is part of the game, so that seeds and snapshots determine the draws. */
static inline float lander_uniform(lander_t *lander) {
    lander->random ^= lander->random << 13;
    lander->random ^= lander->random >> 17;
    lander->random ^= lander->random << 5;
    return (float)(lander->random >> 8) / 16777216.0f;
}

static inline void lander_reset(lander_t *lander, uint32_t seed) {
    lander->random = seed | 1; /* 0 would stay 0 */
    lander->height = 0.7f + 0.3f * lander_uniform(lander);
    lander->speed = -0.02f * lander_uniform(lander);
    lander->fuel = LANDER_FUEL;
}

/* Returns the reward, and sets `landed` when the rocket has come down. */
static inline float lander_step(lander_t *lander, int engine_on, uint8_t *landed) {
    float acceleration = LANDER_GUST * (2.0f * lander_uniform(lander) - 1.0f) - LANDER_GRAVITY;
    float reward = 0.0f;
    if (engine_on && lander->fuel > 0) {
        lander->fuel--;
        acceleration += LANDER_THRUST;
        reward = -LANDER_COST;
    }
    lander->speed = lander_clip(lander->speed + acceleration, -LANDER_FASTEST, LANDER_FASTEST);
    lander->height = lander_clip(lander->height + lander->speed, 0.0f, 1.0f);
    if (lander->height == 0.0f) {
        *landed = 1;
        reward += lander->speed >= -LANDER_SAFE ? 1.0f : -1.0f;
    }
    return reward;
}

static inline void lander_observe(const lander_t *lander, float *observation) {
    observation[0] = lander->height;
    observation[1] = lander->speed;
    observation[2] = (float)lander->fuel / LANDER_FUEL;
}

#endif
