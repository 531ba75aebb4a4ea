/* SPDX-License-Identifier: Apache-2.0
 *
 * clip_bf16.c: the formulas of clip.c with products in bf16. The state that runs through the layers stays
 * float32: linear layers at the end of a branch add to it in place. Weights are rounded as they are used, so
 * a layer that is not run is neither read nor converted.
 */
#include "model/clip.h"
#include "ops/bf16.h"

#include <math.h>

/* Position embeddings, to which class token and patches are added; then the norm. */
static void clip_begin(hg_ctx *ctx, hg_clip *clip, const hg_tensor *pixels, int64_t n_images,
                       hg_tensor *state)
{
    const hg_tensor *positions = &clip->position_embedding;
    int64_t rows = positions->shape[0], c = clip->config.hidden;
    const hg_tensor *patches = hg_bf16_round(ctx, hg_clip_cut_patches(ctx, clip, pixels));
    for (int64_t i = 0; !hg_ctx_failed(ctx) && i < n_images; i++) {
        hg_tensor image = hg_tensor_view_rows(state, i * rows, rows);
        memcpy(image.data, positions->data, (size_t)(rows * c) * sizeof(hg_real));
        for (int64_t j = 0; j < c; j++)
            hg_tensor_real(&image)[j] += hg_tensor_real(&clip->class_embedding)[j];
        hg_tensor x = hg_tensor_view_rows(patches, i * (rows - 1), rows - 1);
        hg_bf16_part part = {&clip->patch_embedding, NULL, hg_tensor_view_rows(&image, 1, rows - 1)};
        hg_bf16_linear(ctx, &x, &part, 1, HG_BF16_END_ADD);
    }
    const hg_tensor *normed =
        hg_op_layernorm(ctx, state, &clip->pre_norm_gain, &clip->pre_norm_bias, (hg_real)clip->config.eps);
    if (!hg_ctx_failed(ctx))
        memcpy(state->data, normed->data, (size_t)hg_tensor_count(state) * sizeof(hg_real));
}

static hg_tensor clip_head_columns(const hg_tensor *qkv, int64_t index, int64_t n_heads)
{
    int64_t c = qkv->shape[1] / 3;
    hg_tensor columns = hg_tensor_view_columns(qkv, index * c, c);
    return hg_tensor_view_heads(&columns, n_heads);
}

static void clip_attend(hg_ctx *ctx, const hg_clip *clip, const hg_clip_layer *l, int64_t n_images,
                        hg_tensor *state)
{
    int64_t c = clip->config.hidden, heads = clip->config.n_heads;
    const hg_tensor *n =
        hg_bf16_layernorm(ctx, state, &l->norm1_gain, &l->norm1_bias, (hg_real)clip->config.eps);
    const hg_tensor *qkv = hg_bf16_tensor(ctx, 2, (int64_t[]){state->shape[0], 3 * c});
    if (hg_ctx_failed(ctx))
        return;
    const hg_bf16_part parts[3] = {{&l->q, &l->q_bias, hg_tensor_view_columns(qkv, 0, c)},
                                   {&l->k, &l->k_bias, hg_tensor_view_columns(qkv, c, c)},
                                   {&l->v, &l->v_bias, hg_tensor_view_columns(qkv, 2 * c, c)}};
    hg_bf16_linear(ctx, n, parts, 3, HG_BF16_END_STORE);
    hg_tensor q = clip_head_columns(qkv, 0, heads), k = clip_head_columns(qkv, 1, heads),
              v = clip_head_columns(qkv, 2, heads);
    hg_real scale = (hg_real)(1 / sqrt((double)c / (double)heads));
    const hg_tensor *y = hg_bf16_attention(ctx, &q, &k, &v, n_images, scale);
    hg_bf16_linear(ctx, y, &(hg_bf16_part){&l->out, &l->out_bias, *state}, 1, HG_BF16_END_ADD);
}

static void clip_feed_forward(hg_ctx *ctx, const hg_clip *clip, const hg_clip_layer *l, hg_tensor *state)
{
    hg_bf16_end gelu = clip->config.activation == HG_CLIP_GELU ? HG_BF16_END_GELU : HG_BF16_END_QUICK_GELU;
    const hg_tensor *n =
        hg_bf16_layernorm(ctx, state, &l->norm2_gain, &l->norm2_bias, (hg_real)clip->config.eps);
    const hg_tensor *h = hg_bf16_tensor(ctx, 2, (int64_t[]){state->shape[0], clip->config.mlp});
    if (hg_ctx_failed(ctx))
        return;
    hg_bf16_linear(ctx, n, &(hg_bf16_part){&l->fc1, &l->fc1_bias, *h}, 1, gelu);
    hg_bf16_linear(ctx, h, &(hg_bf16_part){&l->fc2, &l->fc2_bias, *state}, 1, HG_BF16_END_ADD);
}

void hg_clip_run_bf16(hg_ctx *ctx, hg_clip *clip, const hg_tensor *pixels, int64_t n_images, int64_t n_layers,
                      hg_tensor *state)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    clip_begin(ctx, clip, pixels, n_images, state);
    for (int64_t i = 0; i < n_layers && !hg_ctx_failed(ctx); i++) {
        hg_arena_reset(ctx->arena, mark);
        clip_attend(ctx, clip, &clip->layers[i], n_images, state);
        clip_feed_forward(ctx, clip, &clip->layers[i], state);
    }
    hg_arena_reset(ctx->arena, mark);
}
