/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_read.c: blocks to numbers, as quant_blocks.h says. The kernels have faster ones and are checked
 * against these.
 */
#include "tensor/quant.h"

static void read_q8_0(const hg_block_q8_0 *block, hg_real *to)
{
    float scale = hg_f16_to_f32(block->scale);
    for (int i = 0; i < 32; i++)
        to[i] = (hg_real)(scale * (float)block->codes[i]);
}

static void read_q4_0(const hg_block_q4_0 *block, hg_real *to)
{
    float scale = hg_f16_to_f32(block->scale);
    for (int i = 0; i < 16; i++) {
        to[i] = (hg_real)(scale * (float)((block->codes[i] & 15) - 8));
        to[16 + i] = (hg_real)(scale * (float)((block->codes[i] >> 4) - 8));
    }
}

static void read_q4_k(const hg_block_q4_k *block, hg_real *to)
{
    float scale = hg_f16_to_f32(block->scale), minimum = hg_f16_to_f32(block->minimum);
    uint8_t scales[8], minima[8];
    hg_q4_k_unpack(block->packed, scales, minima);
    for (int g = 0; g < 8; g++) {
        float d = scale * (float)scales[g], m = minimum * (float)minima[g];
        const uint8_t *codes = block->codes + g / 2 * 32;
        int shift = g % 2 * 4;
        for (int i = 0; i < 32; i++)
            to[g * 32 + i] = (hg_real)(d * (float)((codes[i] >> shift) & 15) - m);
    }
}

static void read_q6_k(const hg_block_q6_k *block, hg_real *to)
{
    float scale = hg_f16_to_f32(block->scale);
    for (int run = 0; run < 8; run++) { /* 32 elements: two groups */
        int quarter = run % 4;
        const uint8_t *low = block->low + run / 4 * 64 + quarter % 2 * 32, *high = block->high + run / 4 * 32;
        for (int i = 0; i < 32; i++) {
            int code = ((low[i] >> quarter / 2 * 4) & 15) | ((high[i] >> quarter * 2) & 3) << 4;
            to[run * 32 + i] = (hg_real)(scale * (float)block->scales[run * 2 + i / 16] * (float)(code - 32));
        }
    }
}

void hg_quant_to_real(hg_dtype type, int64_t n, const void *from, hg_real *to)
{
    assert(hg_dtype_is_quantised(type) && n % hg_dtype_block(type) == 0);
    switch (type) {
    case HG_DTYPE_Q8_0:
        for (int64_t i = 0; i < n / 32; i++)
            read_q8_0((const hg_block_q8_0 *)from + i, to + i * 32);
        break;
    case HG_DTYPE_Q4_0:
        for (int64_t i = 0; i < n / 32; i++)
            read_q4_0((const hg_block_q4_0 *)from + i, to + i * 32);
        break;
    case HG_DTYPE_Q4_K:
        for (int64_t i = 0; i < n / 256; i++)
            read_q4_k((const hg_block_q4_k *)from + i, to + i * 256);
        break;
    default:
        for (int64_t i = 0; i < n / 256; i++)
            read_q6_k((const hg_block_q6_k *)from + i, to + i * 256);
        break;
    }
}
