/* SPDX-License-Identifier: Apache-2.0
 *
 * huge_pages.h: memory in pages of 2 MiB where the system has them (transparent huge pages). Decoding reads
 * all weights for every token; with pages of 4 KiB the processor spends a part of that time on looking up
 * where they lie.
 */
#ifndef HG_BASE_HUGE_PAGES_H
#define HG_BASE_HUGE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_HUGE_PAGE_BYTES ((size_t)2 << 20)

/* Whether the system gives huge pages to a program that asks for them. */
bool hg_huge_pages_are_on(void);

/* Bytes of memory that programs can still take without swapping; UINT64_MAX where the system does not tell.
 */
uint64_t hg_memory_available(void);

/* Address space of `bytes` bytes at a multiple of HG_HUGE_PAGE_BYTES, without access or memory behind it yet,
 * for a fixed mapping to take its place. NULL, and errno set, when there is none left. */
void *hg_huge_pages_reserve(size_t bytes);

/* The same, readable, writable and of zeros, in huge pages as far as the system has them when it is first
 * written. */
void *hg_huge_pages_map(size_t bytes);

/* Child processes do not get this memory of ours: forking need not copy its page tables, and writing to it
 * afterwards need not tell apart whose a page is. */
void hg_huge_pages_keep_from_children(void *p, size_t bytes);

/* Gives either back; p may be NULL. */
void hg_huge_pages_unmap(void *p, size_t bytes);

#endif
