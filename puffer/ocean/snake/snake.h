/* The board of Snake, and the part of it that a snake sees. */
#ifndef PUFFER_SNAKE_H
#define PUFFER_SNAKE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

/* A cell of the board: in the lowest three bits its Cell (for any snake OTHER_), then, of a body, in two bits the
 * direction of the next cell towards the head, then the number of the snake, from 1. While the heads move, CLAIMED is
 * added to a cell, EMPTY or FOOD, that is the target of one head; the target of several is CONTESTED. Cell 0, a wall,
 * stands for NO_TARGET. A random cell is tried TRIES times before the board is searched. Windows are written in chunks
 * of CHUNK cells. */
enum { KIND = 7, TURN = 3, OWNER = 5, CLAIMED = 8, CONTESTED = 9 };
enum { MOST_SNAKES = 2047, START_LENGTH = 3, NO_DIRECTION = 4, NO_TARGET = 0, TRIES = 1000, CHUNK = 16 };

/* CHUNK cells as a snake sees them: their kinds, two less for its own cells. There are two loops, because gcc 12 does
 * not vectorise for AVX2 a loop that also narrows. */
static inline __attribute__((always_inline)) void snake_see(
    const uint16_t *restrict cells, uint16_t owner, uint8_t *restrict seen) {
    uint16_t kinds[CHUNK];
    for (int k = 0; k < CHUNK; k++) kinds[k] = (uint16_t)((cells[k] & KIND) - (cells[k] >> OWNER == owner ? 2 : 0));
    for (int k = 0; k < CHUNK; k++) seen[k] = (uint8_t)kinds[k];
}

/* The window is written in whole chunks. The next row overwrites the bytes that a chunk writes beyond its own row; the
 * cells that the last chunk reads beyond the board lie in its padding. */
static inline __attribute__((always_inline)) void snake_window(
    int side, ptrdiff_t stride, const uint16_t *corner, uint16_t owner, uint8_t *window) {
    uint8_t last[CHUNK];
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column += CHUNK) {
            const uint16_t *cells = corner + row * stride + column;
            int index = row * side + column;
            int fits = index + CHUNK <= side * side;
            if (fits) snake_see(cells, owner, window + index);
            else snake_see(cells, owner, last);
            if (!fits) memcpy(window + index, last, side - column);
        }
}

PUFFER_CLONES
static void snake_windows(int first, int last, int side, ptrdiff_t stride, const uint16_t *board,
                          const int32_t *heads, const uint8_t *masks, uint8_t *windows) {
    for (int snake = first; snake < last; snake++) {
        const uint16_t *corner = board + heads[snake] - side / 2 * (stride + 1);
        uint8_t *window = windows + (ptrdiff_t)snake * side * side;
        if (!masks[snake]) continue;
        /* With a constant side, the compiler unrolls the loops. */
        if (side == 11) snake_window(11, stride, corner, (uint16_t)(snake + 1), window);
        else snake_window(side, stride, corner, (uint16_t)(snake + 1), window);
    }
}

#endif
