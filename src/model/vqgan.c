/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan.c: the two ways through the autoencoder.
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

/* The latent of the codes as the live map. */
static void decode_begin(hg_vqgan_work *work, hg_vqgan *vq, const int32_t *codes)
{
    hg_ctx *ctx = work->ctx;
    hg_tensor *rows = hg_op_embedding(ctx, &vq->embed, codes, hg_vqgan_n_codes(vq));
    rows = hg_op_linear(ctx, rows, &vq->post_quant_conv.weight, &vq->post_quant_conv.bias);
    hg_vqgan_work_keep(work, hg_op_transpose(ctx, rows), vq->config.z_channels, hg_vqgan_side(vq));
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

hg_tensor *hg_vqgan_decode(hg_ctx *ctx, hg_vqgan *vq, const int32_t *codes)
{
    int64_t shape[3] = {vq->config.out_ch, vq->config.resolution, vq->config.resolution};
    hg_tensor *picture = hg_ctx_tensor(ctx, 3, shape, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_vqgan_work work;
    if (hg_vqgan_work_init(&work, ctx, &vq->config)) {
        decode_begin(&work, vq, codes);
        decode_levels(&work, vq);
    }
    if (hg_ctx_failed(ctx))
        return NULL;
    memcpy(hg_tensor_real(picture), hg_tensor_real(&work.x),
           (size_t)hg_tensor_count(picture) * sizeof(hg_real));
    hg_arena_reset(ctx->arena, mark);
    return picture;
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

hg_tensor *hg_vqgan_latent(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *picture)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t side = vq->config.resolution;
    if (picture->n_dims != 3 || picture->shape[0] != vq->config.in_channels || picture->shape[1] != side ||
        picture->shape[2] != side) {
        char text[HG_TENSOR_SHAPE_TEXT];
        return hg_ctx_fail(ctx, HG_STATUS_INPUT,
                           "a picture of shape %s cannot be encoded, [%lld, %lld, %lld] can",
                           hg_tensor_format_shape(picture, text), (long long)vq->config.in_channels,
                           (long long)side, (long long)side);
    }
    hg_tensor *latent = hg_ctx_tensor(ctx, 2, (int64_t[]){hg_vqgan_n_codes(vq), vq->config.embed_dim}, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_vqgan_work work;
    if (!hg_vqgan_work_init(&work, ctx, &vq->config))
        return NULL;
    hg_vqgan_work_keep(&work, picture, vq->config.in_channels, side);
    encode_levels(&work, vq);
    const hg_tensor *rows =
        hg_op_linear(ctx, hg_vqgan_work_rows(&work), &vq->quant_conv.weight, &vq->quant_conv.bias);
    if (hg_ctx_failed(ctx))
        return NULL;
    memcpy(hg_tensor_real(latent), hg_tensor_real(rows), (size_t)hg_tensor_count(latent) * sizeof(hg_real));
    hg_arena_reset(ctx->arena, mark);
    return latent;
}

bool hg_vqgan_encode(hg_ctx *ctx, hg_vqgan *vq, hg_tensor *picture, int32_t *codes)
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *latent = hg_vqgan_latent(ctx, vq, picture);
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
