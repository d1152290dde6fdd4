/* OpenSimplex noise at all cells of a world at once, to within 1.3e-4: float32, in vectors, with the contributions of all
 * vertices, where OpenSimplex leaves small ones out. A comparison that is closer than that asks for the exact noise.
 *
 * A vertex (i, j, k) of the lattice lies at (i, j, k) plus a third of i + j + k on every axis, and reaches as far as the
 * square root of 2. The vertices are visited one by one, and each adds to the cells that it reaches. */
#ifndef PUFFER_CRAFTER_FIELDS_H
#define PUFFER_CRAFTER_FIELDS_H

#include <math.h>
#include <stdint.h>

#include "puffer/native/dispatch.h"

/* A row has room for the lanes that hang over its end. */
enum { FIELD_LANES = 8, FIELD_ROW = 64 + FIELD_LANES };

typedef struct {
    double row_step, column_step, z;
    /* Whether a row is one of cells with the same y. */
    int swapped;
    /* The cells that are wanted, rows and columns alike. */
    int first, last;
} field_shape;

static inline int field_above(int low, double bound)
{
    int value = (int)ceil(bound);
    return value > low ? value : low;
}

static inline int field_below(int high, double bound)
{
    int value = (int)floor(bound);
    return value < high ? value : high;
}

/* Vectors of the extension that gcc and clang share, which fit every processor. Rows are aligned to numbers only. */
typedef float field_vector __attribute__((vector_size(4 * FIELD_LANES)));
typedef int32_t field_mask __attribute__((vector_size(4 * FIELD_LANES)));
typedef float field_place __attribute__((vector_size(4 * FIELD_LANES), aligned(4), may_alias));

/* Add what a vertex contributes to a row. `d` is the way along it from the vertex to the column `first`. */
static inline __attribute__((always_inline)) void field_add(float *row, int first, int last, float d, float step,
                                                             float reach, float across, float along)
{
    const field_vector lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    field_vector way = d + lanes * step;
    for (; first <= last; first += FIELD_LANES, way += FIELD_LANES * step) {
        field_vector left = reach - way * way;
        /* Twice what is left, or 0: compilers make single numbers of comparisons of vectors. */
        left += (field_vector)((field_mask)left & 0x7FFFFFFF);
        left *= left;
        *(field_place *)(row + first) += left * left * (across + along * way);
    }
}

PUFFER_CLONES static void field_make(const uint8_t *permutation, const int *gradients, const field_shape *shape,
                                     float *restrict field)
{
    const double far = 1.4142135623730951, row_step = shape->row_step, column_step = shape->column_step;
    const double low_row = shape->first * row_step - far, high_row = shape->last * row_step + far;
    const double low_column = shape->first * column_step - far, high_column = shape->last * column_step + far;
    const int swapped = shape->swapped;
    for (int i = 0; i < 64 * FIELD_ROW; i++)
        field[i] = 0;
    int most = (int)floor((high_row + high_column + shape->z + far) / 2);
    for (int sum = (int)ceil((low_row + low_column + shape->z - far) / 2); sum <= most; sum++) {
        double shift = sum / 3.0;
        int highest = (int)floor(shape->z + far - shift), furthest = (int)floor(high_row - shift);
        for (int k = (int)ceil(shape->z - far - shift); k <= highest; k++)
            for (int across = (int)ceil(low_row - shift); across <= furthest; across++) {
                int along = sum - k - across, i = swapped ? along : across, j = swapped ? across : along;
                double row_at = across + shift, column_at = along + shift, dz = shape->z - (k + shift);
                double reach = 2 - dz * dz;
                if (column_at <= low_column || column_at >= high_column || reach <= 0)
                    continue;
                int hash = permutation[(permutation[(permutation[i & 255] + j) & 255] + k) & 255] % 24;
                double g_row = gradients[3 * hash + swapped] / (16 * 103.0), g_z = gradients[3 * hash + 2] / (16 * 103.0);
                double g_column = gradients[3 * hash + 1 - swapped] / (16 * 103.0), width = sqrt(reach);
                int last = field_below(shape->last, (row_at + width) / row_step);
                for (int row = field_above(shape->first, (row_at - width) / row_step); row <= last; row++) {
                    double d = row * row_step - row_at, left = reach - d * d;
                    if (left <= 0)
                        continue;
                    double half = sqrt(left);
                    int first = field_above(shape->first, (column_at - half) / column_step);
                    field_add(field + row * FIELD_ROW, first,
                              field_below(shape->last, (column_at + half) / column_step),
                              (float)(first * column_step - column_at), (float)column_step, (float)left,
                              (float)(g_row * d + g_z * dz), (float)g_column);
                }
            }
    }
}

#endif
