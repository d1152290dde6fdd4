/* Flocking on a torus of side 1, in float32. Sixteen boids at a time look at all the others: while a flock fits the
 * first-level cache, this is faster than a grid of cells. */
#ifndef PUFFER_BOIDS_H
#define PUFFER_BOIDS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

enum { LANES = 16, MOST_BOIDS = 1024, ROW = 9, WAYS = 9 };

/* A coordinate is a fraction of the torus in 32 bits. It overflows where the torus closes, and the signed difference of
 * two coordinates is the shortest offset from one to the other. */
#define BOIDS_SIDE 4294967296.0f

typedef float boids_floats __attribute__((vector_size(4 * LANES)));
typedef uint32_t boids_words __attribute__((vector_size(4 * LANES)));
typedef int32_t boids_ints __attribute__((vector_size(4 * LANES)));

typedef struct {
    float vision, separation, max_speed, max_acceleration, cohesion_weight, alignment_weight, separation_weight;
} boids_rules;

/* The state of a flock is four columns: x, y, velocity in x, velocity in y. A column has `stride` numbers: the number
 * of boids, rounded up to whole lanes. */
static inline int boids_stride(int n) { return (n + LANES - 1) / LANES * LANES; }

/* The surroundings of LANES boids. Sums over the boids within sight: their number, their nearness
 * 1 - (distance / vision)^2, the offsets to them, their velocities; and over the boids that are too close: their
 * closeness 1 - (distance / separation)^2, and the offsets to them times that. */
typedef struct {
    float count[LANES], nearness[LANES], way[2][LANES], velocity[2][LANES], crowding[LANES], crowd[2][LANES];
} boids_sight;

static inline __attribute__((always_inline)) void boids_look(int n, const boids_rules *rules, const uint32_t *x,
                                                             const uint32_t *y, const float *velocity_x,
                                                             const float *velocity_y, int first, boids_sight *sight) {
    const float reach = rules->vision * BOIDS_SIDE, close = rules->separation * BOIDS_SIDE;
    const float inverse_reach = 1.0f / (reach * reach), inverse_close = 1.0f / (close * close);
    boids_words own_x, own_y;
    boids_ints count = {0};
    boids_floats none = {0}, nearnesses = none, way_x = none, way_y = none, sum_x = none, sum_y = none;
    boids_floats crowding = none, crowd_x = none, crowd_y = none;
    memcpy(&own_x, x + first, sizeof own_x);
    memcpy(&own_y, y + first, sizeof own_y);
    for (int j = 0; j < n; j++) {
        boids_floats dx = __builtin_convertvector((boids_ints)(x[j] - own_x), boids_floats);
        boids_floats dy = __builtin_convertvector((boids_ints)(y[j] - own_y), boids_floats);
        boids_floats square = dx * dx + dy * dy, velocity_xj = velocity_x[j] + none, velocity_yj = velocity_y[j] + none;
        boids_floats nearness = 1.0f - square * inverse_reach, closeness = 1.0f - square * inverse_close;
        boids_ints seen = nearness > 0.0f;
        closeness = (boids_floats)((boids_ints)closeness & (closeness > 0.0f));
        count -= seen;
        nearnesses += (boids_floats)((boids_ints)nearness & seen);
        way_x += (boids_floats)((boids_ints)dx & seen);
        way_y += (boids_floats)((boids_ints)dy & seen);
        sum_x += (boids_floats)((boids_ints)velocity_xj & seen);
        sum_y += (boids_floats)((boids_ints)velocity_yj & seen);
        crowding += closeness;
        crowd_x += closeness * dx;
        crowd_y += closeness * dy;
    }
    boids_floats number = __builtin_convertvector(count, boids_floats);
    memcpy(sight->count, &number, sizeof number);
    memcpy(sight->nearness, &nearnesses, sizeof nearnesses);
    memcpy(sight->way[0], &way_x, sizeof way_x);
    memcpy(sight->way[1], &way_y, sizeof way_y);
    memcpy(sight->velocity[0], &sum_x, sizeof sum_x);
    memcpy(sight->velocity[1], &sum_y, sizeof sum_y);
    memcpy(sight->crowding, &crowding, sizeof crowding);
    memcpy(sight->crowd[0], &crowd_x, sizeof crowd_x);
    memcpy(sight->crowd[1], &crowd_y, sizeof crowd_y);
}

static inline float boids_clip(float a) { return a > -1.0f ? (a < 1.0f ? a : 1.0f) : -1.0f; }

/* Computes the columns of the observations of LANES boids, and the three terms of their rewards. */
static inline __attribute__((always_inline)) void boids_tell(int n, const boids_rules *rules, const float *velocity_x,
                                                             const float *velocity_y, const boids_sight *sight,
                                                             float columns[ROW][LANES], float terms[3][LANES]) {
    const float to_sight = 1.0f / (rules->vision * BOIDS_SIDE), to_close = 1.0f / (rules->separation * BOIDS_SIDE);
    const float to_speed = 1.0f / rules->max_speed, share = n > 1 ? 1.0f / (float)(n - 1) : 0.0f;
    for (int k = 0; k < LANES; k++) {
        /* The sums include the boid itself, at the offset 0. */
        float others = sight->count[k] - 1.0f, mean = others > 0.0f ? 1.0f / others : 0.0f;
        float vx = velocity_x[k], vy = velocity_y[k], all = sight->count[k];
        float way_x = sight->way[0][k] * (mean * to_sight), way_y = sight->way[1][k] * (mean * to_sight);
        float turn_x = (sight->velocity[0][k] - all * vx) * (mean * 0.5f * to_speed);
        float turn_y = (sight->velocity[1][k] - all * vy) * (mean * 0.5f * to_speed);
        columns[0][k] = boids_clip(vx * to_speed);
        columns[1][k] = boids_clip(vy * to_speed);
        columns[2][k] = boids_clip(way_x);
        columns[3][k] = boids_clip(way_y);
        columns[4][k] = boids_clip(turn_x);
        columns[5][k] = boids_clip(turn_y);
        columns[6][k] = boids_clip(-sight->crowd[0][k] * to_close);
        columns[7][k] = boids_clip(-sight->crowd[1][k] * to_close);
        columns[8][k] = others * share < 1.0f ? others * share : 1.0f;
        terms[0][k] = (sight->nearness[k] - 1.0f) * share;
        terms[1][k] = others > 0.0f ? 1.0f - sqrtf(turn_x * turn_x + turn_y * turn_y) : 0.0f;
        terms[2][k] = sight->crowding[k] - 1.0f;
    }
}

/* Writes the observations of a flock, and its rewards and statistics unless `rewards` is NULL. */
PUFFER_CLONES
static void boids_observe(int n, boids_rules rules, const void *flock, float *rewards, double *statistics,
                          float *rows) {
    const int stride = boids_stride(n);
    const uint32_t *x = flock, *y = x + stride;
    const float *velocity_x = (const float *)(y + stride), *velocity_y = velocity_x + stride;
    for (int first = 0; first < n; first += LANES) {
        int count = n - first < LANES ? n - first : LANES;
        boids_sight sight;
        float columns[ROW][LANES], terms[3][LANES];
        boids_look(n, &rules, x, y, velocity_x, velocity_y, first, &sight);
        boids_tell(n, &rules, velocity_x + first, velocity_y + first, &sight, columns, terms);
        for (int k = 0; k < count; k++)
            for (int j = 0; j < ROW; j++) rows[(first + k) * ROW + j] = columns[j][k];
        if (!rewards) continue;
        for (int k = 0; k < count; k++) {
            rewards[first + k] = rules.cohesion_weight * terms[0][k] + rules.alignment_weight * terms[1][k]
                               - rules.separation_weight * terms[2][k];
            for (int j = 0; j < 3; j++) statistics[3 * (first + k) + j] += terms[j][k];
        }
    }
}

/* Changes the velocities by pushes from -1 to 1, times max_acceleration, and moves the boids. */
PUFFER_CLONES
static void boids_move(int n, boids_rules rules, void *flock, const float *push_x, const float *push_y) {
    const int stride = boids_stride(n);
    uint32_t *restrict x = flock, *restrict y = x + stride;
    float *restrict velocity_x = (float *)(y + stride), *restrict velocity_y = velocity_x + stride;
    for (int i = 0; i < n; i++) {
        float vx = velocity_x[i] + rules.max_acceleration * push_x[i];
        float vy = velocity_y[i] + rules.max_acceleration * push_y[i];
        float square = vx * vx + vy * vy;
        float scale = square > rules.max_speed * rules.max_speed ? rules.max_speed / sqrtf(square) : 1.0f;
        velocity_x[i] = vx * scale;
        velocity_y[i] = vy * scale;
        x[i] += (uint32_t)(int32_t)(velocity_x[i] * BOIDS_SIDE);
        y[i] += (uint32_t)(int32_t)(velocity_y[i] * BOIDS_SIDE);
    }
}

static void boids_step(int n, ptrdiff_t copies, const boids_rules *rules, const int32_t *discrete,
                       const float *continuous, uint32_t *flocks, float *rewards, double *statistics, float *rows) {
    float push_x[MOST_BOIDS], push_y[MOST_BOIDS];
    for (ptrdiff_t i = 0; i < copies; i++) {
        for (int k = 0; k < n; k++)
            if (discrete) {
                int32_t way = (uint32_t)*discrete < WAYS ? *discrete : WAYS / 2;
                discrete++;
                push_x[k] = (float)(way % 3 - 1);
                push_y[k] = (float)(way / 3 - 1);
            } else {
                push_x[k] = boids_clip(continuous[0]);
                push_y[k] = boids_clip(continuous[1]);
                continuous += 2;
            }
        boids_move(n, *rules, flocks, push_x, push_y);
        boids_observe(n, *rules, flocks, rewards, statistics, rows);
        flocks += 4 * boids_stride(n); rewards += n; statistics += 3 * n; rows += ROW * n;
    }
}

#endif
