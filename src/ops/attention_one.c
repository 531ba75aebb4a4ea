/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_one.c: a row of scores for each head of a set, made and used set by set.
 */
#include "ops/attention_one.h"

#include "kernels/simd/simd_inline.h"

/* What is asked for ahead of a stream. */
#define ASK_BYTES 4096

bool hg_attention_one_begin(hg_attention_one *a, hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k,
                            const hg_tensor *v, const hg_key_rows *rows, const hg_attention *how, hg_real *y)
{
    const hg_key_range range = hg_attention_range(how, 1, hg_key_rows_count(rows), 0);
    *a = (hg_attention_one){.kernels = ctx->kernels,
                            .q = *q,
                            .k = *k,
                            .v = *v,
                            .first = rows->begin + range.begin,
                            .n_keys = range.end - range.begin,
                            .scale = how->scale,
                            .y = y};
    a->scratch_row = (a->n_keys + 15) / 16 * 16;
    a->scratch = hg_ctx_scratch(ctx, ctx->n_threads * hg_attention_abreast(k) * a->scratch_row);
    return a->scratch != NULL;
}

/* Where asking is worth it: asks for the first rows of a head and those abreast, before what lies there is
 * needed. The processor sees no further than what is being read, and each set's keys and values are a stream
 * of their own. */
static void one_ask(const hg_tensor *x, int64_t row, int64_t head)
{
    if (!hg_prefetch_asks_heads(x->prefetch))
        return;
    const void *p = hg_attention_head(x, row, head);
    for (uintptr_t at = 0; at < ASK_BYTES; at += 64)
        simd_prefetch_at(p, at);
}

/* What the heads of a set have, the first of which is `head`. */
static hg_head_rows one_rows(const hg_attention_one *a, const hg_tensor *x, int64_t head)
{
    return (hg_head_rows){.type = x->dtype,
                          .n = a->n_keys,
                          .heads = (int)hg_attention_abreast(x),
                          .d = hg_attention_dim(x),
                          .rows = hg_attention_head(x, a->first, head),
                          .ld = x->stride[0],
                          .ask = hg_prefetch_asks_heads(x->prefetch)};
}

int64_t hg_attention_one_sets(const hg_attention_one *a)
{
    return hg_attention_heads(&a->k) / hg_attention_abreast(&a->k);
}

void hg_attention_one_set(void *arg, int64_t set, int worker)
{
    const hg_attention_one *a = arg;
    const int64_t abreast = hg_attention_abreast(&a->k), head = set * abreast, d = a->q.shape[2],
                  each = a->q.shape[1] / hg_attention_heads(&a->k), ld = a->scratch_row;
    hg_real *p = a->scratch + worker * abreast * ld;
    const hg_head_rows keys = one_rows(a, &a->k, head), values = one_rows(a, &a->v, head);
    one_ask(&a->v, a->first, head);
    for (int64_t i = 0; i < each; i++) { /* a query of each head at a time */
        const int64_t query = head * each + i;
        a->kernels->head_scores(&keys, hg_attention_head(&a->q, 0, query), each * a->q.stride[1], p, ld);
        for (int64_t h = 0; h < abreast; h++)
            a->kernels->softmax(a->n_keys, a->scale, p + h * ld);
        if (i + 1 == each && set + 1 < hg_attention_one_sets(a))
            one_ask(&a->k, a->first, head + abreast);
        a->kernels->head_sums(&values, p, ld, a->y + query * d, each * d);
    }
}

int64_t hg_attention_one_work(const hg_attention_one *a)
{
    return 2 * a->q.shape[1] * a->n_keys * a->q.shape[2];
}
