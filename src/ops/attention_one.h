/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_one.h: attention of one query, as in decoding, as chunks for threads: keys are read once for
 * scores and values once, as they are stored, with no conversion.
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
    hg_real *scratch; /* scratch_each for each worker */
    int64_t scratch_each;
} hg_attention_one;

/* Makes a ready for q (1, H, D) and rows `rows`, without a prefix, of k and v (S, G, D); their numbers are
 * not read yet. Other arguments as of hg_attention_online. False, and the context fails, when memory is
 * short. */
bool hg_attention_one_begin(hg_attention_one *a, hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k,
                            const hg_tensor *v, const hg_key_rows *rows, const hg_attention *how, hg_real *y);

/* Key head `group` and all the query heads that read it, of the hg_attention_one at `arg`: G chunks. */
void hg_attention_one_group(void *arg, int64_t group, int worker);

/* Multiply-adds. */
int64_t hg_attention_one_work(const hg_attention_one *a);

#endif
