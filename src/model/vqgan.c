/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan.c: the two ways through the autoencoder, for inference and, with a tape, for training.
 *
 * Decoding: embed[code], post_quant_conv, conv_in, middle, levels from the smallest map to the picture, then
 * norm, swish, conv_out. Encoding: conv_in, levels from the picture to the smallest map, middle, norm, swish,
 * conv_out, quant_conv, argmax of proj.
 */
#include "model/vqgan_blocks.h"

int64_t hg_vqgan_side(const hg_vqgan *vq)
{
    return vq->config.resolution >> (vq->config.n_levels - 1);
}

int64_t hg_vqgan_n_codes(const hg_vqgan *vq)
{
    return hg_vqgan_side(vq) * hg_vqgan_side(vq);
}

static void decode_levels(hg_vqgan_work *work, hg_vqgan *vq)
{
    hg_vqgan_half *half = &vq->decoder;
    hg_vqgan_conv(work, &half->conv_in);
    hg_vqgan_mid(work, half);
    for (int i = vq->config.n_levels - 1; i >= 0; i--) {
        hg_vqgan_level_blocks(work, &half->levels[i]);
        if (half->levels[i].has_resize)
            hg_vqgan_upsample(work, &half->levels[i].resize);
    }
    hg_vqgan_out(work, half);
}

/* What remains of a pass: the live map itself with a tape, else a copy at `to` in a cleared arena. */
static hg_tensor *take_result(hg_ctx *ctx, hg_tensor *result, hg_tensor *to, hg_arena_mark mark)
{
    if (hg_ctx_failed(ctx) || ctx->tape != NULL)
        return hg_ctx_failed(ctx) ? NULL : result;
    memcpy(hg_tensor_real(to), hg_tensor_real(result), (size_t)hg_tensor_count(to) * sizeof(hg_real));
    hg_arena_reset(ctx->arena, mark);
    return to;
}

hg_tensor *hg_vqgan_draw(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *rows)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t each = hg_vqgan_n_codes(vq), n = rows->shape[0] / each, side = vq->config.resolution;
    if (rows->shape[0] % each != 0 || n < 1)
        return hg_ctx_fail(ctx, HG_STATUS_INPUT, "%lld codes are no pictures of %lld",
                           (long long)rows->shape[0], (long long)each);
    int64_t shape[4] = {n, vq->config.out_ch, side, side};
    hg_tensor *pictures = hg_ctx_tensor(ctx, n > 1 ? 4 : 3, n > 1 ? shape : shape + 1, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_vqgan_work work;
    if (!hg_vqgan_work_init(&work, ctx, &vq->config, n > 1 ? n : 0))
        return NULL;
    rows = hg_op_linear(ctx, rows, &vq->post_quant_conv.weight, &vq->post_quant_conv.bias);
    hg_vqgan_work_keep(&work, hg_vqgan_work_map(&work, rows, hg_vqgan_side(vq)), vq->config.z_channels,
                       hg_vqgan_side(vq));
    decode_levels(&work, vq);
    return take_result(ctx, work.x, pictures, mark);
}

hg_tensor *hg_vqgan_decode(hg_ctx *ctx, hg_vqgan *vq, const int32_t *codes)
{
    int64_t shape[3] = {vq->config.out_ch, vq->config.resolution, vq->config.resolution};
    hg_tensor *picture = hg_ctx_tensor(ctx, 3, shape, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *rows = hg_op_embedding(ctx, &vq->embed, codes, hg_vqgan_n_codes(vq));
    return take_result(ctx, hg_vqgan_draw(ctx, vq, rows), picture, mark);
}

static void encode_levels(hg_vqgan_work *work, hg_vqgan *vq)
{
    hg_vqgan_half *half = &vq->encoder;
    hg_vqgan_conv(work, &half->conv_in);
    for (int i = 0; i < vq->config.n_levels; i++) {
        hg_vqgan_level_blocks(work, &half->levels[i]);
        if (half->levels[i].has_resize)
            hg_vqgan_downsample(work, &half->levels[i].resize);
    }
    hg_vqgan_mid(work, half);
    hg_vqgan_out(work, half);
}

static bool fits_encoder(hg_ctx *ctx, const hg_vqgan *vq, const hg_tensor *pictures)
{
    int64_t side = vq->config.resolution, last = pictures->n_dims - 1;
    if ((pictures->n_dims == 3 || pictures->n_dims == 4) &&
        pictures->shape[last - 2] == vq->config.in_channels && pictures->shape[last - 1] == side &&
        pictures->shape[last] == side)
        return true;
    char text[HG_TENSOR_SHAPE_TEXT];
    hg_ctx_fail(ctx, HG_STATUS_INPUT, "a picture of shape %s cannot be encoded, [%lld, %lld, %lld] can",
                hg_tensor_format_shape(pictures, text), (long long)vq->config.in_channels, (long long)side,
                (long long)side);
    return false;
}

hg_tensor *hg_vqgan_latent(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *pictures)
{
    if (hg_ctx_failed(ctx) || !fits_encoder(ctx, vq, pictures))
        return NULL;
    int64_t n = pictures->n_dims == 4 ? pictures->shape[0] : 0;
    int64_t shape[2] = {hg_vqgan_n_codes(vq) * (n > 0 ? n : 1), vq->config.embed_dim};
    hg_tensor *latent = hg_ctx_tensor(ctx, 2, shape, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_vqgan_work work;
    if (!hg_vqgan_work_init(&work, ctx, &vq->config, n))
        return NULL;
    hg_vqgan_work_keep(&work, pictures, vq->config.in_channels, vq->config.resolution);
    encode_levels(&work, vq);
    hg_tensor *rows =
        hg_op_linear(ctx, hg_vqgan_work_rows(&work), &vq->quant_conv.weight, &vq->quant_conv.bias);
    return take_result(ctx, rows, latent, mark);
}

bool hg_vqgan_choose(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *latent, int32_t *codes)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    const hg_tensor *scores = hg_op_linear(ctx, latent, &vq->proj.weight, &vq->proj.bias);
    for (int64_t i = 0; !hg_ctx_failed(ctx) && i < hg_vqgan_n_codes(vq); i++) {
        const hg_real *row = hg_tensor_real(scores) + i * scores->stride[0];
        codes[i] = 0;
        for (int32_t j = 1; j < vq->config.n_embed; j++) {
            if (row[j] > row[codes[i]])
                codes[i] = j;
        }
    }
    if (!hg_ctx_failed(ctx))
        hg_arena_reset(ctx->arena, mark);
    return !hg_ctx_failed(ctx);
}

bool hg_vqgan_encode(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *picture, int32_t *codes)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    bool ok = hg_vqgan_choose(ctx, vq, hg_vqgan_latent(ctx, vq, picture), codes);
    if (ok)
        hg_arena_reset(ctx->arena, mark);
    return ok;
}
