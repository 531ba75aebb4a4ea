/* SPDX-License-Identifier: Apache-2.0
 *
 * checked.h: size arithmetic that says when it overflows. Every size that comes from a file, an image or a
 * request goes through these before anything is allocated or read.
 */
#ifndef HG_BASE_CHECKED_H
#define HG_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a * b; false when it does not fit. */
static inline bool hg_checked_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* *out = a + b; false when it does not fit. */
static inline bool hg_checked_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* True when [offset, offset + bytes) lies within a file or buffer of `size` bytes. */
static inline bool hg_checked_range(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

#endif
