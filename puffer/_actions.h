/* Checks of actions, in one vectorised pass that also copies them. */
#ifndef PUFFER_ACTIONS_H
#define PUFFER_ACTIONS_H

#include <stddef.h>
#include <stdint.h>
#include "_dispatch.h"

/* The action checks copy n rows of `columns` values from `source` to `target` (which may be the same memory) and
 * return whether all of them are good; finding the culprit is left to the caller, who is about to raise. Integers
 * must lie in low[c] .. low[c] + count[c] - 1 of their column, floats must be finite and inside float32. */
#define DEFINE_TAKE_INTEGERS(name, type, unsigned_type)                                                                \
    PUFFER_CLONES                                                                                                      \
    static int name##_scalar(ptrdiff_t n, const type *source, int32_t *target, type low, unsigned_type count) {       \
        int bad = 0;                                                                                                   \
        for (ptrdiff_t r = 0; r < n; r++) {                                                                            \
            type value = source[r];                                                                                    \
            bad |= (unsigned_type)value - (unsigned_type)low >= count;                                                 \
            target[r] = (int32_t)value;                                                                                \
        }                                                                                                              \
        return !bad;                                                                                                   \
    }                                                                                                                  \
    static int name(ptrdiff_t n, ptrdiff_t columns, const type *source, int32_t *target, const int32_t *low,          \
                    const uint32_t *count) {                                                                           \
        int bad = 0;                                                                                                   \
        if (columns == 1) return name##_scalar(n, source, target, low[0], count[0]);                                  \
        for (ptrdiff_t r = 0; r < n; r++)                                                                              \
            for (ptrdiff_t c = 0; c < columns; c++) {                                                                  \
                type value = source[r * columns + c];                                                                  \
                bad |= (unsigned_type)value - (unsigned_type)low[c] >= count[c];                                       \
                target[r * columns + c] = (int32_t)value;                                                              \
            }                                                                                                          \
        return !bad;                                                                                                   \
    }

DEFINE_TAKE_INTEGERS(take_int32, int32_t, uint32_t)
DEFINE_TAKE_INTEGERS(take_int64, int64_t, uint64_t)

#define DEFINE_TAKE_FLOATS(name, type)                                                                                 \
    PUFFER_CLONES                                                                                                      \
    static int name(ptrdiff_t n, const type *source, float *target) {                                                  \
        int bad = 0;                                                                                                   \
        for (ptrdiff_t r = 0; r < n; r++) {                                                                            \
            float value = (float)source[r];                                                                            \
            bad |= !(value - value == 0.0f); /* infinities and NaN give NaN */                                         \
            target[r] = value;                                                                                         \
        }                                                                                                              \
        return !bad;                                                                                                   \
    }

DEFINE_TAKE_FLOATS(take_float32, float)
DEFINE_TAKE_FLOATS(take_float64, double)

#endif
