/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_blocks.c: group norm with eps 1e-6 and swish everywhere; 3 x 3 convolutions with padding 1. Attention
 * is one head of C dimensions over the positions, which linear layers and hg_op_attention do on rows.
 */
#include "model/vqgan_blocks.h"

#include <math.h>

#define NORM_EPS ((hg_real)1e-6)

static int64_t largest_map(const hg_vqgan_config *c)
{
    int64_t bottom = c->resolution >> (c->n_levels - 1);
    int64_t ends = c->z_channels > c->embed_dim ? c->z_channels : c->embed_dim;
    int64_t largest = ends * bottom * bottom;
    for (int i = 0; i < c->n_levels; i++) {
        /* A level also sees its neighbours' channels: those that come in, before its first block changes
         * them. */
        int64_t side = c->resolution >> i, channels = i == 0 ? c->ch : 0;
        for (int j = i > 0 ? i - 1 : i; j <= i + 1 && j < c->n_levels; j++)
            channels = c->ch * c->ch_mult[j] > channels ? c->ch * c->ch_mult[j] : channels;
        largest = channels * side * side > largest ? channels * side * side : largest;
    }
    int64_t pixels = c->resolution * c->resolution;
    int64_t picture = (c->in_channels > c->out_ch ? c->in_channels : c->out_ch) * pixels;
    return picture > largest ? picture : largest;
}

bool hg_vqgan_work_init(hg_vqgan_work *work, hg_ctx *ctx, const hg_vqgan_config *config)
{
    *work = (hg_vqgan_work){.ctx = ctx, .n_groups = config->n_groups, .capacity = largest_map(config)};
    if (ctx->tape != NULL)
        hg_ctx_fail(ctx, HG_STATUS_USAGE, "no gradient through the picture's autoencoder: it is frozen");
    work->buffer[0] = hg_ctx_scratch(ctx, work->capacity);
    work->buffer[1] = hg_ctx_scratch(ctx, work->capacity);
    work->mark = hg_arena_get_mark(ctx->arena);
    return !hg_ctx_failed(ctx);
}

/* Copies a map into buffer `to` and empties the arena behind the buffers. */
static hg_tensor work_move(hg_vqgan_work *work, int to, const hg_tensor *t, const int64_t shape[3])
{
    /* Before the reset: `t` and `shape` may lie in what it takes back. */
    hg_tensor moved = hg_tensor_make(HG_DTYPE_REAL, 3, shape, work->buffer[to]);
    memcpy(moved.data, hg_tensor_real(t), (size_t)hg_tensor_count(t) * sizeof(hg_real));
    hg_arena_reset(work->ctx->arena, work->mark);
    return moved;
}

void hg_vqgan_work_keep(hg_vqgan_work *work, const hg_tensor *t, int64_t channels, int64_t side)
{
    if (!hg_ctx_failed(work->ctx))
        work->x = work_move(work, 0, t, (int64_t[]){channels, side, side});
}

static hg_tensor *norm_swish_conv(hg_vqgan_work *work, hg_tensor *x, hg_vqgan_affine *norm,
                                  hg_vqgan_affine *conv)
{
    hg_ctx *ctx = work->ctx;
    hg_tensor *h = hg_op_groupnorm(ctx, x, &norm->weight, &norm->bias, work->n_groups, NORM_EPS);
    return hg_op_conv2d(ctx, hg_op_silu(ctx, h), &conv->weight, &conv->bias, 1, 1, 1);
}

void hg_vqgan_conv(hg_vqgan_work *work, hg_vqgan_affine *conv)
{
    const hg_tensor *y = hg_op_conv2d(work->ctx, &work->x, &conv->weight, &conv->bias, 1, 1, 1);
    hg_vqgan_work_keep(work, y, conv->weight.shape[0], work->x.shape[1]);
}

void hg_vqgan_res_block(hg_vqgan_work *work, hg_vqgan_res *res)
{
    hg_ctx *ctx = work->ctx;
    const hg_tensor *h = norm_swish_conv(work, &work->x, &res->norm1, &res->conv1);
    if (hg_ctx_failed(ctx))
        return;
    hg_tensor inner = work_move(work, 1, h, h->shape);
    hg_tensor *y = norm_swish_conv(work, &inner, &res->norm2, &res->conv2);
    hg_tensor *skip = &work->x;
    if (res->has_shortcut)
        skip = hg_op_conv2d(ctx, skip, &res->shortcut.weight, &res->shortcut.bias, 1, 0, 0);
    y = hg_op_add(ctx, skip, y);
    hg_vqgan_work_keep(work, y, res->conv2.weight.shape[0], work->x.shape[1]);
}

/* (C, H, W) as (H · W, C). */
static hg_tensor *rows_of(hg_ctx *ctx, const hg_tensor *map)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t flat[2] = {map->shape[0], map->shape[1] * map->shape[2]};
    return hg_op_transpose(ctx, hg_ctx_view(ctx, hg_tensor_view_shape(map, 2, flat)));
}

hg_tensor *hg_vqgan_work_rows(hg_vqgan_work *work)
{
    return rows_of(work->ctx, &work->x);
}

static hg_tensor *one_head(hg_ctx *ctx, hg_tensor *rows, hg_vqgan_affine *matrix)
{
    hg_tensor *y = hg_op_linear(ctx, rows, &matrix->weight, &matrix->bias);
    return y == NULL ? NULL : hg_ctx_view(ctx, hg_tensor_view_heads(y, 1));
}

void hg_vqgan_attn_block(hg_vqgan_work *work, hg_vqgan_attn *attn)
{
    hg_ctx *ctx = work->ctx;
    int64_t c = work->x.shape[0], side = work->x.shape[1];
    hg_attention how = {.scale = (hg_real)(1 / sqrt((double)c))};
    hg_tensor *h =
        hg_op_groupnorm(ctx, &work->x, &attn->norm.weight, &attn->norm.bias, work->n_groups, NORM_EPS);
    hg_tensor *rows = rows_of(ctx, h);
    hg_tensor *q = one_head(ctx, rows, &attn->q), *k = one_head(ctx, rows, &attn->k),
              *v = one_head(ctx, rows, &attn->v);
    hg_tensor *y = hg_op_attention(ctx, q, k, v, &how);
    y = hg_op_transpose(ctx, hg_op_linear(ctx, y, &attn->out.weight, &attn->out.bias));
    if (hg_ctx_failed(ctx))
        return;
    hg_tensor map = hg_tensor_view_shape(y, 3, (int64_t[]){c, side, side});
    hg_vqgan_work_keep(work, hg_op_add(ctx, &work->x, &map), c, side);
}

void hg_vqgan_downsample(hg_vqgan_work *work, hg_vqgan_affine *conv)
{
    /* Zeros on the right and below only. */
    const hg_tensor *y = hg_op_conv2d(work->ctx, &work->x, &conv->weight, &conv->bias, 2, 0, 1);
    hg_vqgan_work_keep(work, y, work->x.shape[0], work->x.shape[1] / 2);
}

void hg_vqgan_upsample(hg_vqgan_work *work, hg_vqgan_affine *conv)
{
    hg_tensor *twice = hg_op_upsample(work->ctx, &work->x);
    const hg_tensor *y = hg_op_conv2d(work->ctx, twice, &conv->weight, &conv->bias, 1, 1, 1);
    hg_vqgan_work_keep(work, y, work->x.shape[0], 2 * work->x.shape[1]);
}

void hg_vqgan_level_blocks(hg_vqgan_work *work, hg_vqgan_level *level)
{
    for (int64_t i = 0; i < level->n_blocks; i++) {
        hg_vqgan_res_block(work, &level->blocks[i]);
        if (level->attns != NULL)
            hg_vqgan_attn_block(work, &level->attns[i]);
    }
}

void hg_vqgan_mid(hg_vqgan_work *work, hg_vqgan_half *half)
{
    hg_vqgan_res_block(work, &half->mid1);
    hg_vqgan_attn_block(work, &half->mid_attn);
    hg_vqgan_res_block(work, &half->mid2);
}

void hg_vqgan_out(hg_vqgan_work *work, hg_vqgan_half *half)
{
    const hg_tensor *y = norm_swish_conv(work, &work->x, &half->norm_out, &half->conv_out);
    hg_vqgan_work_keep(work, y, half->conv_out.weight.shape[0], work->x.shape[1]);
}
