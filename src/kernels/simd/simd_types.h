/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_types.h: from a type that is known when the program runs to a constant.
 */
#ifndef HG_KERNELS_SIMD_TYPES_H
#define HG_KERNELS_SIMD_TYPES_H

/* The one loop over block-quantised types: `call` with a constant for its first argument. */
#define SIMD_FOR_TYPE(type, call, ...)                                                                       \
    switch (type) {                                                                                          \
    case HG_DTYPE_Q8_0:                                                                                      \
        call(HG_DTYPE_Q8_0, __VA_ARGS__);                                                                    \
        break;                                                                                               \
    case HG_DTYPE_Q4_0:                                                                                      \
        call(HG_DTYPE_Q4_0, __VA_ARGS__);                                                                    \
        break;                                                                                               \
    case HG_DTYPE_Q4_K:                                                                                      \
        call(HG_DTYPE_Q4_K, __VA_ARGS__);                                                                    \
        break;                                                                                               \
    default:                                                                                                 \
        call(HG_DTYPE_Q6_K, __VA_ARGS__);                                                                    \
    }

#endif
