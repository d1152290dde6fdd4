/* The checksums of snapshots, several at once: each addition to a checksum waits for the one before. */
#ifndef PUFFER_SNAPSHOTS_H
#define PUFFER_SNAPSHOTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "puffer/native/dispatch.h"

#define CHECKSUM_LANES 16

/* rng_mix() of puffer/rng.pxd. */
static inline uint64_t checksum_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* The checksum of `size` bytes: words of 8, then single bytes. */
static uint64_t checksum_one(const uint8_t *bytes, size_t size) {
    uint64_t value = size, next;
    size_t k = 0;
    for (; k + 8 <= size; k += 8) {
        memcpy(&next, bytes + k, 8);
        value = checksum_mix(value ^ next) + k;
    }
    for (; k < size; k++) value = checksum_mix(value ^ bytes[k]) + k;
    return value;
}

/* Those of CHECKSUM_LANES pieces that are one stride apart, in vectors. */
PUFFER_CLONES
static void checksum_lanes(const uint8_t *bytes, size_t stride, size_t size, uint64_t *restrict checksums) {
    uint64_t values[CHECKSUM_LANES];
    size_t k = 0;
    for (int lane = 0; lane < CHECKSUM_LANES; lane++) values[lane] = size;
    for (; k + 8 <= size; k += 8) {
        uint64_t next[CHECKSUM_LANES];
        for (int lane = 0; lane < CHECKSUM_LANES; lane++) memcpy(&next[lane], bytes + lane * stride + k, 8);
        for (int lane = 0; lane < CHECKSUM_LANES; lane++) values[lane] = checksum_mix(values[lane] ^ next[lane]) + k;
    }
    for (; k < size; k++) {
        uint64_t next[CHECKSUM_LANES];
        for (int lane = 0; lane < CHECKSUM_LANES; lane++) next[lane] = bytes[lane * stride + k];
        for (int lane = 0; lane < CHECKSUM_LANES; lane++) values[lane] = checksum_mix(values[lane] ^ next[lane]) + k;
    }
    for (int lane = 0; lane < CHECKSUM_LANES; lane++) checksums[lane] = values[lane];
}

/* Those of n pieces. */
static void checksum_rows(ptrdiff_t n, const uint8_t *bytes, size_t stride, size_t size, uint64_t *checksums) {
    ptrdiff_t i = 0;
    for (; i + CHECKSUM_LANES <= n; i += CHECKSUM_LANES) checksum_lanes(bytes + i * stride, stride, size, checksums + i);
    for (; i < n; i++) checksums[i] = checksum_one(bytes + i * stride, size);
}

#endif
