/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_online.c: attention, forward. Keys and values are read as they are stored, in blocks
 * that are converted one at a time, and the softmax of a row comes in as many parts: memory does not grow
 * with the number of keys. A single query, as in decoding, reads keys once for scores and values once, with
 * no conversion.
 */
#include "ops/attention_online.h"

#include "base/parallel.h"
#include "kernels/simd/simd_inline.h"

/* Queries and keys a block: constants, so that results do not depend on the number of threads. */
#define QUERY_BLOCK 64
#define KEY_BLOCK 256
/* What is asked for ahead of a stream. */
#define ASK_BYTES 4096

typedef struct online_job {
    hg_ctx *ctx;
    const hg_tensor *q, *k, *v;
    const hg_key_rows *rows; /* of k and v */
    int64_t n_keys;
    hg_attention how;
    hg_real *y;       /* (T, H · D) */
    hg_real *scratch; /* scratch_each for each worker */
    int64_t scratch_each;
} online_job;

static const void *head_of(const hg_tensor *x, int64_t row, int64_t head)
{
    return hg_tensor_at(x, row * x->stride[0] + head * x->stride[1]);
}

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

/* Asks for the first rows of a head, before what lies there is needed: the processor sees no further than
 * what is being read, and each head's keys and values are a stream of their own. */
static void online_ask(const hg_tensor *x, int64_t row, int64_t head)
{
    const void *p = head_of(x, row, head);
    for (uintptr_t at = 0; at < ASK_BYTES; at += 64)
        simd_prefetch_at(p, at);
}

/* One query, and keys without a prefix: a key head and all the query heads that read it per chunk. */
static void online_group(void *arg, int64_t group, int worker)
{
    const online_job *job = arg;
    const hg_kernels *kernels = job->ctx->kernels;
    const hg_tensor *k = job->k, *v = job->v;
    int64_t d = job->q->shape[2], each = job->q->shape[1] / k->shape[1];
    hg_key_range range = hg_attention_range(&job->how, 1, job->n_keys, 0);
    int64_t first = job->rows->begin + range.begin;
    hg_real *p = job->scratch + worker * job->scratch_each;
    online_ask(v, first, group);
    for (int64_t h = group * each; h < (group + 1) * each; h++) {
        kernels->matvec(k->dtype, range.end - range.begin, d, head_of(k, first, group), k->stride[0],
                        head_of(job->q, 0, h), p);
        kernels->softmax(range.end - range.begin, job->how.scale, p);
        if (h + 1 == (group + 1) * each && group + 1 < k->shape[1])
            online_ask(k, first, group + 1);
        kernels->weighted_rows(v->dtype, range.end - range.begin, d, p, head_of(v, first, group),
                               v->stride[0], job->y + h * d);
    }
}

/* A head of the keys' rows of x as activations; *ld gets the elements between them. */
static const hg_real *online_rows(const online_job *job, const hg_tensor *x, int64_t group,
                                  const hg_key_part *keys, hg_real *scratch, int64_t *ld)
{
    if (x->dtype == HG_DTYPE_REAL) {
        *ld = x->stride[0];
        return head_of(x, keys->row, group);
    }
    int64_t d = x->shape[2], n = keys->end - keys->begin;
    for (int64_t i = 0; i < n; i++)
        job->ctx->kernels->to_real(x->dtype, d, head_of(x, keys->row + i, group), scratch + i * d);
    *ld = d;
    return scratch;
}

/* A block of queries of one head. */
typedef struct online_block {
    int64_t h, group, first, count;
    hg_real max[QUERY_BLOCK], sum[QUERY_BLOCK];
    hg_real *y; /* its results; rows H · D apart */
    int64_t ldy;
} online_block;

/* Scores (count, KEY_BLOCK) of the keys to weights, row by row; what is in y already is scaled to fit. */
static void online_softmax(const online_job *job, online_block *b, const hg_key_part *keys, bool is_first,
                           hg_real *p)
{
    int64_t d = job->q->shape[2], n = keys->end - keys->begin;
    for (int64_t i = 0; i < b->count; i++, p += KEY_BLOCK) {
        hg_key_range seen = hg_attention_range(&job->how, job->q->shape[0], job->n_keys, b->first + i);
        int64_t begin = seen.begin > keys->begin ? seen.begin - keys->begin : 0;
        int64_t end = seen.end < keys->end ? seen.end - keys->begin : n;
        if (begin >= end) {
            memset(p, 0, (size_t)n * sizeof *p);
            continue;
        }
        memset(p, 0, (size_t)begin * sizeof *p);
        memset(p + end, 0, (size_t)(n - end) * sizeof *p);
        hg_real factor =
            job->ctx->kernels->softmax_part(end - begin, job->how.scale, p + begin, &b->max[i], &b->sum[i]);
        for (int64_t j = 0; j < d && !is_first; j++)
            b->y[i * b->ldy + j] *= factor;
    }
}

static void online_add_keys(const online_job *job, online_block *b, const hg_key_part *keys, bool is_first,
                            hg_real *scratch)
{
    const hg_kernels *kernels = job->ctx->kernels;
    hg_real *p = scratch, *rows = scratch + QUERY_BLOCK * KEY_BLOCK;
    int64_t d = job->q->shape[2], ld;
    const hg_real *k = online_rows(job, job->k, b->group, keys, rows, &ld);
    hg_gemm_shape scores = {.trans_b = true,
                            .m = b->count,
                            .n = keys->end - keys->begin,
                            .k = d,
                            .lda = job->q->stride[0],
                            .ldb = ld,
                            .ldc = KEY_BLOCK};
    kernels->gemm(&scores, head_of(job->q, b->first, b->h), k, 0, p);
    online_softmax(job, b, keys, is_first, p);
    const hg_real *v = online_rows(job, job->v, b->group, keys, rows, &ld);
    hg_gemm_shape mix = {
        .m = b->count, .n = d, .k = keys->end - keys->begin, .lda = KEY_BLOCK, .ldb = ld, .ldc = b->ldy};
    kernels->gemm(&mix, p, v, is_first ? 0 : 1, b->y);
}

/* A block of queries for one head per chunk. */
static void online_queries(void *arg, int64_t index, int worker)
{
    const online_job *job = arg;
    int64_t n_heads = job->q->shape[1], d = job->q->shape[2], n_queries = job->q->shape[0];
    online_block b = {.h = index % n_heads, .first = index / n_heads * QUERY_BLOCK, .ldy = n_heads * d};
    b.group = b.h / (n_heads / job->k->shape[1]);
    b.count = n_queries - b.first < QUERY_BLOCK ? n_queries - b.first : QUERY_BLOCK;
    b.y = job->y + b.first * b.ldy + b.h * d;
    for (int64_t i = 0; i < b.count; i++) {
        b.max[i] = -HG_REAL_MAX;
        b.sum[i] = 0;
    }
    hg_key_range all = hg_attention_range(&job->how, n_queries, job->n_keys, b.first);
    all.end = hg_attention_range(&job->how, n_queries, job->n_keys, b.first + b.count - 1).end;
    for (int64_t begin = all.begin; begin < all.end;) {
        hg_key_part keys =
            hg_key_rows_part(job->rows, begin, all.end - begin < KEY_BLOCK ? all.end : begin + KEY_BLOCK);
        online_add_keys(job, &b, &keys, begin == all.begin, job->scratch + worker * job->scratch_each);
        begin = keys.end;
    }
    for (int64_t i = 0; i < b.count; i++) {
        for (int64_t j = 0; j < d; j++)
            b.y[i * b.ldy + j] /= b.sum[i];
    }
}

void hg_attention_online(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                         const hg_key_rows *rows, const hg_attention *how, hg_real *y)
{
    int64_t n_queries = q->shape[0], n_heads = q->shape[1], d = q->shape[2];
    int64_t n_keys = hg_key_rows_count(rows);
    bool single = n_queries == 1 && rows->prefix.n == 0;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    online_job job = {
        .ctx = ctx, .q = q, .k = k, .v = v, .rows = rows, .n_keys = n_keys, .how = *how, .y = y};
    job.scratch_each = single ? (n_keys + 15) / 16 * 16 : KEY_BLOCK * (QUERY_BLOCK + d);
    job.scratch = hg_ctx_scratch(ctx, ctx->n_threads * job.scratch_each);
    int threads = hg_ctx_threads(ctx, 2 * n_heads * n_queries * n_keys * d);
    if (job.scratch != NULL && single)
        hg_parallel_for(threads, k->shape[1], online_group, &job);
    else if (job.scratch != NULL)
        hg_parallel_for(threads, n_heads * ((n_queries + QUERY_BLOCK - 1) / QUERY_BLOCK), online_queries,
                        &job);
    hg_arena_reset(ctx->arena, mark);
}
