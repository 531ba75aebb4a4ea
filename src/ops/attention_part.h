/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_part.h: the products of attention for a block of one head's queries and a part of its keys:
 * scores before the softmax, and values mixed by what it makes of them. In float32, or, where that is wanted,
 * with queries, keys, weights and values rounded to bf16; sums are float32 either way.
 */
#ifndef HG_OPS_ATTENTION_PART_H
#define HG_OPS_ATTENTION_PART_H

#include "ops/attention_online.h"

/* Queries a block at most (in float32, in bf16), and keys: constants, so that results do not depend on the
 * number of threads. A block's keys and values are converted again for each block of queries. */
#define HG_QUERY_BLOCK 64
#define HG_QUERY_BLOCK_BF16 128
#define HG_KEY_BLOCK 256
#define HG_KEY_BLOCK_BF16 512

/* Elements from a row of scores or weights to the next: a cache line more than there are, so that the rows of
 * a column, which products take together, do not share a few sets of the cache. */
#define HG_KEY_ROW (HG_KEY_BLOCK + 16)
#define HG_KEY_ROW_BF16 (HG_KEY_BLOCK_BF16 + 32)

typedef struct hg_attention_part {
    const hg_kernels *kernels;
    const hg_tensor *q, *k, *v;
    int64_t head, group;  /* of queries; of keys and values */
    int64_t first, count; /* queries, at most hg_query_block(bf16) */
    bool bf16;
    hg_real *mixed;              /* scratch: results, rows D apart */
    hg_real *rows;               /* scratch: keys or values as they are multiplied */
    uint16_t *queries, *weights; /* bf16: scratch for these */
} hg_attention_part;

/* Whether many queries of k are better multiplied in bf16: k is cached in fewer bits than activations have,
 * such products are fast here, and no gradient is wanted. Never in the double build. */
bool hg_attention_wants_bf16(const hg_ctx *ctx, int64_t n_queries, const hg_tensor *k);

static inline int64_t hg_query_block(bool bf16)
{
    return bf16 ? HG_QUERY_BLOCK_BF16 : HG_QUERY_BLOCK;
}

static inline int64_t hg_key_block(bool bf16)
{
    return bf16 ? HG_KEY_BLOCK_BF16 : HG_KEY_BLOCK;
}

/* Elements between rows of scores. */
static inline int64_t hg_key_row(bool bf16)
{
    return bf16 ? HG_KEY_ROW_BF16 : HG_KEY_ROW;
}

/* Scratch for heads of d elements, in activations. */
int64_t hg_attention_part_scratch(bool bf16, int64_t d);

/* Makes the block's queries ready; the fields before `mixed` are set. */
void hg_attention_part_begin(hg_attention_part *part, hg_real *scratch);

/* p (count, keys) = q · kᵀ, at most hg_key_block(bf16) keys; rows of p are hg_key_row(bf16) apart. */
void hg_attention_scores(const hg_attention_part *part, const hg_key_part *keys, hg_real *p);

/* A query's scores to weights, exp(scale · score - *max), as hg_kernels' softmax_part: of `n` keys those in
 * `seen`, the others get 0. `p` is the query's row of scores; weights go there or, in bf16, to the scratch.
 */
hg_real hg_attention_weigh(const hg_attention_part *part, int64_t query, const hg_key_range *seen, int64_t n,
                           hg_real scale, hg_real *p, hg_real *max, hg_real *sum);

/* mixed (count, D) = weights · v, added to it when `add`; p as before. */
void hg_attention_mix(const hg_attention_part *part, const hg_key_part *keys, const hg_real *p, bool add);

#endif
