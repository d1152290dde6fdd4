/* Checks of actions, in one vectorised pass that also copies them. */
#ifndef PUFFER_ACTIONS_H
#define PUFFER_ACTIONS_H

#include <stddef.h>
#include <stdint.h>
#include "puffer/native/dispatch.h"

/* The action checks copy n rows of `columns` values from `source` to `target` (which may be the same memory) and
 * return whether all of them are good; finding the culprit is left to the caller, who is about to raise. Integers
 * must lie in low[c] .. low[c] + count[c] - 1 of their column, floats must be finite as the type of the target. */
#define DEFINE_TAKE_INTEGERS(name, type, unsigned_type, target_type)                                                   \
    PUFFER_CLONES                                                                                                      \
    static int name##_scalar(ptrdiff_t n, const type *source, target_type *target, type low, unsigned_type count) {   \
        int bad = 0;                                                                                                   \
        for (ptrdiff_t r = 0; r < n; r++) {                                                                            \
            type value = source[r];                                                                                    \
            bad |= (unsigned_type)value - (unsigned_type)low >= count;                                                 \
            target[r] = (target_type)value;                                                                            \
        }                                                                                                              \
        return !bad;                                                                                                   \
    }                                                                                                                  \
    static int name(ptrdiff_t n, ptrdiff_t columns, const type *source, target_type *target, const int32_t *low,      \
                    const uint32_t *count) {                                                                           \
        int bad = 0;                                                                                                   \
        if (columns == 1) return name##_scalar(n, source, target, low[0], count[0]);                                  \
        for (ptrdiff_t r = 0; r < n; r++)                                                                              \
            for (ptrdiff_t c = 0; c < columns; c++) {                                                                  \
                type value = source[r * columns + c];                                                                  \
                bad |= (unsigned_type)value - (unsigned_type)low[c] >= count[c];                                       \
                target[r * columns + c] = (target_type)value;                                                          \
            }                                                                                                          \
        return !bad;                                                                                                   \
    }

DEFINE_TAKE_INTEGERS(take_int32, int32_t, uint32_t, int32_t)
DEFINE_TAKE_INTEGERS(take_int64, int64_t, uint64_t, int32_t)
DEFINE_TAKE_INTEGERS(take_int32_wide, int32_t, uint32_t, int64_t)
DEFINE_TAKE_INTEGERS(take_int64_wide, int64_t, uint64_t, int64_t)

#define DEFINE_TAKE_FLOATS(name, type, target_type)                                                                    \
    PUFFER_CLONES                                                                                                      \
    static int name(ptrdiff_t n, const type *source, target_type *target) {                                            \
        int bad = 0;                                                                                                   \
        for (ptrdiff_t r = 0; r < n; r++) {                                                                            \
            target_type value = (target_type)source[r];                                                                \
            bad |= !(value - value == 0); /* infinities and NaN give NaN */                                            \
            target[r] = value;                                                                                         \
        }                                                                                                              \
        return !bad;                                                                                                   \
    }

DEFINE_TAKE_FLOATS(take_float32, float, float)
DEFINE_TAKE_FLOATS(take_float64, double, float)
DEFINE_TAKE_FLOATS(take_float32_wide, float, double)
DEFINE_TAKE_FLOATS(take_float64_wide, double, double)

#endif
