/* The physics of MPE's particles, in float32. Positions, velocities and forces are pairs x, y: z[2 * i] is x of agent
 * i, z[2 * i + 1] is y.
 *
 * The state of a copy is 6 * n numbers: the positions of the agents, their velocities, the positions of the
 * landmarks. */
#ifndef PUFFER_SPREAD_H
#define PUFFER_SPREAD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/ocean/_softness.h"

enum { MOST_AGENTS = 64, ACTIONS = 5 };
static const float SPREAD_PUSH = 5.0f, SPREAD_CONTACT = 0.3f, SPREAD_COVER = 0.1f;

/* Two agents that touch push each other away; just before they touch, they do so very little. */
static inline void spread_contact(const float *a, const float *b, float *force_a, float *force_b) {
    float x = a[0] - b[0], y = a[1] - b[1], square = x * x + y * y;
    /* Farther apart, the force is smaller than rounding; at the same position, it has no direction. */
    if (square >= (SPREAD_CONTACT + 0.02f) * (SPREAD_CONTACT + 0.02f) || square == 0.0f) return;
    float distance = sqrtf(square), depth = (SPREAD_CONTACT - distance) / 1e-3f;
    float penetration = ((depth > 0.0f ? depth : 0.0f) + contact_softness(fminf(fabsf(depth), 80.0f))) * 1e-3f;
    float force = 100.0f * penetration / distance;
    force_a[0] += force * x; force_a[1] += force * y;
    force_b[0] -= force * x; force_b[1] -= force * y;
}

static inline __attribute__((always_inline)) void spread_move(int n, float *places, float *velocities, float *forces) {
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++)
            spread_contact(places + 2 * i, places + 2 * k, forces + 2 * i, forces + 2 * k);
    for (int j = 0; j < 2 * n; j++) {
        places[j] += velocities[j] * 0.1f;
        velocities[j] = velocities[j] * 0.75f + forces[j] * 0.1f;
    }
}

/* Returns the sum, over the landmarks, of the distance to the nearest agent. Writes how many of these distances are
 * small enough to count as covered, and the number of other agents that each agent touches. */
static inline __attribute__((always_inline)) float spread_judge(int n, const float *places, const float *landmarks,
                                                                int32_t *covered, int32_t *collisions) {
    float sum = 0.0f;
    int32_t near = 0;
    for (int k = 0; k < n; k++) {
        float least = INFINITY;
        for (int i = 0; i < n; i++) {
            float x = places[2 * i] - landmarks[2 * k], y = places[2 * i + 1] - landmarks[2 * k + 1];
            float square = x * x + y * y;
            least = square < least ? square : least;
        }
        sum += sqrtf(least);
        near += least < SPREAD_COVER * SPREAD_COVER;
    }
    for (int i = 0; i < n; i++) collisions[i] = 0;
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++) {
            float x = places[2 * i] - places[2 * k], y = places[2 * i + 1] - places[2 * k + 1];
            int touch = x * x + y * y < SPREAD_CONTACT * SPREAD_CONTACT;
            collisions[i] += touch;
            collisions[k] += touch;
        }
    *covered = near;
    return sum;
}

/* The observations of the agents of a copy. The messages at the end of a row are 0: nobody speaks in this scenario. */
static inline __attribute__((always_inline)) void spread_observe_one(int n, const float *state,
                                                                     float *restrict row) {
    const float *places = state, *velocities = state + 2 * n, *landmarks = state + 4 * n;
    for (int i = 0; i < n; i++, row += 6 * n) {
        float x = places[2 * i], y = places[2 * i + 1];
        float *others = row + 4 + 2 * n;
        row[0] = velocities[2 * i]; row[1] = velocities[2 * i + 1]; row[2] = x; row[3] = y;
        for (int k = 0; k < n; k++) {
            row[4 + 2 * k] = landmarks[2 * k] - x;
            row[5 + 2 * k] = landmarks[2 * k + 1] - y;
        }
        for (int k = 0; k < n - 1; k++) {
            int other = k + (k >= i);
            others[2 * k] = places[2 * other] - x;
            others[2 * k + 1] = places[2 * other + 1] - y;
        }
        for (int k = 0; k < 2 * (n - 1); k++) others[2 * (n - 1) + k] = 0.0f;
    }
}

static inline float spread_clip(float a) { return a > 0.0f ? (a < 1.0f ? a : 1.0f) : 0.0f; }

/* The forces of Discrete actions; the next function has those of Box actions. */
static inline void spread_push(int n, const int32_t *actions, float *forces) {
    static const float ways[ACTIONS][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (int i = 0; i < n; i++) {
        const float *way = ways[(uint32_t)actions[i] < ACTIONS ? actions[i] : 0];
        forces[2 * i] = SPREAD_PUSH * way[0];
        forces[2 * i + 1] = SPREAD_PUSH * way[1];
    }
}

static inline void spread_push_by_parts(int n, const float *actions, float *forces) {
    for (int i = 0; i < n; i++, actions += ACTIONS) {
        forces[2 * i] = SPREAD_PUSH * (spread_clip(actions[2]) - spread_clip(actions[1]));
        forces[2 * i + 1] = SPREAD_PUSH * (spread_clip(actions[4]) - spread_clip(actions[3]));
    }
}

static inline __attribute__((always_inline)) void spread_step_one(int n, float *forces, float local_ratio, float *state,
                                                                  float *rewards, double *statistics, float *row) {
    float *places = state, *velocities = state + 2 * n, *landmarks = state + 4 * n;
    int32_t collisions[MOST_AGENTS], covered;
    spread_move(n, places, velocities, forces);
    float shared = -(1.0f - local_ratio) * spread_judge(n, places, landmarks, &covered, collisions);
    for (int i = 0; i < n; i++) {
        rewards[i] = shared - local_ratio * (float)collisions[i];
        statistics[2 * i] += collisions[i];
        statistics[2 * i + 1] = covered;
    }
    spread_observe_one(n, state, row);
}

/* One of the two arrays of actions is NULL. */
static void spread_step(int n, ptrdiff_t copies, const int32_t *discrete, const float *continuous, float local_ratio,
                        float *state, float *rewards, double *statistics, float *rows) {
    float forces[2 * MOST_AGENTS];
    for (ptrdiff_t i = 0; i < copies; i++) {
        if (discrete) spread_push(n, discrete + i * n, forces);
        else spread_push_by_parts(n, continuous + i * n * ACTIONS, forces);
        /* With a constant number of agents, the compiler unrolls the loops. */
        if (n == 3) spread_step_one(3, forces, local_ratio, state, rewards, statistics, rows);
        else spread_step_one(n, forces, local_ratio, state, rewards, statistics, rows);
        state += 6 * n; rewards += n; statistics += 2 * n; rows += 6 * n * n;
    }
}

static void spread_observe(int n, const float *state, float *row) { spread_observe_one(n, state, row); }

#endif
