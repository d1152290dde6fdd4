/* The softness of contacts between MPE's particles, for spread and mpe. */
#ifndef PUFFER_SOFTNESS_H
#define PUFFER_SOFTNESS_H

#include <stdint.h>
#include <string.h>

/* log(1 + exp(-a)) for a from 0 to 80, with a relative error of 4e-7. Written out, because the rounding of exp and log
 * differs between C libraries. */
static inline float contact_softness(float a) {
    float n = (float)(int)(a * 1.44269504f + 0.5f);
    float r = n * 0.693145752f - a + n * 1.42860677e-6f;
    float power = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666642f + r * (0.00833333377f
                + r * 0.00138888892f)))));
    int32_t bits = (127 - (int32_t)n) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    float e = power * scale, s = e / (2.0f + e), q = s * s;
    return 2.0f * s * (1.0f + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * (0.111111111f + q * (0.0909090909f
           + q * 0.0769230769f))))));
}

#endif
