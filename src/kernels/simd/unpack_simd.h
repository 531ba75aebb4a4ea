/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_simd.h: block-quantised weights to floats, the same bits on all instruction sets.
 */
#ifndef HG_KERNELS_UNPACK_SIMD_H
#define HG_KERNELS_UNPACK_SIMD_H

#include "kernels/simd/simd_blocks.h"

#define QUANT_VECTORS (QUANT_RUN / VF_LANES)

SIMD_INLINE void quant_to_real_type(hg_dtype type, int64_t n, const void *from, float *to)
{
    for (int64_t i = 0; i < n; i += quant_block(type)) {
        const void *block = (const uint8_t *)from + i / quant_block(type) * quant_block_bytes(type);
        quant_scales s;
        quant_take_scales(type, block, &s);
        for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
            vcodes codes = quant_codes(type, block, run);
            for (int v = 0; v < QUANT_VECTORS; v++) {
                vf scale = vf_set1(s.scale[2 * run + v * 2 / QUANT_VECTORS]);
                vf value = vf_mul(vf_from_codes(codes, v), scale);
                if (type == HG_DTYPE_Q4_K)
                    value = vf_sub(value, vf_set1(s.minimum[run]));
                vf_store(to + i + run * QUANT_RUN + v * VF_LANES, value);
            }
        }
    }
}

#endif
