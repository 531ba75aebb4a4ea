/* SPDX-License-Identifier: Apache-2.0
 *
 * clip.c: patches, class token, positions, layer norm, then layers
 *   x += Out(attention(q, k, v)), q k v from layernorm1(x);  x += fc2(quick_gelu(fc1(layernorm2(x)))).
 * The last layer norm of CLIP is not used. The patch convolution has stride = kernel, so it is a linear layer
 * over cut-out patches.
 */
#include "model/clip.h"

#include <math.h>
#include <stdio.h>

int64_t hg_clip_n_patches(const hg_clip *clip)
{
    int64_t side = clip->config.image_size / clip->config.patch;
    return side * side;
}

/* (patches, 3 · patch²): pixels of each patch in the order of the convolution's weights: channel, row,
 * column. */
static hg_tensor *clip_cut_patches(hg_ctx *ctx, const hg_clip *clip, const hg_tensor *pixels)
{
    int64_t size = clip->config.image_size, patch = clip->config.patch, side = size / patch;
    hg_tensor *out = hg_ctx_tensor(ctx, 2, (int64_t[]){side * side, 3 * patch * patch}, false);
    if (out == NULL)
        return NULL;
    hg_real *to = hg_tensor_real(out);
    for (int64_t p = 0; p < side * side; p++) {
        int64_t top = p / side * patch, left = p % side * patch;
        for (int64_t channel = 0; channel < 3; channel++) {
            const hg_real *plane = hg_tensor_real(pixels) + channel * size * size;
            for (int64_t y = 0; y < patch; y++, to += patch)
                memcpy(to, plane + (top + y) * size + left, (size_t)patch * sizeof *to);
        }
    }
    return out;
}

static hg_tensor *clip_embed(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels)
{
    hg_tensor *patches = hg_op_linear(ctx, clip_cut_patches(ctx, clip, pixels), &clip->patch_embedding, NULL);
    hg_tensor *x = hg_op_concat(ctx, (hg_tensor *[]){&clip->class_embedding, patches}, 2);
    x = hg_op_add(ctx, x, &clip->position_embedding);
    return hg_op_layernorm(ctx, x, &clip->pre_norm_gain, &clip->pre_norm_bias, (hg_real)clip->config.eps);
}

static hg_tensor *clip_heads(hg_ctx *ctx, const hg_clip *clip, hg_tensor *x)
{
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, hg_tensor_view_heads(x, clip->config.n_heads));
}

static hg_tensor *clip_layer_forward(hg_ctx *ctx, hg_clip *clip, hg_clip_layer *l, hg_tensor *x)
{
    hg_real eps = (hg_real)clip->config.eps;
    hg_attention how = {.scale =
                            (hg_real)(1 / sqrt((double)clip->config.hidden / (double)clip->config.n_heads))};
    hg_tensor *n = hg_op_layernorm(ctx, x, &l->norm1_gain, &l->norm1_bias, eps);
    hg_tensor *q = clip_heads(ctx, clip, hg_op_linear(ctx, n, &l->q, &l->q_bias));
    hg_tensor *k = clip_heads(ctx, clip, hg_op_linear(ctx, n, &l->k, &l->k_bias));
    hg_tensor *v = clip_heads(ctx, clip, hg_op_linear(ctx, n, &l->v, &l->v_bias));
    x = hg_op_add(ctx, x, hg_op_linear(ctx, hg_op_attention(ctx, q, k, v, &how), &l->out, &l->out_bias));
    n = hg_op_layernorm(ctx, x, &l->norm2_gain, &l->norm2_bias, eps);
    n = hg_op_linear(ctx, n, &l->fc1, &l->fc1_bias);
    n = clip->config.activation == HG_CLIP_GELU ? hg_op_gelu(ctx, n) : hg_op_quick_gelu(ctx, n);
    return hg_op_add(ctx, x, hg_op_linear(ctx, n, &l->fc2, &l->fc2_bias));
}

hg_tensor *hg_clip_forward(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels, int64_t n_layers)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t shape[2] = {1 + hg_clip_n_patches(clip), clip->config.hidden};
    hg_tensor *state = hg_ctx_tensor(ctx, 2, shape, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *x = clip_embed(ctx, clip, pixels);
    for (int64_t i = 0; i < n_layers && !hg_ctx_failed(ctx); i++) {
        x = clip_layer_forward(ctx, clip, &clip->layers[i], x);
        if (hg_ctx_failed(ctx) || ctx->tape != NULL)
            continue;
        memcpy(state->data, x->data, (size_t)hg_tensor_count(x) * sizeof(hg_real));
        hg_arena_reset(ctx->arena, mark);
        x = state;
    }
    if (hg_ctx_failed(ctx))
        return NULL;
    return hg_ctx_view(ctx, hg_tensor_view_rows(x, 1, shape[0] - 1));
}
