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

bool hg_vqgan_work_init(hg_vqgan_work *work, hg_ctx *ctx, const hg_vqgan_config *config, int64_t n_images)
{
    *work = (hg_vqgan_work){.ctx = ctx, .n_groups = config->n_groups, .n_images = n_images};
    work->capacity = largest_map(config) * (n_images > 0 ? n_images : 1);
    for (int i = 0; i < 2 && ctx->tape == NULL; i++)
        work->buffer[i] = hg_ctx_scratch(ctx, work->capacity);
    work->mark = hg_arena_get_mark(ctx->arena);
    return !hg_ctx_failed(ctx);
}

/* `t`, whatever its shape, as a map. */
static hg_tensor work_shape(const hg_vqgan_work *work, const hg_tensor *t, int64_t channels, int64_t side)
{
    int64_t shape[4] = {work->n_images, channels, side, side};
    bool several = work->n_images > 0;
    return hg_tensor_view_shape(t, several ? 4 : 3, several ? shape : shape + 1);
}

/* Copies a map into buffer `to` and empties the arena behind the buffers. */
static hg_tensor *work_move(hg_vqgan_work *work, int to, const hg_tensor *t, int64_t channels, int64_t side)
{
    hg_tensor map = work_shape(work, t, channels, side);
    if (work->ctx->tape != NULL)
        return hg_ctx_view(work->ctx, map);
    memcpy(work->buffer[to], hg_tensor_real(&map), (size_t)hg_tensor_count(&map) * sizeof(hg_real));
    hg_arena_reset(work->ctx->arena, work->mark);
    map.data = work->buffer[to];
    work->moved[to] = map;
    return &work->moved[to];
}

void hg_vqgan_work_keep(hg_vqgan_work *work, hg_tensor *t, int64_t channels, int64_t side)
{
    if (!hg_ctx_failed(work->ctx))
        work->x = work_move(work, 0, t, channels, side);
}

static int64_t map_channels(const hg_tensor *map)
{
    return map->shape[map->n_dims - 3];
}

static int64_t map_side(const hg_tensor *map)
{
    return map->shape[map->n_dims - 1];
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
    if (hg_ctx_failed(work->ctx))
        return;
    int64_t side = map_side(work->x);
    hg_tensor *y = hg_op_conv2d(work->ctx, work->x, &conv->weight, &conv->bias, 1, 1, 1);
    hg_vqgan_work_keep(work, y, conv->weight.shape[0], side);
}

void hg_vqgan_res_block(hg_vqgan_work *work, hg_vqgan_res *res)
{
    hg_ctx *ctx = work->ctx;
    if (hg_ctx_failed(ctx))
        return;
    int64_t channels = res->conv2.weight.shape[0], side = map_side(work->x);
    const hg_tensor *h = norm_swish_conv(work, work->x, &res->norm1, &res->conv1);
    if (hg_ctx_failed(ctx))
        return;
    hg_tensor *inner = work_move(work, 1, h, channels, side);
    hg_tensor *y = norm_swish_conv(work, inner, &res->norm2, &res->conv2);
    hg_tensor *skip = work->x;
    if (res->has_shortcut)
        skip = hg_op_conv2d(ctx, skip, &res->shortcut.weight, &res->shortcut.bias, 1, 0, 0);
    hg_vqgan_work_keep(work, hg_op_add(ctx, skip, y), channels, side);
}

/* A map as rows by position. */
static hg_tensor *rows_of(hg_ctx *ctx, const hg_tensor *map)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t area = map_side(map) * map_side(map), channels = map_channels(map);
    int64_t flat[3] = {hg_tensor_count(map) / (area * channels), channels, area};
    hg_tensor *rows = hg_op_transpose(ctx, hg_ctx_view(ctx, hg_tensor_view_shape(map, 3, flat)));
    if (hg_ctx_failed(ctx))
        return NULL;
    return hg_ctx_view(ctx, hg_tensor_view_shape(rows, 2, (int64_t[]){flat[0] * area, channels}));
}

hg_tensor *hg_vqgan_work_rows(hg_vqgan_work *work)
{
    return rows_of(work->ctx, work->x);
}

hg_tensor *hg_vqgan_work_map(const hg_vqgan_work *work, hg_tensor *rows, int64_t side)
{
    hg_ctx *ctx = work->ctx;
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t area = side * side, channels = rows->shape[1], n = rows->shape[0] / area;
    hg_tensor *map = hg_ctx_view(ctx, hg_tensor_view_shape(rows, 3, (int64_t[]){n, area, channels}));
    map = hg_op_transpose(ctx, map);
    return hg_ctx_failed(ctx) ? NULL : hg_ctx_view(ctx, work_shape(work, map, channels, side));
}

/* Rows first .. first + count - 1 as one head. */
static hg_tensor *one_head(hg_ctx *ctx, const hg_tensor *rows, int64_t first, int64_t count)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor part = hg_tensor_view_rows(rows, first, count);
    return hg_ctx_view(ctx, hg_tensor_view_heads(&part, 1));
}

/* Attention within each picture, `area` rows. */
static hg_tensor *attend(hg_ctx *ctx, const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                         int64_t area)
{
    hg_tensor *all = NULL;
    for (int64_t first = 0; !hg_ctx_failed(ctx) && first < q->shape[0]; first += area) {
        hg_attention how = {.scale = (hg_real)(1 / sqrt((double)q->shape[1]))};
        hg_tensor *y = hg_op_attention(ctx, one_head(ctx, q, first, area), one_head(ctx, k, first, area),
                                       one_head(ctx, v, first, area), &how);
        all = all == NULL ? y : hg_op_concat(ctx, (hg_tensor *[]){all, y}, 2);
    }
    return hg_ctx_failed(ctx) ? NULL : all;
}

void hg_vqgan_attn_block(hg_vqgan_work *work, hg_vqgan_attn *attn)
{
    hg_ctx *ctx = work->ctx;
    if (hg_ctx_failed(ctx))
        return;
    int64_t channels = map_channels(work->x), side = map_side(work->x);
    hg_tensor *h =
        hg_op_groupnorm(ctx, work->x, &attn->norm.weight, &attn->norm.bias, work->n_groups, NORM_EPS);
    hg_tensor *rows = rows_of(ctx, h);
    const hg_tensor *q = hg_op_linear(ctx, rows, &attn->q.weight, &attn->q.bias);
    const hg_tensor *k = hg_op_linear(ctx, rows, &attn->k.weight, &attn->k.bias);
    const hg_tensor *v = hg_op_linear(ctx, rows, &attn->v.weight, &attn->v.bias);
    hg_tensor *y = attend(ctx, q, k, v, side * side);
    y = hg_vqgan_work_map(work, hg_op_linear(ctx, y, &attn->out.weight, &attn->out.bias), side);
    hg_vqgan_work_keep(work, hg_op_add(ctx, work->x, y), channels, side);
}

void hg_vqgan_downsample(hg_vqgan_work *work, hg_vqgan_affine *conv)
{
    if (hg_ctx_failed(work->ctx))
        return;
    /* Zeros on the right and below only. */
    int64_t channels = map_channels(work->x), side = map_side(work->x) / 2;
    hg_tensor *y = hg_op_conv2d(work->ctx, work->x, &conv->weight, &conv->bias, 2, 0, 1);
    hg_vqgan_work_keep(work, y, channels, side);
}

void hg_vqgan_upsample(hg_vqgan_work *work, hg_vqgan_affine *conv)
{
    if (hg_ctx_failed(work->ctx))
        return;
    int64_t channels = map_channels(work->x), side = 2 * map_side(work->x);
    hg_tensor *twice = hg_op_upsample(work->ctx, work->x);
    hg_tensor *y = hg_op_conv2d(work->ctx, twice, &conv->weight, &conv->bias, 1, 1, 1);
    hg_vqgan_work_keep(work, y, channels, side);
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
    if (hg_ctx_failed(work->ctx))
        return;
    int64_t side = map_side(work->x);
    hg_tensor *y = norm_swish_conv(work, work->x, &half->norm_out, &half->conv_out);
    hg_vqgan_work_keep(work, y, half->conv_out.weight.shape[0], side);
}
