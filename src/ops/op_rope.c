/* SPDX-License-Identifier: Apache-2.0
 *
 * op_rope.c: rotary positions, half-split form: for j < D/2, with angle = p · theta^(-2j/D) at position p,
 *   y[j] = x[j] cos - x[j + D/2] sin;  y[j + D/2] = x[j + D/2] cos + x[j] sin.
 *
 * Shapes: x (T, H, D), rows may be strided; y (T, H, D) contiguous. Row t is at position first + t.
 * Gradient: the rotation by the opposite angle.
 * The inverse frequency and the angle are rounded to float, as the models' own code does: at position 1,000
 * that moves the angle by up to 6e-5, more than the difference to the reference may be.
 */
#include "base/parallel.h"
#include "ops/ops.h"
#include "ops/registry.h"

typedef struct rope_saved {
    const hg_real *table; /* (T, D): cosines of the T rows' D/2 angles, then sines */
} rope_saved;

hg_tensor *hg_op_rope_table(hg_ctx *ctx, int64_t n_rows, int64_t d, int64_t first, double theta)
{
    hg_tensor *out = hg_ctx_tensor(ctx, 2, (int64_t[]){n_rows, d}, false);
    if (out == NULL)
        return NULL;
    hg_real *table = hg_tensor_real(out);
    for (int64_t j = 0; j < d / 2; j++) {
        float frequency = 1.0F / (float)pow(theta, (double)((float)(2 * j) / (float)d));
        for (int64_t t = 0; t < n_rows; t++) {
            float angle = (float)(first + t) * frequency;
            table[t * d + j] = (hg_real)cos((double)angle);
            table[t * d + d / 2 + j] = (hg_real)sin((double)angle);
        }
    }
    return out;
}

/* The position of a segment's first row. */
static int64_t segment_first(const hg_segments *segments, int64_t i)
{
    return segments->prefix == NULL ? 0 : segments->prefix[i].n;
}

hg_tensor *hg_op_rope_table_segments(hg_ctx *ctx, const hg_segments *segments, int64_t d, double theta)
{
    int64_t longest = 0, n_rows = segments->begin[segments->n];
    for (int64_t i = 0; i < segments->n; i++) {
        int64_t end = segment_first(segments, i) + segments->begin[i + 1] - segments->begin[i];
        longest = end > longest ? end : longest;
    }
    hg_tensor *out = hg_ctx_tensor(ctx, 2, (int64_t[]){n_rows, d}, false);
    const hg_tensor *one = hg_op_rope_table(ctx, longest, d, 0, theta);
    if (hg_ctx_failed(ctx))
        return NULL;
    for (int64_t i = 0; i < segments->n; i++) {
        int64_t begin = segments->begin[i], n = segments->begin[i + 1] - begin;
        memcpy(hg_tensor_real(out) + begin * d, hg_tensor_real(one) + segment_first(segments, i) * d,
               (size_t)(n * d) * sizeof(hg_real));
    }
    return out;
}

typedef struct rope_job {
    const hg_kernels *kernels;
    const hg_tensor *x, *y;
    const hg_real *table;
} rope_job;

static void rope_backward_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const rope_job *job = arg;
    int64_t n_heads = job->x->shape[1], d = job->x->shape[2], half = d / 2;
    const hg_real *c = job->table + t * d, *s = c + half;
    for (int64_t h = 0; h < n_heads; h++) {
        const hg_real *dy = job->y->grad + (t * n_heads + h) * d;
        hg_real *dx = job->x->grad + t * job->x->stride[0] + h * job->x->stride[1];
        for (int64_t j = 0; j < half; j++) {
            dx[j] += dy[j] * c[j] + dy[j + half] * s[j];
            dx[j + half] += dy[j + half] * c[j] - dy[j] * s[j];
        }
    }
}

static void rope_backward(hg_ctx *ctx, const hg_record *r)
{
    const rope_saved *saved = r->saved;
    rope_job job = {ctx->kernels, r->in[0], r->out, saved->table};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(r->out)), r->out->shape[0], rope_backward_row,
                    &job);
}

const hg_op hg_op_rope_entry = {"rope", rope_backward};

static void rope_row(void *arg, int64_t t, int worker)
{
    (void)worker;
    const rope_job *job = arg;
    int64_t n_heads = job->x->shape[1], d = job->x->shape[2];
    for (int64_t h = 0; h < n_heads; h++)
        job->kernels->rotate(d / 2, job->table + t * d,
                             hg_tensor_real(job->x) + t * job->x->stride[0] + h * job->x->stride[1],
                             hg_tensor_real(job->y) + (t * n_heads + h) * d);
}

hg_tensor *hg_op_rope_by(hg_ctx *ctx, hg_tensor *x, const hg_tensor *table)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (x->n_dims != 3 || x->shape[2] % 2 != 0)
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "rope: head dimension %lld is not even",
                           (long long)x->shape[2]);
    if (table->shape[0] != x->shape[0] || table->shape[1] != x->shape[2])
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "rope: the table does not fit the input");
    hg_tensor *y = hg_ctx_tensor(ctx, 3, x->shape, hg_ctx_wants_grad(ctx, x));
    if (y == NULL)
        return NULL;
    rope_job job = {ctx->kernels, x, y, hg_tensor_real(table)};
    hg_parallel_for(hg_ctx_threads(ctx, 4 * hg_tensor_count(x)), x->shape[0], rope_row, &job);
    rope_saved saved = {job.table};
    hg_tape_push(ctx, &hg_op_rope_entry, y, (hg_tensor *[]){x}, 1, hg_tape_save(ctx, &saved, sizeof saved));
    return hg_ctx_failed(ctx) ? NULL : y;
}

hg_tensor *hg_op_rope(hg_ctx *ctx, hg_tensor *x, int64_t first, double theta)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor *table = hg_op_rope_table(ctx, x->shape[0], x->shape[x->n_dims - 1], first, theta);
    return table == NULL ? NULL : hg_op_rope_by(ctx, x, table);
}
