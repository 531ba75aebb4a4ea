/* SPDX-License-Identifier: Apache-2.0
 *
 * op_embedding.c: y[i] = table[ids[i]].
 *
 * Shapes: table (V, C) of any type, ids (n), y (n, C).
 * Gradient: dtable[ids[i]] += dy[i]; rows named twice get the sum.
 */
#include "ops/ops.h"
#include "ops/registry.h"

static void embedding_backward(hg_ctx *ctx, const hg_record *r)
{
    (void)ctx;
    const int32_t *ids = r->saved;
    const hg_tensor *table = r->in[0];
    int64_t c = table->shape[1];
    for (int64_t i = 0; i < r->out->shape[0]; i++) {
        hg_real *row = table->grad + ids[i] * table->stride[0];
        for (int64_t j = 0; j < c; j++)
            row[j] += r->out->grad[i * c + j];
    }
}

const hg_op hg_op_embedding_entry = {"embedding", embedding_backward};

hg_tensor *hg_op_embedding(hg_ctx *ctx, hg_tensor *table, const int32_t *ids, int64_t n)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= table->shape[0])
            return hg_ctx_fail(ctx, HG_STATUS_INPUT, "token id %d is outside the vocabulary of %lld", ids[i],
                               (long long)table->shape[0]);
    }
    int64_t c = table->shape[1];
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){n, c}, hg_ctx_wants_grad(ctx, table));
    if (y == NULL)
        return NULL;
    for (int64_t i = 0; i < n; i++)
        ctx->kernels->to_real(table->dtype, c, hg_tensor_at(table, ids[i] * table->stride[0]),
                              hg_tensor_real(y) + i * c);
    void *saved = hg_tape_save(ctx, ids, (size_t)n * sizeof *ids);
    hg_tape_push(ctx, &hg_op_embedding_entry, y, (hg_tensor *[]){table}, 1, saved);
    return hg_ctx_failed(ctx) ? NULL : y;
}
