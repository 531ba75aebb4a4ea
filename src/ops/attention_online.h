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

/* Where keys lie among the rows of k and v: those of a prefix, then n rows from `begin` on. */
typedef struct hg_key_rows {
    hg_prefix prefix;
    int64_t begin, n;
} hg_key_rows;

int64_t hg_key_rows_count(const hg_key_rows *rows);

/* Keys begin .. end - 1, whose rows follow each other from `row` on. */
typedef struct hg_key_part {
    int64_t begin, end, row;
} hg_key_part;

/* The keys of a range that lie together with its first. */
hg_key_part hg_key_rows_part(const hg_key_rows *rows, int64_t begin, int64_t end);

/* The keys that query t of n_queries sees. */
hg_key_range hg_attention_range(const hg_attention *how, int64_t n_queries, int64_t n_keys, int64_t t);

/* Keys and values (S, G, D) may come as (S, G / B, B, D) instead, where B heads lie abreast: a position of
 * theirs is one piece of memory, and the next position of these heads follows it. */
static inline int64_t hg_attention_heads(const hg_tensor *x)
{
    return x->n_dims == 4 ? x->shape[1] * x->shape[2] : x->shape[1];
}

static inline int64_t hg_attention_abreast(const hg_tensor *x)
{
    return x->n_dims == 4 ? x->shape[2] : 1;
}

static inline int64_t hg_attention_dim(const hg_tensor *x)
{
    return x->shape[x->n_dims - 1];
}

/* Elements from the first to where row `row` of head `head` begins. */
static inline int64_t hg_attention_offset(const hg_tensor *x, int64_t row, int64_t head)
{
    const int64_t abreast = hg_attention_abreast(x);
    const int64_t inside = x->n_dims == 4 ? head % abreast * x->stride[2] : 0;
    return row * x->stride[0] + head / abreast * x->stride[1] + inside;
}

static inline const void *hg_attention_head(const hg_tensor *x, int64_t row, int64_t head)
{
    return hg_tensor_at(x, hg_attention_offset(x, row, head));
}

/* y (T, H · D), contiguous: attention of q over the keys and values `rows` of k and v; other arguments as of
 * hg_op_attention, which has checked them. Keys and values of any type. how->segments is not read. */
void hg_attention_online(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                         const hg_key_rows *rows, const hg_attention *how, hg_real *y);

#endif
