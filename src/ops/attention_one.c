/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_one.c: a row of scores for each worker, made and used head by head.
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
    a->scratch_each = (a->n_keys + 15) / 16 * 16;
    a->scratch = hg_ctx_scratch(ctx, ctx->n_threads * a->scratch_each);
    return a->scratch != NULL;
}

/* Where asking is worth it: asks for the first rows of a head, before what lies there is needed. The
 * processor sees no further than what is being read, and each head's keys and values are a stream of their
 * own. */
static void one_ask(const hg_tensor *x, int64_t row, int64_t head)
{
    if (!hg_prefetch_asks_heads(x->prefetch))
        return;
    const void *p = hg_attention_head(x, row, head);
    for (uintptr_t at = 0; at < ASK_BYTES; at += 64)
        simd_prefetch_at(p, at);
}

void hg_attention_one_group(void *arg, int64_t group, int worker)
{
    const hg_attention_one *a = arg;
    const hg_tensor *k = &a->k, *v = &a->v;
    const int64_t d = a->q.shape[2], each = a->q.shape[1] / k->shape[1];
    hg_real *p = a->scratch + worker * a->scratch_each;
    one_ask(v, a->first, group);
    for (int64_t h = group * each; h < (group + 1) * each; h++) {
        a->kernels->matvec(k->dtype, a->n_keys, d, hg_attention_head(k, a->first, group), k->stride[0],
                           hg_attention_head(&a->q, 0, h), hg_prefetch_asks_heads(k->prefetch), p);
        a->kernels->softmax(a->n_keys, a->scale, p);
        if (h + 1 == (group + 1) * each && group + 1 < k->shape[1])
            one_ask(k, a->first, group + 1);
        a->kernels->weighted_rows(v->dtype, a->n_keys, d, p, hg_attention_head(v, a->first, group),
                                  v->stride[0], hg_prefetch_asks_heads(v->prefetch), a->y + h * d);
    }
}

int64_t hg_attention_one_work(const hg_attention_one *a)
{
    return 2 * a->q.shape[1] * a->n_keys * a->q.shape[2];
}
