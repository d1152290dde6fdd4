/* The floor of the robot warehouse: the moves of the robots, and the part of the floor that a robot sees. */
#ifndef PUFFER_RWARE_H
#define PUFFER_RWARE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

enum { NOOP, FORWARD, TURN_LEFT, TURN_RIGHT, TOGGLE_LOAD };
/* A cell of the floor: in the lowest three bits a robot's direction + 1, or 0; then one bit each: there is a shelf, it
 * is requested, the robot carries it, the cell is a highway, it is a wall. The walls around the floor are as wide as a
 * robot sees. While moves are planned, free cells that a robot will enter are CLAIMED. */
enum { ROBOT = 7, SHELF = 8, REQUESTED = 16, CARRIED = 32, HIGHWAY = 64, WALL = 128, CLAIMED = 7, SEEN = 31 };
enum { MOST_ROBOTS = 64, SELF_FLOATS = 8, CELL_FLOATS = 7 };

typedef struct { int32_t cell; uint8_t direction, loaded, delivered; } rware_robot;

/* By action and direction (up, down, left, right), the new direction. */
static const uint8_t rware_turns[5][4] = {{0, 1, 2, 3}, {0, 1, 2, 3}, {2, 3, 1, 0}, {3, 2, 0, 1}, {0, 1, 2, 3}};

#include "puffer/ocean/rware/queues.h"

static inline int rware_action(int32_t action) { return (uint32_t)action <= TOGGLE_LOAD ? action : NOOP; }

/* Finds the cell that each robot goes to, its own if it stays. Without branches, since random actions are not
 * predictable. */
static inline void rware_plan(int n, const rware_robot *robots, const int32_t *actions, uint8_t *floor,
                              const int32_t *steps, int stride, int margin, int32_t *targets) {
    int in_the_way = 0;
    for (int i = 0; i < n; i++) {
        int32_t cell = robots[i].cell, step = steps[robots[i].direction];
        int code = floor[cell + step];
        /* A loaded robot cannot enter a cell with a shelf, unless a robot carries that shelf. */
        int blocked = code >> 7 | (robots[i].loaded & (code >> 3 & ~(code >> 5) & 1));
        int moves = (actions[i] == FORWARD) & ~blocked;
        targets[i] = cell + (step & -moves);
        in_the_way |= code & ROBOT & -moves;
        floor[targets[i]] |= (uint8_t)(CLAIMED & -moves);
    }
    if (in_the_way) {
        for (int i = 0; i < n; i++) floor[targets[i]] &= (uint8_t)~ROBOT;
        rware_queue(n, robots, targets, stride, margin);
    }
}

/* Carries the plans out. Returns, as bits, the robots that put down a shelf that had been delivered. */
static inline uint64_t rware_move(int n, rware_robot *robots, const int32_t *actions, uint8_t *floor,
                                  const int32_t *targets) {
    uint8_t arriving[MOST_ROBOTS];
    uint64_t returned = 0;
    /* All robots leave before the first one arrives. */
    for (int i = 0; i < n; i++) {
        rware_robot robot = robots[i];
        int here = floor[robot.cell], action = rware_action(actions[i]);
        int may_toggle = (here >> 3 & ~robot.loaded) | (~(here >> 6) & robot.loaded);
        int toggles = (action == TOGGLE_LOAD) & may_toggle, unloads = toggles & robot.loaded;
        returned |= (uint64_t)(unloads & robot.delivered) << i;
        robot.delivered &= (uint8_t)~unloads;
        robot.loaded ^= (uint8_t)toggles;
        robot.direction = rware_turns[action][robot.direction];
        int load = here & (SHELF | REQUESTED) & -robot.loaded;
        arriving[i] = (uint8_t)((robot.direction + 1) | load | (CARRIED & -robot.loaded));
        floor[robot.cell] = (uint8_t)(here & ~(ROBOT | CARRIED | load));
        robot.cell = targets[i];
        robots[i] = robot;
    }
    for (int i = 0; i < n; i++) floor[targets[i]] = (uint8_t)((floor[targets[i]] & ~CLAIMED) | arriving[i]);
    return returned;
}

/* A row of rware_cells has seven floats and one for padding, so that it is copied as eight. */
static float rware_cells[SEEN + 1][8];
static float rware_bodies[2][4][SELF_FLOATS];

static void rware_fill_tables(void) {
    for (int code = 0; code <= SEEN; code++) {
        int direction = code & ROBOT ? (code & ROBOT) - 1 : 0;
        rware_cells[code][0] = (code & ROBOT) != 0;
        /* As in the package, the direction of an empty cell is up. */
        if (direction < 4) rware_cells[code][1 + direction] = 1;
        rware_cells[code][5] = (code & SHELF) != 0;
        rware_cells[code][6] = (code & SHELF) && (code & REQUESTED);
    }
    for (int loaded = 0; loaded < 2; loaded++)
        for (int direction = 0; direction < 4; direction++) {
            rware_bodies[loaded][direction][2] = (float)loaded;
            rware_bodies[loaded][direction][3 + direction] = 1;
        }
}

static inline __attribute__((always_inline)) void rware_see(int side, ptrdiff_t stride, const uint8_t *corner,
                                                            float *restrict row) {
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++, row += CELL_FLOATS) {
            const float *cell = rware_cells[corner[y * stride + x] & SEEN];
            /* Eight floats are copied faster than seven; the next cell overwrites the last of them. */
            if (y < side - 1 || x < side - 1) memcpy(row, cell, 8 * sizeof(float));
            else memcpy(row, cell, CELL_FLOATS * sizeof(float));
        }
}

/* Writes the observations of copies. `places` has, by cell, the numbers of the first SELF_FLOATS that depend on it. */
PUFFER_CLONES
static void rware_observe(ptrdiff_t copies, int n, int side, ptrdiff_t stride, ptrdiff_t floor_size,
                          const rware_robot *robots, const uint8_t *floor, const float *places, float *restrict row) {
    ptrdiff_t corner = (side / 2) * (stride + 1);
    for (ptrdiff_t i = 0; i < copies; i++, robots += n, floor += floor_size)
        for (int k = 0; k < n; k++, row += SELF_FLOATS + CELL_FLOATS * side * side) {
            const float *place = places + SELF_FLOATS * robots[k].cell;
            const float *body = rware_bodies[robots[k].loaded][robots[k].direction];
            for (int j = 0; j < SELF_FLOATS; j++) row[j] = place[j] + body[j];
            /* With a constant side, the compiler unrolls the loops. */
            if (side == 3) rware_see(3, stride, floor + robots[k].cell - corner, row + SELF_FLOATS);
            else rware_see(side, stride, floor + robots[k].cell - corner, row + SELF_FLOATS);
        }
}

#endif
