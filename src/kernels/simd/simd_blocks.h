/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_blocks.h: what taking blocks apart has in common on all instruction sets. All types are read as runs
 * of 32 codes, bytes in registers, and their scales; what a type packs together is taken apart once a block.
 * The type is a constant argument: each loop is compiled once per type.
 */
#ifndef HG_KERNELS_SIMD_BLOCKS_H
#define HG_KERNELS_SIMD_BLOCKS_H

#include "kernels/simd/simd_inline.h"
#include "tensor/dtype.h"
#include "tensor/quant_blocks.h"

#include <string.h>

#define QUANT_RUN 32
#define QUANT_MAX_RUNS (HG_DTYPE_MAX_BLOCK / QUANT_RUN)

/* Scales of a block's runs: two each, for the first and the second 16 codes, and what is subtracted. */
typedef struct quant_scales {
    float scale[2 * QUANT_MAX_RUNS];
    float minimum[QUANT_MAX_RUNS]; /* of q4_k only */
} quant_scales;

SIMD_INLINE int64_t quant_block(hg_dtype type)
{
    return type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0 ? 32 : 256;
}

SIMD_INLINE int64_t quant_block_bytes(hg_dtype type)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        return sizeof(hg_block_q8_0);
    case HG_DTYPE_Q4_0:
        return sizeof(hg_block_q4_0);
    case HG_DTYPE_Q4_K:
        return sizeof(hg_block_q4_k);
    default:
        return sizeof(hg_block_q6_k);
    }
}

/* The 8 scales and the 8 minima as bytes. */
SIMD_INLINE void quant_packed_q4_k(const hg_block_q4_k *block, uint64_t to[2])
{
    uint32_t word[3];
    memcpy(word, block->packed, sizeof word);
    const uint32_t low = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
    uint32_t scale_end = (word[2] & four) | ((word[0] >> 6 & two) << 4);
    uint32_t minimum_end = (word[2] >> 4 & four) | ((word[1] >> 6 & two) << 4);
    to[0] = (word[0] & low) | (uint64_t)scale_end << 32;
    to[1] = (word[1] & low) | (uint64_t)minimum_end << 32;
}

#endif
