/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_model.h: BPE by a ranked list of merges: the lowest rank joins first.
 */
#ifndef HG_TEXT_BPE_MODEL_H
#define HG_TEXT_BPE_MODEL_H

#include "text/bpe_merge.h"
#include "text/ids.h"
#include "text/token_table.h"

typedef struct hg_bpe_rule {
    uint64_t pair; /* (left id + 1) << 32 | right id; 0: free */
    uint32_t rank;
    int32_t id; /* what the two become */
} hg_bpe_rule;

typedef struct hg_bpe_model {
    const hg_token_table *vocab;
    hg_bpe_rule *rules; /* hash table */
    size_t n_slots, n_rules;
    int32_t bytes[256]; /* ids of single bytes: byte-level, or for byte_fallback */
    int32_t unknown;    /* -1: what has no token is left out */
    bool byte_level;    /* a word is bytes; otherwise characters */
    bool byte_fallback;
    bool fuse_unknown;  /* neighbouring unknown characters give one token */
    bool ignore_merges; /* a word that is a token is not taken apart */
} hg_bpe_model;

void hg_bpe_model_deinit(hg_bpe_model *m);

/* Fills `bytes` from the complete vocabulary. */
void hg_bpe_model_prepare(hg_bpe_model *m);

/* Adds the rule that left and right join; the same pair again gets the new rank. HG_STATUS_INPUT when one of
 * them or the two together are not in the vocabulary. Names as hg_token_table has them. */
hg_status hg_bpe_model_add(hg_bpe_model *m, const char *left, size_t n_left, const char *right,
                           size_t n_right, uint32_t rank, hg_error *err) HG_MUST_CHECK;

/* Appends the ids of one word; false when memory is short or `out` is full. */
bool hg_bpe_model_encode(const hg_bpe_model *m, const uint8_t *word, size_t n, hg_bpe_work *work,
                         hg_ids *out);

#endif
