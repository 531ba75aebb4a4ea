/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_write_q4_k.c: 256 numbers to a block of q4_k with a small squared error.
 *
 * First each group of 32 looks for its own best line, x = a q + c: several scales are tried from its smallest
 * value on, and each set of codes gets the line that fits it best, a = cov(x, q) / var(q), through the means.
 * The largest a and |c| fix the block's two scales; then each group tries whole multiples of them around its
 * own line and keeps the pair with the least error.
 *
 * The format subtracts its minima, so c <= 0, unless the scale of the minima is negative, which serves blocks
 * whose values are all positive.
 */
#include "tensor/quant.h"
#include "tensor/quant_lanes.h"

#define GROUPS 8
#define STEPS 32 /* elements of a group */
#define HIGHEST 15.0F
#define MULTIPLE_MAX 63.0F
/* Scales tried on either side of the first guess, and how often a line is found anew for the codes that
 * round best to the line before. */
#define SCALES_AROUND 3
#define SCALE_STEP 0.3F /* codes by which the largest value moves */
#define REFINEMENTS 2

/* Four groups. */
typedef struct quad {
    hg_lanes x[STEPS];
    hg_lanes sum;           /* of x */
    hg_lanes scale, offset; /* a and c, the best so far; in the end -c and a as multiples of the block's */
    hg_lanes gain;          /* by how much they lower |x|² */
} quad;

typedef struct code_sums {
    hg_lanes q, qq, xq; /* sum of q, <q, q>, <x, q> */
} code_sums;

static inline hg_lanes codes_of(hg_lanes x, hg_lanes inverse, hg_lanes offset)
{
    return hg_lanes_round(hg_lanes_clamp((x - offset) * inverse, 0, HIGHEST));
}

static inline code_sums try_codes(const quad *f, hg_lanes inverse, hg_lanes offset)
{
    code_sums sums = {{0}, {0}, {0}};
    for (int i = 0; i < STEPS; i++) {
        hg_lanes q = codes_of(f->x[i], inverse, offset);
        sums.q += q;
        sums.qq += q * q;
        sums.xq += q * f->x[i];
    }
    return sums;
}

static inline void keep_better(quad *f, hg_lanes scale, hg_lanes offset, hg_lanes gain)
{
    hg_lanes_mask better = gain > f->gain;
    f->scale = hg_lanes_select(better, scale, f->scale);
    f->offset = hg_lanes_select(better, offset, f->offset);
    f->gain = hg_lanes_select(better, gain, f->gain);
}

/* The line that fits codes best, kept when it beats the best so far: through zero when the format lacks its
 * offset. `sign` is that of the block's minima. */
static inline void fit_line(quad *f, const code_sums *s, float sign)
{
    const float n = STEPS;
    hg_lanes common = s->xq - f->sum * s->q / n;
    hg_lanes scale = common * hg_lanes_inverse(s->qq - s->q * s->q / n);
    hg_lanes offset = (f->sum - scale * s->q) / n;
    hg_lanes gain = scale * common + f->sum * f->sum / n;
    hg_lanes flat = s->xq * hg_lanes_inverse(s->qq);
    hg_lanes_mask through_zero = offset * sign > 0;
    scale = hg_lanes_select(through_zero, flat, scale);
    offset = hg_lanes_select(through_zero, hg_lanes_all(0), offset);
    gain = hg_lanes_select(through_zero, flat * s->xq, gain);
    keep_better(f, scale, offset, hg_lanes_select(scale > 0, gain, hg_lanes_all(0)));
}

static void search_line(quad *f, float sign)
{
    hg_lanes least = f->x[0], most = f->x[0], sum = f->x[0];
    for (int i = 1; i < STEPS; i++) {
        least = hg_lanes_select(f->x[i] < least, f->x[i], least);
        most = hg_lanes_select(f->x[i] > most, f->x[i], most);
        sum += f->x[i];
    }
    least = hg_lanes_select(least * sign > 0, hg_lanes_all(0), least);
    /* To begin with: all codes zero, at the mean. */
    f->sum = sum;
    f->scale = hg_lanes_all(0);
    f->offset = hg_lanes_select(sum * sign > 0, hg_lanes_all(0), sum / (float)STEPS);
    f->gain = f->offset * sum;
    hg_lanes inverse = hg_lanes_inverse(most - least);
    for (int step = -SCALES_AROUND; step <= SCALES_AROUND; step++) {
        code_sums sums = try_codes(f, inverse * (HIGHEST + SCALE_STEP * (float)step), least);
        fit_line(f, &sums, sign);
    }
    for (int i = 0; i < REFINEMENTS; i++) {
        code_sums sums = try_codes(f, hg_lanes_inverse(f->scale), f->offset);
        fit_line(f, &sums, sign);
    }
}

static inline hg_lanes multiple_of(hg_lanes x, float per_unit)
{
    return hg_lanes_round(hg_lanes_clamp(x * per_unit, 0, MULTIPLE_MAX));
}

/* Tries multiples of the block's scales and keeps them when they beat the best so far. */
static inline code_sums try_multiples(quad *f, hg_lanes scale, float unit, hg_lanes minimum,
                                      float unit_minimum)
{
    hg_lanes a = scale * unit, c = minimum * -unit_minimum;
    code_sums sums = try_codes(f, hg_lanes_inverse(a), c);
    hg_lanes gain = a * (2 * sums.xq - a * sums.qq - 2 * c * sums.q) + c * (2 * f->sum - c * (float)STEPS);
    keep_better(f, scale, minimum, gain);
    return sums;
}

static inline float inverse_or_zero(float x)
{
    return x == 0 ? 0 : 1 / x;
}

/* From a line to multiples of the block's scales. The codes that come with a scale ask for another offset
 * than the line's: that is tried as well. */
static void search_multiples(quad *f, float unit, float unit_minimum)
{
    float per_unit = inverse_or_zero(unit), per_minimum = inverse_or_zero(unit_minimum);
    hg_lanes first = hg_lanes_round(f->scale * per_unit);
    hg_lanes minimum = multiple_of(-f->offset, per_minimum);
    f->scale = f->offset = f->gain = hg_lanes_all(0);
    for (int step = -1; step <= 1; step++) {
        hg_lanes scale = hg_lanes_clamp(first + (float)step, 0, MULTIPLE_MAX);
        code_sums sums = try_multiples(f, scale, unit, minimum, unit_minimum);
        hg_lanes offset = (f->sum - scale * unit * sums.q) / (float)STEPS;
        try_multiples(f, scale, unit, multiple_of(-offset, per_minimum), unit_minimum);
    }
}

static void store_codes(const quad quads[], float unit, float unit_minimum, hg_block_q4_k *to)
{
    uint8_t code[GROUPS][STEPS], scales[GROUPS], minima[GROUPS];
    for (int g = 0; g < GROUPS; g += HG_LANES) {
        const quad *f = &quads[g / HG_LANES];
        hg_lanes inverse = hg_lanes_inverse(f->scale * unit), offset = f->offset * -unit_minimum;
        for (int l = 0; l < HG_LANES; l++) {
            scales[g + l] = (uint8_t)f->scale[l];
            minima[g + l] = (uint8_t)f->offset[l];
        }
        for (int i = 0; i < STEPS; i++) {
            hg_lanes q = codes_of(f->x[i], inverse, offset);
            for (int l = 0; l < HG_LANES; l++)
                code[g + l][i] = (uint8_t)q[l];
        }
    }
    hg_q4_k_pack(scales, minima, to->packed);
    for (int g = 0; g < GROUPS; g += 2) {
        for (int i = 0; i < STEPS; i++)
            to->codes[g * 16 + i] = (uint8_t)(code[g][i] | code[g + 1][i] << 4);
    }
}

/* The block's scales, from the steepest line and the deepest offset. */
static void block_scales(const quad quads[], float unit, float sign, hg_block_q4_k *to, float *scale,
                         float *minimum)
{
    float steepest = 0, deepest = 0;
    for (int g = 0; g < GROUPS; g++) {
        float a = quads[g / HG_LANES].scale[g % HG_LANES],
              c = fabsf(quads[g / HG_LANES].offset[g % HG_LANES]);
        steepest = a > steepest ? a : steepest;
        deepest = c > deepest ? c : deepest;
    }
    *scale = hg_lanes_store_scale(steepest / MULTIPLE_MAX, unit, &to->scale);
    *minimum = hg_lanes_store_scale(sign * deepest / MULTIPLE_MAX, unit, &to->minimum);
}

void hg_quant_write_q4_k(const float x[256], hg_block_q4_k *to)
{
    quad quads[GROUPS / HG_LANES] = {{.scale = {0}}};
    float unit = hg_lanes_unit(256, x), scale = 0, minimum = 0, sign = -1;
    for (int i = 0; i < 256; i++)
        sign = x[i] <= 0 ? 1 : sign;
    to->scale = to->minimum = 0;
    if (unit > 0) {
        for (int i = 0; i < GROUPS / HG_LANES; i++) {
            hg_lanes_take(STEPS, x + i * HG_LANES * STEPS, 1 / unit, quads[i].x);
            search_line(&quads[i], sign);
        }
        block_scales(quads, unit, sign, to, &scale, &minimum);
        for (int i = 0; i < GROUPS / HG_LANES; i++)
            search_multiples(&quads[i], scale, minimum);
    }
    store_codes(quads, scale, minimum, to);
}
