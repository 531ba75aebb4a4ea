/* SPDX-License-Identifier: Apache-2.0
 *
 * bf16.c: chunks of rows, of weight rows, and of one head's queries. Chunk sizes are constants or follow from
 * shapes, never from the number of threads.
 */
#include "ops/bf16.h"

#include "base/parallel.h"
#include "ops/bf16_row.h"

#include <assert.h>

/* Rows a chunk of what goes row by row. */
#define ROW_BLOCK 16
/* Weight rows a chunk, when a call has many and when it has few: the more, the less often x is copied into
 * the product's own layout; but there should be chunks for a few threads. 512 rows of 1,024 bf16 are 1 MiB.
 */
#define WEIGHT_BLOCK 512
#define WEIGHT_BLOCK_FEW 256
#define MANY_ROWS 2048
/* Queries a chunk: about this many, so that a chunk's scores over 577 keys stay in that cache; of a single
 * head fewer, so that there are chunks for a few threads. */
#define QUERY_BLOCK 200
#define QUERY_BLOCK_FEW 128
#define MANY_HEADS 4

hg_tensor *hg_bf16_tensor(hg_ctx *ctx, int n_dims, const int64_t *shape)
{
    hg_tensor *t = hg_ctx_view(ctx, hg_tensor_make(HG_DTYPE_BF16, n_dims, shape, NULL));
    if (t == NULL)
        return NULL;
    t->data = hg_ctx_scratch(ctx, (hg_tensor_count(t) + 1) / 2); /* two to a float */
    return hg_ctx_failed(ctx) ? NULL : t;
}

static uint16_t *bf16_at(const hg_tensor *t, int64_t element)
{
    return (uint16_t *)t->data + element;
}

/* ---- row by row ---- */

typedef struct row_job {
    const hg_kernels *kernels;
    const hg_tensor *x, *gain, *bias, *y;
    hg_real eps;
    hg_real *scratch; /* a row for each worker */
} row_job;

static void row_chunk(void *arg, int64_t index, int worker)
{
    const row_job *job = arg;
    int64_t c = job->x->shape[1], end = (index + 1) * ROW_BLOCK;
    end = end < job->x->shape[0] ? end : job->x->shape[0];
    for (int64_t t = index * ROW_BLOCK; t < end; t++) {
        const hg_real *row = hg_tensor_real(job->x) + t * job->x->stride[0];
        if (job->gain != NULL) {
            hg_real *normed = job->scratch + worker * c;
            job->kernels->layernorm(c, job->eps, row, hg_tensor_real(job->gain), hg_tensor_real(job->bias),
                                    normed);
            row = normed;
        }
        job->kernels->to_bf16(HG_DTYPE_REAL, c, row, bf16_at(job->y, t * c));
    }
}

hg_tensor *hg_bf16_layernorm(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *gain, const hg_tensor *bias,
                             hg_real eps)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    assert(ctx->tape == NULL && x->n_dims == 2 && x->dtype == HG_DTYPE_REAL);
    hg_tensor *y = hg_bf16_tensor(ctx, 2, x->shape);
    row_job job = {ctx->kernels, x, gain, bias, y, eps, hg_ctx_scratch(ctx, ctx->n_threads * x->shape[1])};
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(x)), (x->shape[0] + ROW_BLOCK - 1) / ROW_BLOCK,
                    row_chunk, &job);
    return y;
}

hg_tensor *hg_bf16_round(hg_ctx *ctx, const hg_tensor *x)
{
    return hg_bf16_layernorm(ctx, x, NULL, NULL, 0);
}

/* ---- linear layers ---- */

typedef struct linear_job {
    const hg_kernels *kernels;
    const hg_tensor *x;
    const hg_bf16_part *parts;
    int n_parts;
    hg_bf16_end end;
    int64_t block;     /* weight rows of a chunk */
    uint16_t *scratch; /* block · K for each worker */
} linear_job;

static int64_t part_chunks(const hg_bf16_part *part, int64_t block)
{
    return (part->w->shape[0] + block - 1) / block;
}

static void linear_chunk(void *arg, int64_t index, int worker)
{
    const linear_job *job = arg;
    const hg_bf16_part *part = job->parts;
    while (index >= part_chunks(part, job->block))
        index -= part_chunks(part++, job->block);
    int64_t k = part->w->shape[1], first = index * job->block, left = part->w->shape[0] - first;
    hg_bf16_product s = {.m = job->x->shape[0],
                         .n = left < job->block ? left : job->block,
                         .k = k,
                         .ldx = job->x->stride[0],
                         .ldy = part->y.stride[0],
                         .to_bf16 = part->y.dtype == HG_DTYPE_BF16,
                         .end = job->end};
    const uint16_t *w =
        hg_bf16_rows(job->kernels, part->w->dtype, s.n, k, hg_tensor_at(part->w, first * part->w->stride[0]),
                     part->w->stride[0], job->scratch + worker * job->block * k, &s.ldw);
    const hg_real *bias = part->bias != NULL ? hg_tensor_real(part->bias) + first : NULL;
    void *y = (uint8_t *)part->y.data + (size_t)first * hg_dtype_bytes(part->y.dtype);
    job->kernels->gemm_bf16(&s, bf16_at(job->x, 0), w, bias, y);
}

void hg_bf16_linear(hg_ctx *ctx, const hg_tensor *x, const hg_bf16_part *parts, int n_parts, hg_bf16_end end)
{
    if (hg_ctx_failed(ctx))
        return;
    int64_t chunks = 0, rows = 0, k = x->shape[1];
    for (int i = 0; i < n_parts; i++) {
        assert(parts[i].w->shape[1] == k && parts[i].y.shape[0] == x->shape[0]);
        rows += parts[i].w->shape[0];
    }
    linear_job job = {.kernels = ctx->kernels, .x = x, .parts = parts, .n_parts = n_parts, .end = end};
    job.block = rows >= MANY_ROWS ? WEIGHT_BLOCK : WEIGHT_BLOCK_FEW;
    for (int i = 0; i < n_parts; i++)
        chunks += part_chunks(&parts[i], job.block);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    int64_t work = x->shape[0] * k * rows;
    job.scratch = (uint16_t *)hg_ctx_scratch(ctx, ctx->n_threads * (job.block / 2) * k);
    if (job.scratch != NULL)
        hg_parallel_for(hg_ctx_threads(ctx, work), chunks, linear_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
}

/* ---- attention ---- */

typedef struct attention_job {
    const hg_kernels *kernels;
    const hg_tensor *q, *k, *v, *y;
    int64_t n_keys;          /* of an image */
    int64_t blocks, queries; /* of an image; of a block, the last may have less */
    hg_real scale;
    hg_real *scores;   /* queries · n_keys for each worker */
    hg_real *factors;  /* queries: what makes the sum of a query's weights 1 */
    hg_real *mixed;    /* queries · d: values, mixed */
    uint16_t *weights; /* queries · n_keys */
} attention_job;

/* A row of scores to weights, exp(scale · (score - the largest)); returns what makes their sum 1. */
static hg_real attention_weigh(const attention_job *job, const hg_real *scores, uint16_t *weights)
{
    hg_real max = -HG_REAL_MAX, sum = 0;
    (void)job->kernels->softmax_part_bf16(job->n_keys, job->scale, scores, &max, &sum, weights);
    return 1 / sum;
}

/* Chunk: a block of one head's queries in one image. */
static void attention_chunk(void *arg, int64_t index, int worker)
{
    const attention_job *job = arg;
    const hg_tensor *q = job->q, *k = job->k, *v = job->v;
    int64_t heads = q->shape[1], d = q->shape[2], n = job->n_keys;
    int64_t head = index % heads, block = index / heads % job->blocks, image = index / heads / job->blocks;
    int64_t first = block * job->queries, left = n - first;
    int64_t count = left < job->queries ? left : job->queries;
    hg_real *scores = job->scores + worker * job->queries * n;
    hg_real *mixed = job->mixed + worker * job->queries * d, *factors = job->factors + worker * job->queries;
    uint16_t *weights = job->weights + worker * job->queries * n;
    hg_bf16_product qk = {
        .m = count, .n = n, .k = d, .ldx = q->stride[0], .ldw = k->stride[0], .ldy = n, .to_bf16 = false};
    job->kernels->gemm_bf16(&qk, bf16_at(q, (image * n + first) * q->stride[0] + head * q->stride[1]),
                            bf16_at(k, image * n * k->stride[0] + head * k->stride[1]), NULL, scores);
    for (int64_t i = 0; i < count; i++)
        factors[i] = attention_weigh(job, scores + i * n, weights + i * n);
    hg_bf16_product pv = {
        .m = count, .n = d, .k = n, .ldx = n, .ldw = v->stride[0], .ldy = d, .plain_w = true};
    job->kernels->gemm_bf16(&pv, weights, bf16_at(v, image * n * v->stride[0] + head * v->stride[1]), NULL,
                            mixed);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < d; j++)
            mixed[i * d + j] *= factors[i];
        job->kernels->to_bf16(HG_DTYPE_REAL, d, mixed + i * d,
                              bf16_at(job->y, ((image * n + first + i) * heads + head) * d));
    }
}

hg_tensor *hg_bf16_attention(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                             int64_t n_images, hg_real scale)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    assert(q->shape[0] % n_images == 0);
    int64_t n = q->shape[0] / n_images, heads = q->shape[1], d = q->shape[2];
    const int64_t block = n_images * heads >= MANY_HEADS ? QUERY_BLOCK : QUERY_BLOCK_FEW;
    int64_t blocks = n < block ? 1 : (n + block / 2) / block, queries = (n + blocks - 1) / blocks;
    hg_tensor *y = hg_bf16_tensor(ctx, 2, (int64_t[]){q->shape[0], heads * d});
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    attention_job job = {.kernels = ctx->kernels,
                         .q = q,
                         .k = k,
                         .v = v,
                         .y = y,
                         .n_keys = n,
                         .blocks = blocks,
                         .queries = queries,
                         .scale = scale};
    job.scores = hg_ctx_scratch(ctx, ctx->n_threads * queries * n);
    job.factors = hg_ctx_scratch(ctx, ctx->n_threads * queries);
    job.mixed = hg_ctx_scratch(ctx, ctx->n_threads * queries * d);
    job.weights = (uint16_t *)hg_ctx_scratch(ctx, (ctx->n_threads * queries * n + 1) / 2);
    if (!hg_ctx_failed(ctx))
        hg_parallel_for(hg_ctx_threads(ctx, 2 * q->shape[0] * n * heads * d), n_images * blocks * heads,
                        attention_chunk, &job);
    hg_arena_reset(ctx->arena, mark);
    return hg_ctx_failed(ctx) ? NULL : y;
}
