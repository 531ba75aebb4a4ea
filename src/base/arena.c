/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c: a list of blocks in use order. Invariant: blocks after `current` are empty and may be reused.
 * Under AddressSanitizer free space is poisoned, with a gap of one alignment unit between allocations, so
 * that a use after reset or past an end is caught.
 */
#include "base/arena.h"

#include "base/checked.h"
#include "base/huge_pages.h"
#include "base/memory.h"

#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define ARENA_GAP HG_ARENA_ALIGNMENT
#else
#define ARENA_GAP 0
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct hg_arena_block {
    hg_arena_block *next;
    size_t size; /* of data, a multiple of the alignment */
    size_t used;
    uint8_t *data;
};

void hg_arena_init(hg_arena *a, size_t block_bytes, size_t max_bytes)
{
    *a = (hg_arena){.block_bytes = block_bytes, .max_bytes = max_bytes};
}

void hg_arena_init_apart(hg_arena *a, size_t block_bytes, size_t max_bytes)
{
    hg_arena_init(a, block_bytes, max_bytes);
    a->apart = true;
}

static uint8_t *arena_take(const hg_arena *a, size_t size)
{
    if (!a->apart)
        return hg_mem_aligned(HG_ARENA_ALIGNMENT, size);
    uint8_t *data = hg_huge_pages_map(size);
    if (data != NULL)
        hg_huge_pages_keep_from_children(data, size);
    return data;
}

static void arena_give(const hg_arena *a, uint8_t *data, size_t size)
{
    if (a->apart)
        hg_huge_pages_unmap(data, size);
    else
        hg_mem_free(data);
}

void hg_arena_deinit(hg_arena *a)
{
    hg_arena_block *block = a->first;
    while (block != NULL) {
        hg_arena_block *next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
        arena_give(a, block->data, block->size);
        hg_mem_free(block);
        block = next;
    }
    *a = (hg_arena){.block_bytes = a->block_bytes, .max_bytes = a->max_bytes, .apart = a->apart};
}

static hg_arena_block *arena_add_block(hg_arena *a, size_t bytes)
{
    size_t size = bytes > a->block_bytes ? bytes : a->block_bytes;
    size_t total;
    const size_t unit = a->apart ? HG_HUGE_PAGE_BYTES : HG_ARENA_ALIGNMENT;
    if (!hg_checked_add(size, unit - 1, &size))
        return NULL;
    size &= ~(unit - 1);
    if (!hg_checked_add(a->total_bytes, size, &total) || total > a->max_bytes)
        return NULL;
    hg_arena_block *block = hg_mem_array(1, sizeof *block);
    if (block == NULL)
        return NULL;
    block->data = arena_take(a, size);
    if (block->data == NULL) {
        hg_mem_free(block);
        return NULL;
    }
    block->size = size;
    ASAN_POISON_MEMORY_REGION(block->data, size);
    if (a->current == NULL) {
        block->next = a->first;
        a->first = block;
    } else {
        block->next = a->current->next;
        a->current->next = block;
    }
    a->total_bytes = total;
    return block;
}

void *hg_arena_alloc(hg_arena *a, size_t bytes)
{
    size_t need;
    if (!hg_checked_add(bytes, HG_ARENA_ALIGNMENT - 1 + ARENA_GAP, &need))
        return NULL;
    need &= ~(size_t)(HG_ARENA_ALIGNMENT - 1);
    hg_arena_block *block = a->current;
    if (block == NULL || block->size - block->used < need) {
        hg_arena_block *next = block == NULL ? a->first : block->next;
        while (next != NULL && next->size < need)
            next = next->next;
        block = next != NULL ? next : arena_add_block(a, need);
        if (block == NULL)
            return NULL;
        a->current = block;
    }
    uint8_t *p = block->data + block->used;
    block->used += need;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    return p;
}

void *hg_arena_array(hg_arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!hg_checked_mul(count, size, &bytes))
        return NULL;
    void *p = hg_arena_alloc(a, bytes);
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

hg_arena_mark hg_arena_get_mark(const hg_arena *a)
{
    return (hg_arena_mark){a->current, a->current == NULL ? 0 : a->current->used};
}

void hg_arena_reset(hg_arena *a, hg_arena_mark mark)
{
    hg_arena_block *block = mark.block == NULL ? a->first : mark.block;
    a->current = block;
    for (size_t used = mark.used; block != NULL; block = block->next, used = 0) {
        ASAN_POISON_MEMORY_REGION(block->data + used, block->size - used);
        block->used = used;
    }
}
