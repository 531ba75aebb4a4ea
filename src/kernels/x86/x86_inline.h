/* SPDX-License-Identifier: Apache-2.0
 *
 * x86_inline.h: what the kernels of both x86 tiers are built with besides their vectors.
 */
#ifndef HG_KERNELS_X86_INLINE_H
#define HG_KERNELS_X86_INLINE_H

#include "kernels/simd/simd_inline.h"

#include <immintrin.h>

#define X86_INLINE SIMD_INLINE

#endif
