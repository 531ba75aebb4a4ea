/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel_values.c: see kernel_values.h.
 */
#include "kernel_values.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const hg_dtype kernel_types[KERNEL_TYPES] = {HG_DTYPE_F32,  HG_DTYPE_F16,  HG_DTYPE_BF16, HG_DTYPE_F64,
                                             HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};

float *new_floats(int64_t n, hg_rng *rng, double range)
{
    float *x = guard_alloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((2 * hg_rng_uniform(rng) - 1) * range);
    return x;
}

void free_floats(float *x, int64_t n)
{
    guard_free(x, (size_t)n * sizeof *x);
}

uint16_t *new_bf16(int64_t n, hg_rng *rng)
{
    uint16_t *x = guard_alloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = hg_f32_to_bf16((float)(2 * hg_rng_uniform(rng) - 1));
    return x;
}

/* Gives a block binary16 scales that make values near 1. */
static void new_scales(hg_dtype type, uint8_t *block, hg_rng *rng)
{
    float unit = type == HG_DTYPE_Q8_0 ? 0x1p-7F : type == HG_DTYPE_Q4_0 ? 0x1p-3F : 0x1p-10F;
    for (int i = 0; i < (type == HG_DTYPE_Q4_K ? 2 : 1); i++) {
        uint16_t scale = hg_f32_to_f16(unit * (float)(2 * hg_rng_uniform(rng) - 1));
        memcpy(block + (type == HG_DTYPE_Q6_K ? 208 : 2 * i), &scale, sizeof scale);
    }
}

/* Gives blocks new bytes, random ones or the one given, and scales. */
static void new_blocks(hg_dtype type, int64_t n, hg_rng *rng, const uint8_t *byte, uint8_t *w)
{
    const size_t bytes = hg_dtype_block_bytes(type);
    for (int64_t block = 0; block < n / hg_dtype_block(type); block++, w += bytes) {
        for (size_t i = 0; i < bytes; i++)
            w[i] = byte != NULL ? *byte : (uint8_t)hg_rng_next(rng);
        new_scales(type, w, rng);
    }
}

/* n random values of a type, and the same as floats. Blocks get any bytes, so that every code and packed
 * scale occurs, and scales of either sign. */
void *new_weights(hg_dtype type, int64_t n, hg_rng *rng, float *as_float)
{
    float *x = new_floats(n, rng, 1);
    uint8_t *w = guard_alloc(hg_dtype_span(type, n));
    hg_dtype_from_real(type, n, x, w);
    if (hg_dtype_is_quantised(type))
        new_blocks(type, n, rng, NULL, w);
    hg_dtype_to_real(type, n, w, as_float);
    free_floats(x, n);
    return w;
}

/* n values of a block type whose codes are all of the largest magnitude: -128 in q8_0, else 15 or 63. */
void *new_largest_weights(hg_dtype type, int64_t n, hg_rng *rng, float *as_float)
{
    const uint8_t byte = type == HG_DTYPE_Q8_0 ? 0x80 : 0xff;
    uint8_t *w = guard_alloc(hg_dtype_span(type, n));
    new_blocks(type, n, rng, &byte, w);
    hg_dtype_to_real(type, n, w, as_float);
    return w;
}

void free_weights(hg_dtype type, void *w, int64_t n)
{
    guard_free(w, hg_dtype_span(type, n));
}

/* Whole blocks? */
bool type_holds(hg_dtype type, int64_t n)
{
    return n % hg_dtype_block(type) == 0;
}

/* |got - want| may be `relative` of `scale[i]` (of |want| when NULL) and `absolute` besides. */
void compare(const char *what, int64_t n, const float *want, const float *got, const float *scale,
             double relative, double absolute)
{
    for (int64_t i = 0; i < n; i++) {
        double size = scale != NULL ? (double)scale[i] : fabs((double)want[i]);
        if (!(fabs((double)want[i] - (double)got[i]) <= relative * size + absolute))
            fail_msg("%s, element %lld of %lld: %.9g, reference %.9g", what, (long long)i, (long long)n,
                     (double)got[i], (double)want[i]);
    }
}

void matvec_scale(int64_t n, int64_t k, const float *w, int64_t ldw, const float *x, float *scale)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < k; j++)
            sum += fabs((double)w[i * ldw + j] * (double)x[j]);
        scale[i] = (float)sum;
    }
}
