/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_write_q6_k.c: 256 numbers to a block of q6_k with a small squared error.
 *
 * First each group of 16 looks for its own best scale: several that put its largest magnitude near code -32
 * are tried, and each set of codes gets the scale that fits it best, a = <x, q> / <q, q>, which lowers |x|²
 * by a <x, q>. The largest of these scales fixes the block's; then each group tries the whole multiples of it
 * around its own and keeps the one with the least error.
 */
#include "tensor/quant.h"
#include "tensor/quant_lanes.h"

#define GROUPS 16
#define STEPS 16 /* elements of a group */
#define LOWEST (-32.0F)
#define HIGHEST 31.0F
#define MULTIPLE_MIN (-128.0F)
#define MULTIPLE_MAX 127.0F
/* Scales tried on either side of the first guess, and multiples. */
#define SCALES_AROUND 4
#define SCALE_STEP 0.2F /* codes by which the largest magnitude moves */
#define MULTIPLES_AROUND 2

/* Four groups. */
typedef struct quad {
    hg_lanes x[STEPS];
    hg_lanes scale; /* the best so far; in the end as a multiple of the block's */
    hg_lanes gain;  /* by how much it lowers |x|² */
} quad;

typedef struct code_sums {
    hg_lanes qq, xq; /* <q, q>, <x, q> */
} code_sums;

static inline hg_lanes codes_of(hg_lanes x, hg_lanes inverse)
{
    return hg_lanes_round(hg_lanes_clamp(x * inverse, LOWEST, HIGHEST));
}

static inline code_sums try_codes(const quad *f, hg_lanes inverse)
{
    code_sums sums = {{0}, {0}};
    for (int i = 0; i < STEPS; i++) {
        hg_lanes q = codes_of(f->x[i], inverse);
        sums.qq += q * q;
        sums.xq += q * f->x[i];
    }
    return sums;
}

static inline void keep_better(quad *f, hg_lanes scale, hg_lanes gain)
{
    hg_lanes_mask better = gain > f->gain;
    f->scale = hg_lanes_select(better, scale, f->scale);
    f->gain = hg_lanes_select(better, gain, f->gain);
}

static void search_scales(quad *f)
{
    hg_lanes largest = f->x[0];
    for (int i = 1; i < STEPS; i++)
        largest = hg_lanes_select(hg_lanes_abs(f->x[i]) > hg_lanes_abs(largest), f->x[i], largest);
    hg_lanes inverse = hg_lanes_inverse(largest);
    f->scale = f->gain = hg_lanes_all(0);
    for (int step = -SCALES_AROUND; step <= SCALES_AROUND; step++) {
        code_sums sums = try_codes(f, inverse * (LOWEST + SCALE_STEP * (float)step));
        hg_lanes scale = sums.xq * hg_lanes_inverse(sums.qq);
        keep_better(f, scale, scale * sums.xq);
    }
}

/* From a scale of any size to a multiple of `unit`. */
static void search_multiples(quad *f, float unit)
{
    hg_lanes first = hg_lanes_round(f->scale * (1 / unit));
    f->scale = f->gain = hg_lanes_all(0);
    for (int step = -MULTIPLES_AROUND; step <= MULTIPLES_AROUND; step++) {
        hg_lanes multiple = hg_lanes_clamp(first + (float)step, MULTIPLE_MIN, MULTIPLE_MAX);
        hg_lanes a = multiple * unit;
        code_sums sums = try_codes(f, hg_lanes_inverse(a));
        keep_better(f, multiple, a * (2 * sums.xq - a * sums.qq));
    }
}

static void store_codes(const quad quads[], float scale, hg_block_q6_k *to)
{
    uint8_t code[GROUPS][STEPS];
    for (int g = 0; g < GROUPS; g += HG_LANES) {
        const quad *f = &quads[g / HG_LANES];
        hg_lanes inverse = hg_lanes_inverse(f->scale * scale);
        for (int l = 0; l < HG_LANES; l++)
            to->scales[g + l] = (int8_t)f->scale[l];
        for (int i = 0; i < STEPS; i++) {
            hg_lanes q = codes_of(f->x[i], inverse) - LOWEST;
            for (int l = 0; l < HG_LANES; l++)
                code[g + l][i] = (uint8_t)q[l];
        }
    }
    for (int half = 0; half < 2; half++) {
        const uint8_t *c = code[half * GROUPS / 2];
        uint8_t *low = to->low + half * 64, *high = to->high + half * 32;
        for (int l = 0; l < 32; l++) {
            low[l] = (uint8_t)((c[l] & 15) | (c[64 + l] & 15) << 4);
            low[32 + l] = (uint8_t)((c[32 + l] & 15) | (c[96 + l] & 15) << 4);
            high[l] = (uint8_t)(c[l] >> 4 | c[32 + l] >> 4 << 2 | c[64 + l] >> 4 << 4 | c[96 + l] >> 4 << 6);
        }
    }
}

/* The scale of the block from the largest of its groups', whose multiple becomes the least there is. */
static float block_scale(const quad quads[], float unit, uint16_t *stored)
{
    float largest = 0;
    for (int g = 0; g < GROUPS; g++) {
        float scale = quads[g / HG_LANES].scale[g % HG_LANES];
        largest = fabsf(scale) > fabsf(largest) ? scale : largest;
    }
    return hg_lanes_store_scale(largest / MULTIPLE_MIN, unit, stored);
}

void hg_quant_write_q6_k(const float x[256], hg_block_q6_k *to)
{
    quad quads[GROUPS / HG_LANES] = {{.scale = {0}}};
    float unit = hg_lanes_unit(256, x), scale = 0;
    to->scale = 0;
    if (unit > 0) {
        for (int i = 0; i < GROUPS / HG_LANES; i++) {
            hg_lanes_take(STEPS, x + i * HG_LANES * STEPS, 1 / unit, quads[i].x);
            search_scales(&quads[i]);
        }
        scale = block_scale(quads, unit, &to->scale);
        for (int i = 0; i < GROUPS / HG_LANES; i++)
            search_multiples(&quads[i], scale);
    }
    store_codes(quads, scale, to);
}
