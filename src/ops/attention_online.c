/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_online.c: attention, forward. Keys and values are read as they are stored, in blocks
 * that are converted one at a time, and the softmax of a row comes in as many parts: memory does not grow
 * with the number of keys. attention_part.h has the products. A single query goes attention_one.h's way.
 */
#include "ops/attention_online.h"

#include "base/parallel.h"
#include "ops/attention_one.h"
#include "ops/attention_part.h"

typedef struct online_job {
    hg_ctx *ctx;
    const hg_tensor *q, *k, *v;
    const hg_key_rows *rows; /* of k and v */
    int64_t n_keys;
    hg_attention how;
    bool bf16;
    hg_real *y;       /* (T, H · D) */
    hg_real *scratch; /* scratch_each for each worker */
    int64_t scratch_each;
} online_job;

int64_t hg_key_rows_count(const hg_key_rows *rows)
{
    return rows->prefix.n + rows->n;
}

hg_key_part hg_key_rows_part(const hg_key_rows *rows, int64_t begin, int64_t end)
{
    int64_t n = rows->prefix.n;
    if (begin >= n)
        return (hg_key_part){begin, end, rows->begin + begin - n};
    return (hg_key_part){begin, end < n ? end : n, rows->prefix.row + begin};
}

hg_key_range hg_attention_range(const hg_attention *how, int64_t n_queries, int64_t n_keys, int64_t t)
{
    if (!how->causal)
        return (hg_key_range){0, n_keys};
    int64_t end = n_keys - n_queries + t + 1;
    int64_t begin = how->window > 0 && end > how->window ? end - how->window : 0;
    return (hg_key_range){begin, end};
}

/* A block of queries of one head. */
typedef struct online_block {
    hg_attention_part part;
    hg_real max[HG_QUERY_BLOCK_BF16], sum[HG_QUERY_BLOCK_BF16];
} online_block;

/* Scores of the keys to weights, row by row; what is mixed already is scaled to fit. */
static void online_softmax(const online_job *job, online_block *b, const hg_key_part *keys, bool is_first,
                           hg_real *p)
{
    int64_t d = job->q->shape[2], n = keys->end - keys->begin;
    for (int64_t i = 0; i < b->part.count; i++, p += hg_key_row(job->bf16)) {
        hg_key_range seen = hg_attention_range(&job->how, job->q->shape[0], job->n_keys, b->part.first + i);
        hg_key_range here = {seen.begin > keys->begin ? seen.begin - keys->begin : 0,
                             seen.end < keys->end ? seen.end - keys->begin : n};
        if (here.begin >= here.end)
            here = (hg_key_range){0, 0};
        const hg_real factor =
            hg_attention_weigh(&b->part, i, &here, n, job->how.scale, p, &b->max[i], &b->sum[i]);
        hg_real *mixed = b->part.mixed + i * d;
        if (!is_first && factor != 1)
            b->part.kernels->scale(d, factor, mixed, mixed);
    }
}

static int64_t online_blocks(const online_job *job)
{
    const int64_t block = hg_query_block(job->bf16);
    return (job->q->shape[0] + block - 1) / block;
}

/* Block `block` of a head's queries, of which nothing has been seen yet. */
static void online_begin(const online_job *job, int64_t head, int64_t block, hg_real *scratch,
                         online_block *b)
{
    const int64_t first = block * hg_query_block(job->bf16), left = job->q->shape[0] - first;
    b->part =
        (hg_attention_part){.kernels = job->ctx->kernels,
                            .q = job->q,
                            .k = job->k,
                            .v = job->v,
                            .head = head,
                            .group = head / (job->q->shape[1] / hg_attention_heads(job->k)),
                            .first = first,
                            .count = left < hg_query_block(job->bf16) ? left : hg_query_block(job->bf16),
                            .bf16 = job->bf16};
    hg_attention_part_begin(&b->part, scratch);
    for (int64_t i = 0; i < b->part.count; i++) {
        b->max[i] = -HG_REAL_MAX;
        b->sum[i] = 0;
    }
}

/* All keys that a query of the block sees, a part of them after the other; p: scratch for scores. */
static void online_keys(const online_job *job, online_block *b, hg_real *p)
{
    const hg_attention_part *part = &b->part;
    const int64_t n_queries = job->q->shape[0], last = part->first + part->count - 1,
                  most = hg_key_block(job->bf16),
                  first = hg_attention_range(&job->how, n_queries, job->n_keys, part->first).begin,
                  end = hg_attention_range(&job->how, n_queries, job->n_keys, last).end;
    for (int64_t begin = first; begin < end;) {
        const hg_key_part keys = hg_key_rows_part(job->rows, begin, end - begin < most ? end : begin + most);
        hg_attention_scores(part, &keys, p);
        online_softmax(job, b, &keys, begin == first, p);
        hg_attention_mix(part, &keys, p, begin != first);
        begin = keys.end;
    }
}

/* In float32, in which models are trained, by a division, which rounds once. */
static void online_end(const online_job *job, const online_block *b)
{
    const hg_attention_part *part = &b->part;
    const int64_t n_heads = job->q->shape[1], d = job->q->shape[2];
    hg_real *y = job->y + (part->first * n_heads + part->head) * d;
    for (int64_t i = 0; i < part->count; i++, y += n_heads * d) {
        const hg_real *mixed = part->mixed + i * d;
        if (part->bf16) {
            part->kernels->scale(d, 1 / b->sum[i], mixed, y);
        } else {
            for (int64_t j = 0; j < d; j++)
                y[j] = mixed[j] / b->sum[i];
        }
    }
}

/* A block of queries for one head per chunk. A head's lie side by side, for the thread that has its keys and
 * values in its cache; the last ones, which see most of them, come first, so that no thread is left with one
 * of those. */
static void online_queries(void *arg, int64_t index, int worker)
{
    const online_job *job = arg;
    const int64_t n_blocks = online_blocks(job);
    hg_real *p = job->scratch + worker * job->scratch_each;
    online_block b;
    online_begin(job, index / n_blocks, n_blocks - 1 - index % n_blocks,
                 p + hg_query_block(job->bf16) * hg_key_row(job->bf16), &b);
    online_keys(job, &b, p);
    online_end(job, &b);
}

static void online_one(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                       const hg_key_rows *rows, const hg_attention *how, hg_real *y)
{
    hg_attention_one one;
    if (hg_attention_one_begin(&one, ctx, q, k, v, rows, how, y))
        hg_parallel_for(hg_ctx_threads(ctx, hg_attention_one_work(&one)), hg_attention_one_sets(&one),
                        hg_attention_one_set, &one);
}

static void online_many(online_job *job)
{
    hg_ctx *ctx = job->ctx;
    const int64_t n_queries = job->q->shape[0], n_heads = job->q->shape[1], d = job->q->shape[2];
    job->bf16 = hg_attention_wants_bf16(ctx, n_queries, job->k);
    const int64_t block = hg_query_block(job->bf16);
    job->scratch_each = block * hg_key_row(job->bf16) + hg_attention_part_scratch(job->bf16, d);
    job->scratch = hg_ctx_scratch(ctx, ctx->n_threads * job->scratch_each);
    if (job->scratch != NULL)
        hg_parallel_for(hg_ctx_threads(ctx, 2 * n_heads * n_queries * job->n_keys * d),
                        n_heads * online_blocks(job), online_queries, job);
}

void hg_attention_online(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                         const hg_key_rows *rows, const hg_attention *how, hg_real *y)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    online_job job = {.ctx = ctx,
                      .q = q,
                      .k = k,
                      .v = v,
                      .rows = rows,
                      .n_keys = hg_key_rows_count(rows),
                      .how = *how,
                      .y = y};
    if (q->shape[0] == 1 && rows->prefix.n == 0)
        online_one(ctx, q, k, v, rows, how, y);
    else
        online_many(&job);
    hg_arena_reset(ctx->arena, mark);
}
