/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_one.h: attention of one query, as in decoding, as chunks for threads: keys are read once for
 * scores and values once, as they are stored, with no conversion. A chunk is a set of key heads that lie
 * abreast.
 */
#ifndef HG_OPS_ATTENTION_ONE_H
#define HG_OPS_ATTENTION_ONE_H

#include "ops/attention_online.h"

typedef struct hg_attention_one {
    const hg_kernels *kernels;
    hg_tensor q, k, v;
    int64_t first, n_keys; /* rows of k and v */
    hg_real scale;
    hg_real *y;       /* (H · D) */
    hg_real *scratch; /* for each worker, a row of scores for each head that lies abreast */
    int64_t scratch_row;
} hg_attention_one;

/* Makes a ready for q (1, H, D) and rows `rows`, without a prefix, of k and v (S, G, D), or with heads
 * abreast, as many in both; their numbers are not read yet. Other arguments as of hg_attention_online. False,
 * and the context fails, when memory is short. */
bool hg_attention_one_begin(hg_attention_one *a, hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k,
                            const hg_tensor *v, const hg_key_rows *rows, const hg_attention *how, hg_real *y);

/* Chunks, and one of them of the hg_attention_one at `arg`: the key heads of a set, and all the query heads
 * that read them. */
int64_t hg_attention_one_sets(const hg_attention_one *a);
void hg_attention_one_set(void *arg, int64_t set, int worker);

/* Multiply-adds. */
int64_t hg_attention_one_work(const hg_attention_one *a);

#endif
