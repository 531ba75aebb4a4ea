/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_write.c: numbers to blocks: the two types of one scale per 32 elements, and the run over a row.
 *
 * These scales come from the largest magnitude of the block, as other programs that write these types choose
 * them, so that files can be compared byte by byte. Where binary16 is too coarse or too small for the scale,
 * the codes are made with the scale that is stored.
 */
#include "tensor/quant.h"

#define F16_MAX 65504.0F
#define F16_LEAST 0x1p-24F
#define F16_NORMAL 0x1p-14F /* below it binary16 has fewer than 11 significant bits */

/* Stores a scale and returns what values are multiplied with to make codes. */
static float write_scale(float scale, uint16_t *stored)
{
    if (scale == 0) {
        *stored = hg_f32_to_f16(scale); /* q4_0's zero has a sign in files of others, too */
        return 0;
    }
    float size = fabsf(scale);
    if (size >= F16_NORMAL && size <= F16_MAX) {
        *stored = hg_f32_to_f16(scale);
        return 1 / scale;
    }
    /* Rounded away from zero, so that the largest value keeps a code. */
    size = size > F16_MAX ? F16_MAX : ceilf(size / F16_LEAST) * F16_LEAST;
    *stored = hg_f32_to_f16(copysignf(size, scale));
    return copysignf(1 / size, scale);
}

void hg_quant_write_q8_0(const float x[32], hg_block_q8_0 *to)
{
    float largest = 0;
    for (int i = 0; i < 32; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    float inverse = write_scale(largest / 127, &to->scale);
    for (int i = 0; i < 32; i++) {
        float code = fabsf(x[i] * inverse); /* halves are rounded away from zero */
        int rounded = code > 127 ? 127 : (int)(code + 0.5F);
        to->codes[i] = (int8_t)(x[i] < 0 ? -rounded : rounded);
    }
}

static uint8_t code_q4_0(float x, float inverse)
{
    float code = x * inverse + 8.5F;
    return code < 0 ? 0 : code > 15 ? 15 : (uint8_t)code;
}

void hg_quant_write_q4_0(const float x[32], hg_block_q4_0 *to)
{
    /* Codes reach from -8 to 7: the largest magnitude is -8, whatever its sign. */
    float largest = 0;
    for (int i = 0; i < 32; i++)
        largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
    float inverse = write_scale(largest / -8, &to->scale);
    for (int i = 0; i < 16; i++)
        to->codes[i] = (uint8_t)(code_q4_0(x[i], inverse) | code_q4_0(x[16 + i], inverse) << 4);
}

/* The elements of one block as finite floats. */
static void take_block(int64_t n, const hg_real *from, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        float value = (float)from[i];
        x[i] = isfinite(value) ? value : 0;
    }
}

static void write_block(hg_dtype type, const float *x, void *to)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        hg_quant_write_q8_0(x, to);
        break;
    case HG_DTYPE_Q4_0:
        hg_quant_write_q4_0(x, to);
        break;
    case HG_DTYPE_Q4_K:
        hg_quant_write_q4_k(x, to);
        break;
    default:
        hg_quant_write_q6_k(x, to);
        break;
    }
}

void hg_quant_from_real(hg_dtype type, int64_t n, const hg_real *from, void *to)
{
    float x[HG_DTYPE_MAX_BLOCK];
    int64_t block = hg_dtype_block(type);
    assert(hg_dtype_is_quantised(type) && n % block == 0);
    for (int64_t i = 0; i < n; i += block) {
        take_block(block, from + i, x);
        write_block(type, x, (uint8_t *)to + hg_dtype_span(type, i));
    }
}
