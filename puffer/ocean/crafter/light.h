/* The light of Crafter's pictures, in planes of one colour. Every operation is rounded as in the package: float32 for
 * the mix of colour and grey, double for the rest. */
#ifndef PUFFER_CRAFTER_LIGHT_H
#define PUFFER_CRAFTER_LIGHT_H

#include <stdint.h>

#include "puffer/native/dispatch.h"

enum { LIGHT_PIXELS = 63 * 49 };

static inline int light_grey(int red, int green, int blue)
{
    return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}

/* The colour that is left of a pixel at night: 0.4 of it, the rest its grey; and that mixed with a dark blue. */
static inline double light_night(int grey, int seen, int tint)
{
    int muted = (int)((float)grey + 0.4f * (float)(seen - grey));
    return 0.5 * muted + 0.5 * tint;
}

static inline uint8_t light_mixed(double daylight, int colour, double night)
{
    return (uint8_t)(int)(daylight * colour + (1 - daylight) * night);
}

PUFFER_CLONES static void light_day(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                                    double daylight)
{
    for (int i = 0; i < LIGHT_PIXELS; i++) {
        int r = red[i], g = green[i], b = blue[i], grey = light_grey(r, g, b);
        red[i] = light_mixed(daylight, r, light_night(grey, r, 0));
        green[i] = light_mixed(daylight, g, light_night(grey, g, 16));
        blue[i] = light_mixed(daylight, b, light_night(grey, b, 64));
    }
}

/* A number for a pixel of a picture with this seed, from 32 to 127 (after the hash "lowbias32" of C. Wellons, 2018). */
static inline double light_noise(uint32_t seed, uint32_t pixel)
{
    uint32_t x = seed + pixel * 0x9E3779B9u;
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    x ^= x >> 16;
    return 32 + 95 * ((double)(int32_t)(x >> 8) * 0x1p-24);
}

PUFFER_CLONES static void light_dark(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                                     double daylight, const double *restrict vignette, uint32_t seed)
{
    double amount = 2 * (0.5 - daylight);
    for (int i = 0; i < LIGHT_PIXELS; i++) {
        double share = amount * vignette[i], noise = light_noise(seed, (uint32_t)i);
        int r = red[i], g = green[i], b = blue[i];
        int seen_r = (uint8_t)(int)((1 - share) * r + share * noise);
        int seen_g = (uint8_t)(int)((1 - share) * g + share * noise);
        int seen_b = (uint8_t)(int)((1 - share) * b + share * noise);
        int grey = light_grey(seen_r, seen_g, seen_b);
        red[i] = light_mixed(daylight, r, light_night(grey, seen_r, 0));
        green[i] = light_mixed(daylight, g, light_night(grey, seen_g, 16));
        blue[i] = light_mixed(daylight, b, light_night(grey, seen_b, 64));
    }
}

/* What a sleeping player sees. */
PUFFER_CLONES static void light_asleep(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue)
{
    for (int i = 0; i < LIGHT_PIXELS; i++) {
        int grey = light_grey(red[i], green[i], blue[i]);
        red[i] = green[i] = (uint8_t)(grey >> 1);
        blue[i] = (uint8_t)((grey + 16) >> 1);
    }
}

/* Put the planes into a picture with 64 pixels of three colours in a row. */
PUFFER_CLONES static void light_woven(const uint8_t *restrict red, const uint8_t *restrict green,
                                      const uint8_t *restrict blue, uint8_t *restrict picture)
{
    for (int row = 0; row < 49; row++)
        for (int i = 0; i < 63; i++) {
            picture[192 * row + 3 * i] = red[63 * row + i];
            picture[192 * row + 3 * i + 1] = green[63 * row + i];
            picture[192 * row + 3 * i + 2] = blue[63 * row + i];
        }
}

#endif
