/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_merge.h: the merging that both kinds of BPE share. Which neighbours join, and in what order, is the
 * caller's function; this does it in O(n log n).
 */
#ifndef HG_TEXT_BPE_MERGE_H
#define HG_TEXT_BPE_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of the text that is one token so far. */
typedef struct hg_bpe_symbol {
    uint32_t start, size; /* bytes of the text; size 0: joined to the symbol before */
    int32_t prev, next;   /* neighbours, or -1 */
    int32_t id;           /* token, or -1 */
} hg_bpe_symbol;

typedef struct hg_bpe_candidate {
    uint32_t order; /* the lowest is joined first, then the leftmost */
    int32_t left;   /* symbol that would take in the next one */
    int32_t id;     /* token they would become */
} hg_bpe_candidate;

/* Working memory of one encoding, kept from word to word. */
typedef struct hg_bpe_work {
    hg_bpe_symbol *symbols;
    size_t n_symbols, symbols_capacity;
    hg_bpe_candidate *heap;
    size_t n_heap, heap_capacity;
} hg_bpe_work;

/* Whether two neighbours join: sets the order and the token they become. Must always say the same of the same
 * two. */
typedef bool (*hg_bpe_pair_fn)(const void *user, const hg_bpe_symbol *left, const hg_bpe_symbol *right,
                               uint32_t *order, int32_t *id);

/* An empty work is all zero. */
void hg_bpe_work_deinit(hg_bpe_work *w);

/* Starts another word. */
void hg_bpe_work_reset(hg_bpe_work *w);

/* Appends a symbol; false when memory is short. */
bool hg_bpe_work_push(hg_bpe_work *w, uint32_t start, uint32_t size, int32_t id);

/* Joins until no neighbours join. Symbol 0 stays the first; follow `next`. False when memory is short. */
bool hg_bpe_work_merge(hg_bpe_work *w, hg_bpe_pair_fn pair, const void *user);

#endif
