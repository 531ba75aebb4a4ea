/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h: the only place that allocates from the system. Everything returns NULL when memory is short (or
 * the size overflows); the caller turns that into a status with hg_error_memory.
 */
#ifndef HG_BASE_MEMORY_H
#define HG_BASE_MEMORY_H

#include <stddef.h>

/* `bytes` of uninitialised memory; never NULL for 0 bytes. */
void *hg_mem_alloc(size_t bytes);

/* `count` items of `size` bytes, zeroed; NULL when the product overflows. */
void *hg_mem_array(size_t count, size_t size);

/* Grows or shrinks `p` (may be NULL) to `count` items of `size` bytes, new part not zeroed; on NULL `p` is
 * still valid. */
void *hg_mem_resize(void *p, size_t count, size_t size);

/* `bytes` of uninitialised memory at a multiple of `alignment` (a power of two, at least 8); freed by
 * hg_mem_free. */
void *hg_mem_aligned(size_t alignment, size_t bytes);

/* A copy of the string, or of its first `n` bytes with a terminator added. */
char *hg_mem_string(const char *text);
char *hg_mem_string_n(const char *text, size_t n);

void hg_mem_free(void *p);

#endif
