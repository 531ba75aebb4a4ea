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

static int64_t clip_n_images(const hg_tensor *pixels)
{
    return pixels->n_dims == 4 ? pixels->shape[0] : 1;
}

/* One image's patches. */
static void clip_cut_image(const hg_clip *clip, const hg_real *pixels, hg_real *to)
{
    int64_t size = clip->config.image_size, patch = clip->config.patch, side = size / patch;
    for (int64_t p = 0; p < side * side; p++) {
        int64_t top = p / side * patch, left = p % side * patch;
        for (int64_t channel = 0; channel < 3; channel++) {
            const hg_real *plane = pixels + channel * size * size;
            for (int64_t y = 0; y < patch; y++, to += patch)
                memcpy(to, plane + (top + y) * size + left, (size_t)patch * sizeof *to);
        }
    }
}

hg_tensor *hg_clip_cut_patches(hg_ctx *ctx, const hg_clip *clip, const hg_tensor *pixels)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t size = clip->config.image_size, n = hg_clip_n_patches(clip), images = clip_n_images(pixels);
    int64_t values = 3 * clip->config.patch * clip->config.patch;
    hg_tensor *out = hg_ctx_tensor(ctx, 2, (int64_t[]){images * n, values}, false);
    for (int64_t i = 0; out != NULL && i < images; i++)
        clip_cut_image(clip, hg_tensor_real(pixels) + i * 3 * size * size,
                       hg_tensor_real(out) + i * n * values);
    return out;
}

/* Rows begin .. begin + count - 1 of x, gradient and all. */
static hg_tensor *clip_rows(hg_ctx *ctx, const hg_tensor *x, int64_t begin, int64_t count)
{
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, hg_tensor_view_rows(x, begin, count));
}

/* Class token and patches of one image, at their positions. */
static hg_tensor *clip_place(hg_ctx *ctx, hg_clip *clip, hg_tensor *patches)
{
    hg_tensor *x = hg_op_concat(ctx, (hg_tensor *[]){&clip->class_embedding, patches}, 2);
    return hg_op_add(ctx, x, &clip->position_embedding);
}

static hg_tensor *clip_embed(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels)
{
    int64_t n_images = clip_n_images(pixels), n = hg_clip_n_patches(clip);
    hg_tensor *patches =
        hg_op_linear(ctx, hg_clip_cut_patches(ctx, clip, pixels), &clip->patch_embedding, NULL);
    hg_tensor *x, *parts[HG_CLIP_TAPE_IMAGES];
    if (n_images == 1) {
        x = clip_place(ctx, clip, patches);
    } else {
        for (int64_t i = 0; i < n_images; i++)
            parts[i] = clip_place(ctx, clip, clip_rows(ctx, patches, i * n, n));
        x = hg_op_concat(ctx, parts, (int)n_images);
    }
    return hg_op_layernorm(ctx, x, &clip->pre_norm_gain, &clip->pre_norm_bias, (hg_real)clip->config.eps);
}

static hg_tensor *clip_heads(hg_ctx *ctx, const hg_clip *clip, hg_tensor *x)
{
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, hg_tensor_view_heads(x, clip->config.n_heads));
}

/* Every image attends to itself alone. */
static hg_tensor *clip_attend(hg_ctx *ctx, const hg_clip *clip, hg_tensor *const qkv[3])
{
    hg_attention how = {.scale =
                            (hg_real)(1 / sqrt((double)clip->config.hidden / (double)clip->config.n_heads))};
    hg_tensor *parts[HG_CLIP_TAPE_IMAGES], *one[3];
    int64_t rows = 1 + hg_clip_n_patches(clip);
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t n_images = qkv[0]->shape[0] / rows;
    for (int64_t i = 0; i < n_images; i++) {
        for (int j = 0; j < 3; j++)
            one[j] = clip_heads(ctx, clip, clip_rows(ctx, qkv[j], i * rows, rows));
        parts[i] = hg_op_attention(ctx, one[0], one[1], one[2], &how);
    }
    return n_images == 1 ? parts[0] : hg_op_concat(ctx, parts, (int)n_images);
}

static hg_tensor *clip_layer_forward(hg_ctx *ctx, hg_clip *clip, hg_clip_layer *l, hg_tensor *x)
{
    hg_real eps = (hg_real)clip->config.eps;
    hg_tensor *n = hg_op_layernorm(ctx, x, &l->norm1_gain, &l->norm1_bias, eps);
    hg_tensor *q = hg_op_linear(ctx, n, &l->q, &l->q_bias), *k = hg_op_linear(ctx, n, &l->k, &l->k_bias);
    hg_tensor *v = hg_op_linear(ctx, n, &l->v, &l->v_bias);
    n = clip_attend(ctx, clip, (hg_tensor *[]){q, k, v});
    x = hg_op_add(ctx, x, hg_op_linear(ctx, n, &l->out, &l->out_bias));
    n = hg_op_layernorm(ctx, x, &l->norm2_gain, &l->norm2_bias, eps);
    n = hg_op_linear(ctx, n, &l->fc1, &l->fc1_bias);
    n = clip->config.activation == HG_CLIP_GELU ? hg_op_gelu(ctx, n) : hg_op_quick_gelu(ctx, n);
    return hg_op_add(ctx, x, hg_op_linear(ctx, n, &l->fc2, &l->fc2_bias));
}

/* Embeds one image, or with a tape up to HG_CLIP_TAPE_IMAGES, and runs the layers; without a tape the result
 * is moved to `state`, layer by layer. */
static hg_tensor *clip_run(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels, int64_t n_layers, hg_tensor *state)
{
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
    return x;
}

/* Images go through the layers together while they are so few rows that products of more are faster. */
#define CLIP_ROWS 512

/* Several images, a few at a time. */
static void clip_run_each(hg_ctx *ctx, hg_clip *clip, const hg_tensor *pixels, int64_t n_images,
                          int64_t n_layers, const hg_tensor *state)
{
    int64_t rows = state->shape[0] / n_images, most = CLIP_ROWS / rows;
    most = most < 1 ? 1 : most > HG_CLIP_TAPE_IMAGES ? HG_CLIP_TAPE_IMAGES : most;
    for (int64_t i = 0, n; i < n_images && !hg_ctx_failed(ctx); i += n) {
        n = n_images - i < most ? n_images - i : most;
        hg_tensor images = pixels->n_dims == 4 ? hg_tensor_view_rows(pixels, i, n) : *pixels,
                  part = hg_tensor_view_rows(state, i * rows, n * rows);
        clip_run(ctx, clip, &images, n_layers, &part);
    }
}

/* Rows without the class tokens; what is recorded is joined, else rows are moved together over their places.
 */
static hg_tensor *clip_drop_class(hg_ctx *ctx, hg_tensor *state, int64_t n_images)
{
    int64_t rows = state->shape[0] / n_images, c = state->shape[1];
    if (n_images == 1)
        return clip_rows(ctx, state, 1, rows - 1);
    if (ctx->tape != NULL) {
        hg_tensor *parts[HG_CLIP_TAPE_IMAGES];
        for (int64_t i = 0; i < n_images; i++)
            parts[i] = clip_rows(ctx, state, i * rows + 1, rows - 1);
        return hg_op_concat(ctx, parts, (int)n_images);
    }
    hg_real *x = hg_tensor_real(state);
    for (int64_t i = 0; i < n_images; i++)
        memmove(x + i * (rows - 1) * c, x + (i * rows + 1) * c, (size_t)((rows - 1) * c) * sizeof *x);
    return hg_ctx_view(ctx, hg_tensor_view_rows(state, 0, n_images * (rows - 1)));
}

hg_tensor *hg_clip_forward(hg_ctx *ctx, hg_clip *clip, hg_tensor *pixels, int64_t n_layers)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t n_images = clip_n_images(pixels);
    int64_t shape[2] = {n_images * (1 + hg_clip_n_patches(clip)), clip->config.hidden};
    if (ctx->tape != NULL && n_images > HG_CLIP_TAPE_IMAGES)
        return hg_ctx_fail(ctx, HG_STATUS_USAGE, "no gradient through more than %d images at once",
                           HG_CLIP_TAPE_IMAGES);
    hg_tensor *state = ctx->tape != NULL ? NULL : hg_ctx_tensor(ctx, 2, shape, false);
    if (hg_ctx_failed(ctx))
        return NULL;
    if (ctx->tape != NULL)
        state = clip_run(ctx, clip, pixels, n_layers, NULL);
    else if (clip->bf16)
        hg_clip_run_bf16(ctx, clip, pixels, n_images, n_layers, state);
    else
        clip_run_each(ctx, clip, pixels, n_images, n_layers, state);
    return hg_ctx_failed(ctx) ? NULL : clip_drop_class(ctx, state, n_images);
}
