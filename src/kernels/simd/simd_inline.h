/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_inline.h: what the kernels of every instruction set are built with besides their vectors.
 */
#ifndef HG_KERNELS_SIMD_INLINE_H
#define HG_KERNELS_SIMD_INLINE_H

#include <stddef.h>
#include <stdint.h>

/* Functions whose type argument is a constant must be inlined for the branches on it to go. */
#define SIMD_INLINE static inline __attribute__((always_inline))

/* Bytes ahead that are asked for: the hardware's own prefetch stops at pages and does not keep up with four
 * rows. */
#define SIMD_AHEAD 2048

/* Into the first-level cache. A prefetch never faults, wherever it points. */
SIMD_INLINE void simd_prefetch_at(const void *p, uintptr_t ahead)
{
    __builtin_prefetch((const void *)((uintptr_t)p + ahead), 0, 3);
}

/* Whole lines into the second-level cache: the first takes too few requests at a time for a fast memory. */
SIMD_INLINE void simd_prefetch_lines(uintptr_t at, size_t bytes)
{
    for (uintptr_t line = 0; line < bytes; line += 64)
        __builtin_prefetch((const void *)(at + line), 0, 2);
}

/* Keeps compilers from moving reads of memory past it. */
SIMD_INLINE void simd_in_order(void)
{
    __asm__ volatile("" ::: "memory");
}

SIMD_INLINE void simd_prefetch(const void *p)
{
    simd_prefetch_at(p, SIMD_AHEAD);
}

#endif
