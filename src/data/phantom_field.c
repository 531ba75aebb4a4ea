/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_field.c: random knots, blended by cubic steps.
 */
#include "data/phantom_field.h"

#include "data/phantom_random.h"

#define SIDE HG_PHANTOM_FIELD_SIDE
#define MASK (SIDE - 1)

void hg_phantom_field_fill(hg_phantom_field *field, uint64_t seed)
{
    for (uint64_t i = 0; i < (uint64_t)SIDE * SIDE * SIDE; i++) {
        for (uint64_t c = 0; c < 4; c++) {
            uint64_t h = hg_phantom_hash(seed, 4 * i + c);
            field->knots[i][c] = (float)(h >> 40) * (2.0f / 16777216.0f) - 1.0f;
        }
    }
}

/* Whole part of x, rounded down; x is far from the limits of int. */
static int floor_of(float x)
{
    int i = (int)x;
    return (float)i > x ? i - 1 : i;
}

static float blend(float t)
{
    return t * t * (3.0f - 2.0f * t);
}

void hg_phantom_field_at(const hg_phantom_field *field, float x, float y, float z, float out[4])
{
    int ix = floor_of(x), iy = floor_of(y), iz = floor_of(z);
    float tx = blend(x - (float)ix), ty = blend(y - (float)iy), tz = blend(z - (float)iz);
    int x0 = ix & MASK, x1 = (ix + 1) & MASK;
    const float wx[2] = {1.0f - tx, tx}, wy[2] = {1.0f - ty, ty}, wz[2] = {1.0f - tz, tz};
    out[0] = out[1] = out[2] = out[3] = 0;
    for (int k = 0; k < 2; k++) {
        for (int j = 0; j < 2; j++) {
            int row = (((iz + k) & MASK) * SIDE + ((iy + j) & MASK)) * SIDE;
            const float *a = field->knots[row + x0], *b = field->knots[row + x1];
            float w = wz[k] * wy[j];
            for (int c = 0; c < 4; c++)
                out[c] += w * (wx[0] * a[c] + wx[1] * b[c]);
        }
    }
}
