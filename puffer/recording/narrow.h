/* Actions of few choices in one byte each. Plain loops, which the compiler turns into vectors. */
#ifndef PUFFER_RECORDING_NARROW_H
#define PUFFER_RECORDING_NARROW_H

#include <stddef.h>
#include <stdint.h>

#include "puffer/native/dispatch.h"

PUFFER_CLONES static void narrow_32(ptrdiff_t n, const int32_t *restrict wide, uint8_t *restrict narrow) {
    for (ptrdiff_t i = 0; i < n; i++) {
        narrow[i] = (uint8_t)wide[i];
    }
}

PUFFER_CLONES static void narrow_64(ptrdiff_t n, const int64_t *restrict wide, uint8_t *restrict narrow) {
    for (ptrdiff_t i = 0; i < n; i++) {
        narrow[i] = (uint8_t)wide[i];
    }
}

#endif
