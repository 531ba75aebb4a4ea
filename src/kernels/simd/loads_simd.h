/* SPDX-License-Identifier: Apache-2.0
 *
 * loads_simd.h: vectors of floats from rows of f32, f16 and bf16. The type is a constant where these are
 * called. Included by kernels_simd.h.
 */
#ifndef HG_KERNELS_LOADS_SIMD_H
#define HG_KERNELS_LOADS_SIMD_H

#include "tensor/dtype.h"

SIMD_INLINE vf simd_load(hg_dtype type, const void *row, int64_t at)
{
    switch (type) {
    case HG_DTYPE_F16:
        return vf_load_f16((const uint16_t *)row + at);
    case HG_DTYPE_BF16:
        return vf_load_bf16((const uint16_t *)row + at);
    default:
        return vf_load((const float *)row + at);
    }
}

/* n < VF_LANES elements, then zeros. */
SIMD_INLINE vf simd_load_part(hg_dtype type, const void *row, int64_t at, int64_t n)
{
    switch (type) {
    case HG_DTYPE_F16:
        return vf_load_f16_part((const uint16_t *)row + at, n);
    case HG_DTYPE_BF16:
        return vf_load_bf16_part((const uint16_t *)row + at, n);
    default:
        return vf_load_part((const float *)row + at, n);
    }
}

SIMD_INLINE const void *simd_row(hg_dtype type, const void *base, int64_t elements)
{
    return (const uint8_t *)base + elements * (type == HG_DTYPE_F32 ? 4 : 2);
}

#endif
