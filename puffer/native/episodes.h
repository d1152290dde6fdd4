/* The book-keeping of episodes after a step, in vectorised passes. */
#ifndef PUFFER_EPISODES_H
#define PUFFER_EPISODES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

/* Rows that one call of account_rows() handles: row numbers within a block fit a byte. */
#define ACCOUNT_BLOCK 256

/* The positions of the set bits of the byte m, lowest first, one per byte, and their number. */
static struct {
    uint64_t positions;
    int count;
} set_bits[256];

static void episodes_init(void) {
    for (int m = 0; m < 256; m++)
        for (int bit = 0; bit < 8; bit++)
            if (m >> bit & 1) set_bits[m].positions |= (uint64_t)bit << (8 * set_bits[m].count++);
}

PUFFER_CLONES
static void add_rewards(ptrdiff_t n, const float *restrict rewards, double *restrict returns) {
    for (ptrdiff_t r = 0; r < n; r++) returns[r] += rewards[r];
}

PUFFER_CLONES
static void count_steps(ptrdiff_t n, int32_t max_steps, int32_t *restrict elapsed, uint8_t *restrict truncations) {
    for (ptrdiff_t r = 0; r < n; r++) elapsed[r] += 1;
    for (ptrdiff_t r = 0; r < n; r++) truncations[r] |= elapsed[r] >= max_steps;
}

/* Writes the numbers of the rows whose flag, the "or" of a and b, is not `out`, in order; returns how many, at most n.
 * The flags are 0 or 1 (a forged snapshot may have others, and then any rows are found), and `found` has room for n + 8. */
static inline int find_rows(ptrdiff_t n, const uint8_t *a, const uint8_t *b, uint8_t out, uint8_t *found) {
    int count = 0;
    ptrdiff_t r = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; r + 8 <= n; r += 8) {
        uint64_t first, second, flags, positions;
        memcpy(&first, a + r, 8);
        memcpy(&second, b + r, 8);
        flags = (first | second) ^ out * UINT64_C(0x0101010101010101);
        /* The product gathers the low bits of the eight bytes in the top byte. */
        uint8_t m = (uint8_t)((flags * UINT64_C(0x0102040810204080)) >> 56);
        positions = set_bits[m].positions + (uint64_t)r * UINT64_C(0x0101010101010101);
        memcpy(found + count, &positions, 8);
        count += set_bits[m].count;
    }
#endif
    for (; r < n; r++) {
        found[count] = (uint8_t)r;
        count += ((a[r] | b[r]) ^ out) & 1;
    }
    return count;
}

/* The rows of n <= ACCOUNT_BLOCK that are not alive, as find_rows() writes them. */
static int find_dead(ptrdiff_t n, const uint8_t *alive, uint8_t *found) {
    return find_rows(n, alive, alive, 1, found);
}

/* After a step of n <= ACCOUNT_BLOCK rows that are each an episode of their own: adds the rewards to the episode
 * returns, counts the steps, truncates at max_steps, and writes the rows whose episode ended to `ended`, which has
 * room for ACCOUNT_BLOCK + 8. Returns how many ended. */
static int account_rows(ptrdiff_t n, const float *rewards, const uint8_t *terminations, uint8_t *truncations,
                        double *returns, int32_t *elapsed, int32_t max_steps, uint8_t *ended) {
    add_rewards(n, rewards, returns);
    count_steps(n, max_steps, elapsed, truncations);
    return find_rows(n, terminations, truncations, 0, ended);
}

#endif
