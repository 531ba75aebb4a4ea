/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h: memory with one lifetime (a model, a session, a step, a request). Allocation is a pointer
 * increment; all of it, or all since a mark, goes back at once. Blocks are kept on reset, so a steady loop
 * allocates nothing from the system.
 */
#ifndef HG_BASE_ARENA_H
#define HG_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define HG_ARENA_ALIGNMENT 64

typedef struct hg_arena_block hg_arena_block;

typedef struct hg_arena {
    hg_arena_block *first;
    hg_arena_block *current;
    size_t block_bytes; /* size of a new block; larger requests get a block of their own */
    size_t max_bytes;   /* the blocks together may not pass this */
    size_t total_bytes; /* the blocks together */
    bool apart;         /* blocks are mappings of their own, in huge pages; see hg_arena_init_apart */
} hg_arena;

/* A place to come back to. */
typedef struct hg_arena_mark {
    hg_arena_block *block;
    size_t used;
} hg_arena_mark;

/* Allocates nothing yet. */
void hg_arena_init(hg_arena *a, size_t block_bytes, size_t max_bytes);

/* The same for much memory that is used again and again: blocks in huge pages, of which child processes get
 * no copy, not even of the page tables. What a child touches must lie elsewhere. */
void hg_arena_init_apart(hg_arena *a, size_t block_bytes, size_t max_bytes);
void hg_arena_deinit(hg_arena *a);

/* `bytes` at a multiple of 64, uninitialised; NULL when memory is short or the maximum would be passed. */
void *hg_arena_alloc(hg_arena *a, size_t bytes);

/* `count` items of `size` bytes, zeroed; NULL also when the product overflows. */
void *hg_arena_array(hg_arena *a, size_t count, size_t size);

hg_arena_mark hg_arena_get_mark(const hg_arena *a);

/* Everything allocated since the mark is gone; the blocks stay for reuse. A zero mark empties the arena. */
void hg_arena_reset(hg_arena *a, hg_arena_mark mark);

#endif
