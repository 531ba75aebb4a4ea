/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.c: element sizes and exact scalar conversions. The kernels have faster ones and are checked against
 * these.
 */
#include "tensor/dtype.h"

#include "tensor/quant.h"

#include <assert.h>

typedef struct dtype_info {
    const char *name;
    int64_t block;
    size_t block_bytes, alignment;
} dtype_info;

static const dtype_info dtype_table[HG_DTYPE_COUNT] = {
    [HG_DTYPE_F32] = {"f32", 1, 4, 4},       [HG_DTYPE_F64] = {"f64", 1, 8, 8},
    [HG_DTYPE_F16] = {"f16", 1, 2, 2},       [HG_DTYPE_BF16] = {"bf16", 1, 2, 2},
    [HG_DTYPE_Q8_0] = {"q8_0", 32, 34, 2},   [HG_DTYPE_Q4_0] = {"q4_0", 32, 18, 2},
    [HG_DTYPE_Q4_K] = {"q4_k", 256, 144, 2}, [HG_DTYPE_Q6_K] = {"q6_k", 256, 210, 2},
};

size_t hg_dtype_bytes(hg_dtype type)
{
    assert(!hg_dtype_is_quantised(type));
    return dtype_table[type].block_bytes;
}

int64_t hg_dtype_block(hg_dtype type)
{
    return dtype_table[type].block;
}

size_t hg_dtype_block_bytes(hg_dtype type)
{
    return dtype_table[type].block_bytes;
}

bool hg_dtype_is_quantised(hg_dtype type)
{
    return dtype_table[type].block > 1;
}

size_t hg_dtype_span(hg_dtype type, int64_t n)
{
    const dtype_info *info = &dtype_table[type];
    assert(n % info->block == 0);
    return (size_t)(n / info->block) * info->block_bytes;
}

size_t hg_dtype_alignment(hg_dtype type)
{
    return dtype_table[type].alignment;
}

const char *hg_dtype_name(hg_dtype type)
{
    return dtype_table[type].name;
}

bool hg_dtype_find(const char *name, hg_dtype *out)
{
    for (int i = 0; i < HG_DTYPE_COUNT; i++) {
        if (strcmp(dtype_table[i].name, name) == 0) {
            *out = (hg_dtype)i;
            return true;
        }
    }
    return false;
}

float hg_f16_to_f32(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000) << 16;
    uint32_t exponent = (x >> 10) & 0x1f;
    uint32_t fraction = x & 0x3ff;
    uint32_t bits;
    if (exponent == 0x1f) { /* infinity, NaN */
        bits = sign | 0x7f800000 | (fraction << 13);
    } else if (exponent != 0) {
        bits = sign | ((exponent + 112) << 23) | (fraction << 13); /* bias 15 to 127 */
    } else {                                                       /* zero or subnormal: fraction * 2^-24 */
        float value = (float)fraction * 0x1p-24F;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t hg_f32_to_f16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t sign = (uint16_t)((bits >> 16) & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) /* NaN */
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) { /* below 2^-14: the result counts units of 2^-24 */
        float value;
        memcpy(&value, &magnitude, sizeof value);
        return (uint16_t)(sign | (uint16_t)lrintf(value * 0x1p24F));
    }
    uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    return (uint16_t)(sign | (uint16_t)((rounded - 0x38000000) >> 13));
}

uint16_t hg_f32_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

void hg_dtype_to_real(hg_dtype type, int64_t n, const void *from, hg_real *to)
{
    switch (type) {
    case HG_DTYPE_F32:
        for (int64_t i = 0; i < n; i++)
            to[i] = (hg_real)((const float *)from)[i];
        break;
    case HG_DTYPE_F64:
        for (int64_t i = 0; i < n; i++)
            to[i] = (hg_real)((const double *)from)[i];
        break;
    case HG_DTYPE_F16:
        for (int64_t i = 0; i < n; i++)
            to[i] = (hg_real)hg_f16_to_f32(((const uint16_t *)from)[i]);
        break;
    case HG_DTYPE_BF16:
        for (int64_t i = 0; i < n; i++)
            to[i] = (hg_real)hg_bf16_to_f32(((const uint16_t *)from)[i]);
        break;
    default:
        hg_quant_to_real(type, n, from, to);
    }
}

void hg_dtype_from_real(hg_dtype type, int64_t n, const hg_real *from, void *to)
{
    switch (type) {
    case HG_DTYPE_F32:
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[i] = (float)from[i];
        break;
    case HG_DTYPE_F64:
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] = (double)from[i];
        break;
    case HG_DTYPE_F16:
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)to)[i] = hg_f32_to_f16((float)from[i]);
        break;
    case HG_DTYPE_BF16:
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)to)[i] = hg_f32_to_bf16((float)from[i]);
        break;
    default:
        hg_quant_from_real(type, n, from, to);
    }
}
