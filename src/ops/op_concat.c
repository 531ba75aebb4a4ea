/* SPDX-License-Identifier: Apache-2.0
 *
 * op_concat.c: rows of several tensors one after the other: how image features get between the embeddings of
 * text.
 *
 * Shapes: parts (T_i, C), rows may be strided; y (sum T_i, C).
 * Gradient: each part's rows of dy are added to it.
 */
#include "ops/ops.h"
#include "ops/registry.h"

static void concat_backward(hg_ctx *ctx, const hg_record *r)
{
    (void)ctx;
    const hg_real *dy = r->out->grad;
    int64_t c = r->out->shape[1];
    for (int p = 0; p < HG_TAPE_MAX_INPUTS && r->in[p] != NULL; p++) {
        const hg_tensor *part = r->in[p];
        for (int64_t t = 0; t < part->shape[0]; t++, dy += c) {
            for (int64_t i = 0; part->grad != NULL && i < c; i++)
                part->grad[t * part->stride[0] + i] += dy[i];
        }
    }
}

const hg_op hg_op_concat_entry = {"concat", concat_backward};

hg_tensor *hg_op_concat(hg_ctx *ctx, hg_tensor *const *parts, int n_parts)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    if (n_parts < 1 || n_parts > HG_TAPE_MAX_INPUTS)
        return hg_ctx_fail(ctx, HG_STATUS_USAGE, "concat: %d parts, but 1 to %d can be joined", n_parts,
                           HG_TAPE_MAX_INPUTS);
    int64_t rows = 0, c = parts[0]->shape[1];
    bool grad = false;
    for (int p = 0; p < n_parts; p++) {
        if (parts[p]->n_dims != 2 || parts[p]->shape[1] != c)
            return hg_ctx_fail(ctx, HG_STATUS_INPUT, "concat: part %d has %lld columns, part 0 has %lld", p,
                               (long long)parts[p]->shape[1], (long long)c);
        rows += parts[p]->shape[0];
        grad = grad || hg_ctx_wants_grad(ctx, parts[p]);
    }
    hg_tensor *y = hg_ctx_tensor(ctx, 2, (int64_t[]){rows, c}, grad);
    if (y == NULL)
        return NULL;
    hg_real *to = hg_tensor_real(y);
    for (int p = 0; p < n_parts; p++) {
        for (int64_t t = 0; t < parts[p]->shape[0]; t++, to += c)
            memcpy(to, hg_tensor_real(parts[p]) + t * parts[p]->stride[0], (size_t)c * sizeof *to);
    }
    hg_tape_push(ctx, &hg_op_concat_entry, y, parts, n_parts, NULL);
    return hg_ctx_failed(ctx) ? NULL : y;
}
