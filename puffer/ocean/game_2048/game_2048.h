/* A step of 2048 in many games at once. Its rules are those of step_one in game_2048.pyx; a test compares the two. */
#ifndef PUFFER_GAME_2048_H
#define PUFFER_GAME_2048_H

#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

/* 64 games at a time, each in a byte of vector registers: `lanes` is one value of all of them. The loops over the
 * games have no branches, only masks: IS(true) has all bits. */
#define GAMES 64
#define EVERY(i) for (int i = 0; i < GAMES; i++)
#define IS(condition) ((uint8_t)-(condition))
#define INLINE static inline __attribute__((always_inline))
typedef uint8_t lanes[GAMES];

/* Bytes of even index, then those of odd index. */
INLINE void part(const uint8_t *restrict bytes, uint8_t *restrict parted) {
    for (int i = 0; i < 8 * GAMES; i++) {
        parted[i] = bytes[2 * i];
        parted[8 * GAMES + i] = bytes[2 * i + 1];
    }
}

/* The inverse of part(). */
INLINE void join(const uint8_t *restrict parted, uint8_t *restrict bytes) {
    for (int i = 0; i < 8 * GAMES; i++) {
        bytes[2 * i] = parted[i];
        bytes[2 * i + 1] = parted[8 * GAMES + i];
    }
}

/* From 64 boards of 16 cells to 16 cells of 64 boards. */
INLINE void boards_to_cells(lanes *cells) {
    lanes other[16];
    for (int k = 0; k < 2; k++) {
        part(cells[0], other[0]);
        part(other[0], cells[0]);
    }
}

INLINE void cells_to_boards(lanes *cells) {
    lanes other[16];
    for (int k = 0; k < 2; k++) {
        join(cells[0], other[0]);
        join(other[0], cells[0]);
    }
}

/* Turns the boards so that the move of each game is one to the left. A second time turns them back. */
INLINE void turn(const lanes *restrict cells, const lanes vertical, const lanes backward, lanes *restrict turned) {
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++) {
            const uint8_t *left = cells[4 * row + column], *right = cells[4 * row + 3 - column];
            const uint8_t *up = cells[4 * column + row], *down = cells[15 - 4 * column - row];
            EVERY(i) {
                uint8_t forth = (left[i] & ~vertical[i]) | (up[i] & vertical[i]);
                uint8_t back = (right[i] & ~vertical[i]) | (down[i] & vertical[i]);
                turned[4 * row + column][i] = (forth & ~backward[i]) | (back & backward[i]);
            }
        }
}

/* Moves the tile of b to a where a is empty. */
#define CLOSE(a, b) gap = IS(a == 0); a |= b & gap; b &= ~gap

/* Slides a row to the left. Up to two pairs merge: `merged` gets the new exponents, else 0. */
INLINE void slide(lanes *restrict row, lanes *restrict merged) {
    EVERY(i) {
        uint8_t a = row[0][i], b = row[1][i], c = row[2][i], d = row[3][i], gap;
        CLOSE(a, b);
        CLOSE(b, c);
        CLOSE(c, d);
        CLOSE(a, b);
        CLOSE(b, c);
        CLOSE(a, b);
        /* Which neighbours merge; then the tiles behind them come closer. */
        uint8_t ab = IS(a == b) & IS(a != 0), bc = IS(b == c) & IS(b != 0) & ~ab;
        uint8_t cd = IS(c == d) & IS(c != 0) & ~bc, closer = ab | bc;
        a -= ab;
        b -= bc;
        c -= cd;
        d &= ~cd;
        merged[0][i] = (a & ab) | (b & bc);
        merged[1][i] = c & cd;
        row[0][i] = a;
        row[1][i] = (c & ab) | (b & ~ab);
        row[2][i] = (d & closer) | (c & ~closer);
        row[3][i] = d & ~closer;
    }
}

/* Puts a tile on an empty cell of each game that moved. */
INLINE void add_tiles(const uint32_t *restrict bits, const lanes moved, lanes *restrict cells) {
    lanes empty = {0}, tile;
    for (int k = 0; k < 16; k++) EVERY(i) empty[i] -= IS(cells[k][i] == 0);
    EVERY(i) {
        /* The upper half is the index of the cell among the empty ones; of the lower half a tenth gives a 4. */
        uint64_t product = (uint64_t)bits[i] * empty[i];
        empty[i] = (uint8_t)(product >> 32);
        tile[i] = (1 + ((uint32_t)product < 429496730u)) & moved[i];
    }
    for (int k = 0; k < 16; k++)
        EVERY(i) {
            uint8_t is_empty = IS(cells[k][i] == 0);
            cells[k][i] |= tile[i] & is_empty & IS(empty[i] == 0);
            empty[i] += is_empty;
        }
}

/* Writes to `legal`, for each action, whether it moves a tile: of two neighbours, one to the other. */
INLINE void find_moves(const lanes *restrict cells, lanes *restrict legal) {
    memset(legal, 0, 4 * sizeof(lanes));
    for (int k = 0; k < 28; k++) {
        /* 12 pairs in the rows, then 12 in the columns. */
        int in_row = k < 16;
        if (in_row && k % 4 == 3) continue;
        const uint8_t *first = cells[k % 16], *second = cells[k % 16 + (in_row ? 1 : 4)];
        uint8_t *back = legal[in_row ? 3 : 0], *forth = legal[in_row ? 1 : 2];
        EVERY(i) {
            uint8_t same = IS(first[i] == second[i]), no_first = IS(first[i] == 0), no_second = IS(second[i] == 0);
            back[i] |= (same | no_first) & ~no_second & 1;
            forth[i] |= (same | no_second) & ~no_first & 1;
        }
    }
}

/* A step of n <= GAMES games, each with its random bits; `statistics` are the score and the greatest tile. */
PUFFER_CLONES
static void game_step(int n, uint8_t *boards, const int32_t *actions, const uint32_t *bits, uint8_t *rows,
                      float *rewards, uint8_t *over, double *statistics) {
    lanes cells[16] = {{0}}, before[16], turned[16], merged[8], legal[4];
    lanes vertical, backward, moved = {0}, top = {0};
    int32_t chosen[GAMES] = {0}, gains[GAMES] = {0};
    uint32_t drawn[GAMES] = {0};
    uint8_t flags[4 * GAMES];
    memcpy(chosen, actions, 4 * n);
    memcpy(drawn, bits, 4 * n);
    memcpy(cells, boards, 16 * n);
    boards_to_cells(cells);
    memcpy(before, cells, sizeof cells);

    EVERY(i) vertical[i] = IS((chosen[i] & 1) == 0);
    EVERY(i) backward[i] = IS((chosen[i] & 3) % 3 != 0);
    turn(cells, vertical, backward, turned);
    for (int row = 0; row < 4; row++) slide(turned + 4 * row, merged + 2 * row);
    for (int k = 0; k < 8; k++) EVERY(i) gains[i] += (merged[k][i] != 0) << merged[k][i];
    turn(turned, vertical, backward, cells);
    for (int k = 0; k < 16; k++) EVERY(i) moved[i] |= IS(before[k][i] != cells[k][i]);
    add_tiles(drawn, moved, cells);
    find_moves(cells, legal);
    for (int k = 0; k < 16; k++) EVERY(i) top[i] = cells[k][i] > top[i] ? cells[k][i] : top[i];

    for (int action = 0; action < 4; action++) EVERY(i) flags[4 * i + action] = legal[action][i];
    cells_to_boards(cells);
    memcpy(boards, cells, 16 * n);
    for (int i = 0; i < n; i++) memcpy(rows + 20 * i, cells[0] + 16 * i, 16);
    for (int i = 0; i < n; i++) memcpy(rows + 20 * i + 16, flags + 4 * i, 4);
    for (int i = 0; i < n; i++) over[i] = !(legal[0][i] | legal[1][i] | legal[2][i] | legal[3][i]);
    for (int i = 0; i < n; i++) rewards[i] = (float)gains[i];
    for (int i = 0; i < n; i++) statistics[2 * i] += gains[i];
    for (int i = 0; i < n; i++) statistics[2 * i + 1] = 1 << top[i];
}

#endif
