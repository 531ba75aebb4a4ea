/* SPDX-License-Identifier: Apache-2.0
 *
 * op_attention.c: y_h = softmax(scale · q_h k_gᵀ + mask) v_g for each query head h and its key head g = h /
 * (H / G).
 *
 * Shapes: q (T, H, D), k and v (S, G, D), y (T, H · D). Query t stands at key position S - T + t; when causal
 * it sees keys up to that one, of which only the last `window`. Masked keys take no part: the softmax runs
 * over the visible range. Gradient, per head, with P the probabilities and dO = dy: dV += Pᵀ dO; dP = dO Vᵀ;
 * dS = P (dP - rowsum(dP P)); dQ += scale dS K; dK += scale dSᵀ Q.
 * With segments all of this holds within each, as if it were alone.
 * Forward is attention_online.c's work, with a tape and without. P is never kept: backward makes each block
 * of it again, so its memory grows with S, not with T · S.
 */
#include "base/parallel.h"
#include "ops/attention_online.h"
#include "ops/ops.h"
#include "ops/registry.h"

/* Queries a block: a constant, so that results do not depend on the number of threads. */
#define QUERY_BLOCK 64

typedef struct attention_job {
    hg_ctx *ctx;
    const hg_tensor *q, *k, *v;
    hg_attention how;
    hg_real *scratch;  /* 2 · QUERY_BLOCK · S for each worker */
    const hg_real *dy; /* (T, H · D) */
} attention_job;

typedef hg_key_range key_range;

static key_range attention_range(const attention_job *job, int64_t t)
{
    return hg_attention_range(&job->how, job->q->shape[0], job->k->shape[0], t);
}

static const void *head_of(const hg_tensor *x, int64_t row, int64_t head)
{
    return hg_tensor_at(x, row * x->stride[0] + head * x->stride[1]);
}

/* Softmax over each query's visible keys; zeros elsewhere in the first `used` columns. Rows of p are n_keys
 * long. */
static void attention_softmax(const attention_job *job, int64_t first, int64_t count, int64_t used,
                              hg_real *p)
{
    int64_t n_keys = job->k->shape[0];
    for (int64_t i = 0; i < count; i++) {
        key_range range = attention_range(job, first + i);
        hg_real *row = p + i * n_keys;
        memset(row, 0, (size_t)range.begin * sizeof *row);
        memset(row + range.end, 0, (size_t)(used - range.end) * sizeof *row);
        job->ctx->kernels->softmax(range.end - range.begin, job->how.scale, row + range.begin);
    }
}

/* Rows of P for one head's queries first .. first + count - 1 into p; returns the keys that they reach. */
static int64_t attention_probabilities(const attention_job *job, int64_t h, int64_t first, int64_t count,
                                       hg_real *p)
{
    int64_t n_keys = job->k->shape[0], group = h / (job->q->shape[1] / job->k->shape[1]);
    int64_t used = attention_range(job, first + count - 1).end; /* no query of the block sees more keys */
    hg_gemm_shape scores = {.trans_b = true,
                            .m = count,
                            .n = used,
                            .k = job->q->shape[2],
                            .lda = job->q->stride[0],
                            .ldb = job->k->stride[0],
                            .ldc = n_keys};
    job->ctx->kernels->gemm(&scores, head_of(job->q, first, h), head_of(job->k, 0, group), 0, p);
    attention_softmax(job, first, count, used, p);
    return used;
}

/* dP to dS in place, over the keys begin .. end - 1. */
static void attention_backward_softmax(const attention_job *job, int64_t count, key_range keys,
                                       const hg_real *p, hg_real *dp)
{
    int64_t n_keys = job->k->shape[0];
    for (int64_t t = 0; t < count; t++, p += n_keys, dp += n_keys) {
        hg_real dot = 0;
        for (int64_t i = keys.begin; i < keys.end; i++)
            dot += dp[i] * p[i];
        for (int64_t i = keys.begin; i < keys.end; i++)
            dp[i] = job->how.scale * p[i] * (dp[i] - dot);
    }
}

/* grad (n, D) += rowsᵀ (count, n) · x (count, D), for the keys of a block. */
static void attention_add_to_keys(const attention_job *job, int64_t count, key_range keys,
                                  const hg_real *rows, const hg_real *x, int64_t ldx, const hg_tensor *to,
                                  int64_t group)
{
    hg_gemm_shape s = {.trans_a = true,
                       .m = keys.end - keys.begin,
                       .n = to->shape[2],
                       .k = count,
                       .lda = job->k->shape[0],
                       .ldb = ldx,
                       .ldc = to->stride[0]};
    job->ctx->kernels->gemm(&s, rows + keys.begin, x, 1,
                            to->grad + keys.begin * to->stride[0] + group * to->stride[1]);
}

/* Gradients of a block of one head's queries. p and dp (QUERY_BLOCK, S) are scratch. */
static void attention_backward_block(const attention_job *job, int64_t h, int64_t first, hg_real *p,
                                     hg_real *dp)
{
    const hg_tensor *q = job->q, *k = job->k, *v = job->v;
    int64_t left = q->shape[0] - first, count = left < QUERY_BLOCK ? left : QUERY_BLOCK;
    int64_t n_heads = q->shape[1], d = q->shape[2], n_keys = k->shape[0], ldy = n_heads * d;
    int64_t group = h / (n_heads / k->shape[1]);
    key_range keys = attention_range(job, first); /* its begin is the block's first */
    keys.end = attention_probabilities(job, h, first, count, p);
    const hg_real *dy = job->dy + first * ldy + h * d;
    if (v->grad != NULL)
        attention_add_to_keys(job, count, keys, p, dy, ldy, v, group);
    hg_gemm_shape s = {.trans_b = true,
                       .m = count,
                       .n = keys.end - keys.begin,
                       .k = d,
                       .lda = ldy,
                       .ldb = v->stride[0],
                       .ldc = n_keys};
    job->ctx->kernels->gemm(&s, dy, head_of(v, keys.begin, group), 0, dp + keys.begin);
    attention_backward_softmax(job, count, keys, p, dp);
    if (q->grad != NULL) {
        hg_gemm_shape dq = {.m = count,
                            .n = d,
                            .k = keys.end - keys.begin,
                            .lda = n_keys,
                            .ldb = k->stride[0],
                            .ldc = q->stride[0]};
        job->ctx->kernels->gemm(&dq, dp + keys.begin, head_of(k, keys.begin, group), 1,
                                q->grad + first * q->stride[0] + h * q->stride[1]);
    }
    if (k->grad != NULL)
        attention_add_to_keys(job, count, keys, dp, head_of(q, first, h), q->stride[0], k, group);
}

/* One key head per chunk, with all the query heads that read it: they add to the same dk and dv. */
static void attention_backward_group(void *arg, int64_t group, int worker)
{
    const attention_job *job = arg;
    int64_t each = job->q->shape[1] / job->k->shape[1], block = QUERY_BLOCK * job->k->shape[0];
    hg_real *p = job->scratch + 2 * worker * block;
    for (int64_t h = group * each; h < (group + 1) * each; h++) {
        for (int64_t first = 0; first < job->q->shape[0]; first += QUERY_BLOCK)
            attention_backward_block(job, h, first, p, p + block);
    }
}

/* Queries, keys and values of one segment, and where its rows begin. */
typedef struct attention_segment {
    hg_tensor q, k, v;
    int64_t begin;
} attention_segment;

static int64_t segment_count(const hg_attention *how)
{
    return how->segments == NULL ? 1 : how->segments->n;
}

static attention_segment segment_get(const hg_attention *how, int64_t i, const hg_tensor *q,
                                     const hg_tensor *k, const hg_tensor *v)
{
    if (how->segments == NULL)
        return (attention_segment){*q, *k, *v, 0};
    int64_t begin = how->segments->begin[i], n = how->segments->begin[i + 1] - begin;
    return (attention_segment){hg_tensor_view_rows(q, begin, n), hg_tensor_view_rows(k, begin, n),
                               hg_tensor_view_rows(v, begin, n), begin};
}

static void attention_backward_segment(hg_ctx *ctx, const attention_segment *segment, const hg_attention *how,
                                       const hg_real *dy)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    int64_t width = segment->q.shape[1] * segment->q.shape[2];
    attention_job job = {.ctx = ctx,
                         .q = &segment->q,
                         .k = &segment->k,
                         .v = &segment->v,
                         .how = *how,
                         .dy = dy + segment->begin * width};
    job.scratch = hg_ctx_scratch(ctx, 2 * ctx->n_threads * QUERY_BLOCK * job.k->shape[0]);
    if (job.scratch != NULL)
        hg_parallel_for(ctx->n_threads, job.k->shape[1], attention_backward_group, &job);
    hg_arena_reset(ctx->arena, mark);
}

static void attention_backward(hg_ctx *ctx, const hg_record *r)
{
    const hg_attention *how = r->saved;
    for (int64_t i = 0; i < segment_count(how); i++) {
        attention_segment segment = segment_get(how, i, r->in[0], r->in[1], r->in[2]);
        attention_backward_segment(ctx, &segment, how, r->out->grad);
    }
}

const hg_op hg_op_attention_entry = {"attention", attention_backward};

static bool attention_fits(const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                           const hg_segments *segments)
{
    if (segments != NULL && (segments->begin[segments->n] != q->shape[0] || k->shape[0] != q->shape[0]))
        return false;
    return q->n_dims == 3 && k->n_dims == 3 && v->n_dims == 3 && k->shape[0] == v->shape[0] &&
           k->shape[1] == v->shape[1] && k->shape[2] == q->shape[2] && v->shape[2] == q->shape[2] &&
           k->shape[0] >= q->shape[0] && q->shape[1] % k->shape[1] == 0;
}

hg_tensor *hg_op_attention(hg_ctx *ctx, hg_tensor *q, hg_tensor *k, hg_tensor *v, const hg_attention *how)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!attention_fits(q, k, v, how->segments))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "attention: queries, keys and values do not fit");
    int64_t n_queries = q->shape[0], n_heads = q->shape[1], d = q->shape[2];
    bool grad = hg_ctx_wants_grad(ctx, q) || hg_ctx_wants_grad(ctx, k) || hg_ctx_wants_grad(ctx, v);
    if (grad && (k->dtype != HG_DTYPE_REAL || v->dtype != HG_DTYPE_REAL))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "attention: no gradient through keys of type %s",
                           hg_dtype_name(k->dtype));
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){n_queries, n_heads * d}, grad);
    if (hg_ctx_failed(ctx))
        return NULL;
    for (int64_t i = 0; i < segment_count(how); i++) {
        attention_segment segment = segment_get(how, i, q, k, v);
        hg_attention_online(ctx, &segment.q, &segment.k, &segment.v, how,
                            hg_tensor_real(y) + segment.begin * n_heads * d);
    }
    void *saved = hg_tape_save(ctx, how, sizeof *how);
    hg_tape_push(ctx, &hg_op_attention_entry, y, (hg_tensor *[]){q, k, v}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
