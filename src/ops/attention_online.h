/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_online.h: the forward pass of op_attention.c.
 */
#ifndef HG_OPS_ATTENTION_ONLINE_H
#define HG_OPS_ATTENTION_ONLINE_H

#include "ops/ops.h"

typedef struct hg_key_range {
    int64_t begin, end;
} hg_key_range;

/* The keys that query t of n_queries sees. */
hg_key_range hg_attention_range(const hg_attention *how, int64_t n_queries, int64_t n_keys, int64_t t);

/* y (T, H · D), contiguous; arguments as of hg_op_attention, which has checked them. Keys and values of any
 * type. */
void hg_attention_online(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                         const hg_attention *how, hg_real *y);

#endif
