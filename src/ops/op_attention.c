/* SPDX-License-Identifier: Apache-2.0
 *
 * op_attention.c: y_h = softmax(scale · q_h k_gᵀ + mask) v_g for each query head h and its key head g = h /
 * (H / G).
 *
 * Shapes: q (T, H, D), k and v (S, G, D), y (T, H · D). Query t stands at key position S - T + t; when causal
 * it sees keys up to that one, of which only the last `window`. Masked keys take no part: the softmax runs
 * over the visible range. Gradient, per head, with P the probabilities and dO = dy: dV += Pᵀ dO; dP = dO Vᵀ;
 * dS = P (dP - rowsum(dP P)); dQ += scale dS K; dK += scale dSᵀ Q.
 * With segments all of this holds within each, as if it were alone, its prefix's rows before its own: these
 * get dK and dV from every segment that reads them.
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
    hg_key_rows rows; /* of k and v */
    int64_t n_keys;   /* S */
    hg_attention how;
    hg_real *scratch;  /* 2 · QUERY_BLOCK · S for each worker */
    const hg_real *dy; /* (T, H · D) */
} attention_job;

typedef hg_key_range key_range;

static key_range attention_range(const attention_job *job, int64_t t)
{
    return hg_attention_range(&job->how, job->q->shape[0], job->n_keys, t);
}

/* Softmax over each query's visible keys; zeros elsewhere in the first `used` columns. Rows of p are n_keys
 * long. */
static void attention_softmax(const attention_job *job, int64_t first, int64_t count, int64_t used,
                              hg_real *p)
{
    for (int64_t i = 0; i < count; i++) {
        key_range range = attention_range(job, first + i);
        hg_real *row = p + i * job->n_keys;
        memset(row, 0, (size_t)range.begin * sizeof *row);
        memset(row + range.end, 0, (size_t)(used - range.end) * sizeof *row);
        job->ctx->kernels->softmax(range.end - range.begin, job->how.scale, row + range.begin);
    }
}

/* out (count, S) = x (count, D) · one head of y's rows (S, D) transposed, for the keys alone. */
static void attention_times_keys(const attention_job *job, int64_t count, key_range keys, const hg_real *x,
                                 int64_t ldx, const hg_tensor *y, int64_t group, hg_real *out)
{
    for (int64_t at = keys.begin; at < keys.end;) {
        hg_key_part part = hg_key_rows_part(&job->rows, at, keys.end);
        hg_gemm_shape s = {.trans_b = true,
                           .m = count,
                           .n = part.end - part.begin,
                           .k = y->shape[2],
                           .lda = ldx,
                           .ldb = y->stride[0],
                           .ldc = job->n_keys};
        job->ctx->kernels->gemm(&s, x, hg_attention_head(y, part.row, group), 0, out + part.begin);
        at = part.end;
    }
}

/* Rows of P for one head's queries first .. first + count - 1 into p; returns the keys that they reach. */
static int64_t attention_probabilities(const attention_job *job, int64_t h, int64_t first, int64_t count,
                                       hg_real *p)
{
    int64_t group = h / (job->q->shape[1] / job->k->shape[1]);
    int64_t used = attention_range(job, first + count - 1).end; /* no query of the block sees more keys */
    attention_times_keys(job, count, (key_range){0, used}, hg_attention_head(job->q, first, h),
                         job->q->stride[0], job->k, group, p);
    attention_softmax(job, first, count, used, p);
    return used;
}

/* dP to dS in place, over the keys begin .. end - 1. */
static void attention_backward_softmax(const attention_job *job, int64_t count, key_range keys,
                                       const hg_real *p, hg_real *dp)
{
    for (int64_t t = 0; t < count; t++, p += job->n_keys, dp += job->n_keys) {
        hg_real dot = 0;
        for (int64_t i = keys.begin; i < keys.end; i++)
            dot += dp[i] * p[i];
        for (int64_t i = keys.begin; i < keys.end; i++)
            dp[i] = job->how.scale * p[i] * (dp[i] - dot);
    }
}

/* grad (S, D) += rowsᵀ (count, S) · x (count, D), for the keys of a block. */
static void attention_add_to_keys(const attention_job *job, int64_t count, key_range keys,
                                  const hg_real *rows, const hg_real *x, int64_t ldx, const hg_tensor *to,
                                  int64_t group)
{
    for (int64_t at = keys.begin; at < keys.end;) {
        hg_key_part part = hg_key_rows_part(&job->rows, at, keys.end);
        hg_gemm_shape s = {.trans_a = true,
                           .m = part.end - part.begin,
                           .n = to->shape[2],
                           .k = count,
                           .lda = job->n_keys,
                           .ldb = ldx,
                           .ldc = to->stride[0]};
        job->ctx->kernels->gemm(&s, rows + part.begin, x, 1,
                                to->grad + part.row * to->stride[0] + group * to->stride[1]);
        at = part.end;
    }
}

/* dq (count, D) += dS (count, S) · k (S, D), for the keys of a block. */
static void attention_add_to_queries(const attention_job *job, int64_t count, key_range keys,
                                     const hg_real *ds, int64_t group, hg_real *dq)
{
    for (int64_t at = keys.begin; at < keys.end;) {
        hg_key_part part = hg_key_rows_part(&job->rows, at, keys.end);
        hg_gemm_shape s = {.m = count,
                           .n = job->k->shape[2],
                           .k = part.end - part.begin,
                           .lda = job->n_keys,
                           .ldb = job->k->stride[0],
                           .ldc = job->q->stride[0]};
        job->ctx->kernels->gemm(&s, ds + part.begin, hg_attention_head(job->k, part.row, group), 1, dq);
        at = part.end;
    }
}

/* Gradients of a block of one head's queries. p and dp (QUERY_BLOCK, S) are scratch. */
static void attention_backward_block(const attention_job *job, int64_t h, int64_t first, hg_real *p,
                                     hg_real *dp)
{
    const hg_tensor *q = job->q, *k = job->k, *v = job->v;
    int64_t left = q->shape[0] - first, count = left < QUERY_BLOCK ? left : QUERY_BLOCK;
    int64_t n_heads = q->shape[1], d = q->shape[2], ldy = n_heads * d;
    int64_t group = h / (n_heads / k->shape[1]);
    key_range keys = attention_range(job, first); /* its begin is the block's first */
    keys.end = attention_probabilities(job, h, first, count, p);
    const hg_real *dy = job->dy + first * ldy + h * d;
    if (v->grad != NULL)
        attention_add_to_keys(job, count, keys, p, dy, ldy, v, group);
    attention_times_keys(job, count, keys, dy, ldy, v, group, dp);
    attention_backward_softmax(job, count, keys, p, dp);
    if (q->grad != NULL)
        attention_add_to_queries(job, count, keys, dp, group,
                                 q->grad + first * q->stride[0] + h * q->stride[1]);
    if (k->grad != NULL)
        attention_add_to_keys(job, count, keys, dp, hg_attention_head(q, first, h), q->stride[0], k, group);
}

/* One key head per chunk, with all the query heads that read it: they add to the same dk and dv. */
static void attention_backward_group(void *arg, int64_t group, int worker)
{
    const attention_job *job = arg;
    int64_t each = job->q->shape[1] / job->k->shape[1], block = QUERY_BLOCK * job->n_keys;
    hg_real *p = job->scratch + 2 * worker * block;
    for (int64_t h = group * each; h < (group + 1) * each; h++) {
        for (int64_t first = 0; first < job->q->shape[0]; first += QUERY_BLOCK)
            attention_backward_block(job, h, first, p, p + block);
    }
}

/* Queries of one segment, where their rows begin, and the rows of its keys and values. */
typedef struct attention_segment {
    hg_tensor q;
    int64_t begin;
    hg_key_rows rows;
} attention_segment;

static int64_t segment_count(const hg_attention *how)
{
    return how->segments == NULL ? 1 : how->segments->n;
}

static attention_segment segment_get(const hg_attention *how, int64_t i, const hg_tensor *q,
                                     const hg_tensor *k)
{
    const hg_segments *all = how->segments;
    if (all == NULL)
        return (attention_segment){*q, 0, {.n = k->shape[0]}};
    int64_t begin = all->begin[i], n = all->begin[i + 1] - begin;
    hg_prefix prefix = all->prefix == NULL ? (hg_prefix){0, 0} : all->prefix[i];
    return (attention_segment){hg_tensor_view_rows(q, begin, n), begin, {prefix, begin, n}};
}

static void attention_backward_segment(hg_ctx *ctx, const attention_segment *segment, const hg_record *r)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    int64_t width = segment->q.shape[1] * segment->q.shape[2];
    attention_job job = {.ctx = ctx,
                         .q = &segment->q,
                         .k = r->in[1],
                         .v = r->in[2],
                         .rows = segment->rows,
                         .n_keys = hg_key_rows_count(&segment->rows),
                         .how = *(const hg_attention *)r->saved,
                         .dy = r->out->grad + segment->begin * width};
    job.scratch = hg_ctx_scratch(ctx, 2 * ctx->n_threads * QUERY_BLOCK * job.n_keys);
    if (job.scratch != NULL)
        hg_parallel_for(ctx->n_threads, job.k->shape[1], attention_backward_group, &job);
    hg_arena_reset(ctx->arena, mark);
}

static void attention_backward(hg_ctx *ctx, const hg_record *r)
{
    const hg_attention *how = r->saved;
    for (int64_t i = 0; i < segment_count(how); i++) {
        attention_segment segment = segment_get(how, i, r->in[0], r->in[1]);
        attention_backward_segment(ctx, &segment, r);
    }
}

const hg_op hg_op_attention_entry = {"attention", attention_backward};

/* Whether they have `n_rows` rows, and prefixes lie before what reads them. */
static bool segments_fit(const hg_segments *segments, int64_t n_rows)
{
    for (int64_t i = 0; segments->prefix != NULL && i < segments->n; i++) {
        const hg_prefix *prefix = &segments->prefix[i];
        if (prefix->row < 0 || prefix->n < 0 || prefix->row > segments->begin[i] - prefix->n)
            return false;
    }
    return segments->begin[segments->n] == n_rows;
}

static bool attention_fits(const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                           const hg_segments *segments)
{
    if (segments != NULL && (!segments_fit(segments, q->shape[0]) || k->shape[0] != q->shape[0]))
        return false;
    return q->n_dims == 3 && (k->n_dims == 3 || k->n_dims == 4) && hg_tensor_same_shape(k, v) &&
           hg_attention_dim(k) == q->shape[2] && k->shape[0] >= q->shape[0] &&
           q->shape[1] % hg_attention_heads(k) == 0;
}

hg_tensor *hg_op_attention(hg_ctx *ctx, hg_tensor *q, hg_tensor *k, hg_tensor *v, const hg_attention *how)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (!attention_fits(q, k, v, how->segments))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "attention: queries, keys and values do not fit");
    int64_t n_queries = q->shape[0], n_heads = q->shape[1], d = q->shape[2];
    bool grad = hg_ctx_wants_grad(ctx, q) || hg_ctx_wants_grad(ctx, k) || hg_ctx_wants_grad(ctx, v);
    if (grad && k->n_dims != 3)
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "attention: no gradient through keys that lie abreast");
    if (grad && (k->dtype != HG_DTYPE_REAL || v->dtype != HG_DTYPE_REAL))
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "attention: no gradient through keys of type %s",
                           hg_dtype_name(k->dtype));
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){n_queries, n_heads * d}, grad);
    if (hg_ctx_failed(ctx))
        return NULL;
    for (int64_t i = 0; i < segment_count(how); i++) {
        attention_segment segment = segment_get(how, i, q, k);
        hg_attention_online(ctx, &segment.q, k, v, &segment.rows, how,
                            hg_tensor_real(y) + segment.begin * n_heads * d);
    }
    void *saved = hg_tape_save(ctx, how, sizeof *how);
    hg_tape_push(ctx, &hg_op_attention_entry, y, (hg_tensor *[]){q, k, v}, 3, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
