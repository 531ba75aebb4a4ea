/* SPDX-License-Identifier: Apache-2.0
 *
 * projector.c: `mlp2x_gelu` of the releases.
 */
#include "model/projector.h"

#include <stdio.h>

static hg_status projector_load_layer(const hg_tensor_set *source, const char *prefix, int index, int64_t in,
                                      int64_t out, hg_tensor *w, hg_tensor *b, hg_arena *arena, hg_error *err)
{
    char name[HG_WEIGHT_NAME_BYTES];
    snprintf(name, sizeof name, "%smm_projector.%d.weight", prefix, index);
    hg_status status = hg_weight_take(source, name, 2, (int64_t[]){out, in}, w, err);
    if (status != HG_STATUS_OK)
        return status;
    snprintf(name, sizeof name, "%smm_projector.%d.bias", prefix, index);
    return hg_weight_take_real(source, arena, name, 1, &out, b, err);
}

hg_status hg_projector_load(hg_projector *p, const hg_tensor_set *source, const char *prefix, int64_t width,
                            int64_t hidden, hg_arena *arena, hg_error *err)
{
    hg_status status = projector_load_layer(source, prefix, 0, width, hidden, &p->w0, &p->b0, arena, err);
    if (status != HG_STATUS_OK)
        return status;
    return projector_load_layer(source, prefix, 2, hidden, hidden, &p->w2, &p->b2, arena, err);
}

hg_tensor *hg_projector_forward(hg_ctx *ctx, hg_projector *p, hg_tensor *features)
{
    hg_tensor *inner = hg_op_gelu(ctx, hg_op_linear(ctx, features, &p->w0, &p->b0));
    return hg_op_linear(ctx, inner, &p->w2, &p->b2);
}
