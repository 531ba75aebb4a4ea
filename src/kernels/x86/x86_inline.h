/* SPDX-License-Identifier: Apache-2.0
 *
 * x86_inline.h: what the kernels of both x86 tiers are built with besides their vectors.
 */
#ifndef HG_KERNELS_X86_INLINE_H
#define HG_KERNELS_X86_INLINE_H

#include <immintrin.h>
#include <stdint.h>

/* Functions whose type argument is a constant must be inlined for the branches on it to go. */
#define X86_INLINE static inline __attribute__((always_inline))

/* Bytes ahead that are asked for: the hardware's own prefetch stops at pages and does not keep up with four
 * rows. */
#define X86_AHEAD 2048

/* A prefetch never faults, wherever it points. */
X86_INLINE void x86_prefetch_at(const void *p, uintptr_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)p + ahead), _MM_HINT_T0);
}

X86_INLINE void x86_prefetch(const void *p)
{
    x86_prefetch_at(p, X86_AHEAD);
}

#endif
