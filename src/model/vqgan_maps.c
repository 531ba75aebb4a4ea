/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_maps.c: one walk through the network serves twice: dry, it prepares the convolutions in the order of
 * their use; then it runs them. The live map stays float32; what a convolution reads is normalised or rounded
 * as it is read, and the second convolution of a block adds to the live map in place. Whatever writes a map
 * that is normalised next leaves its sums in `sums`.
 */
#include "model/vqgan_maps.h"

#include "base/memory.h"
#include "ops/bf16.h"

#include <math.h>
#include <pthread.h>

#define NORM_EPS ((hg_real)1e-6)
/* More than the largest structure that loads: 64 blocks on 8 levels, 7 convolutions each. */
#define MAX_CONVS 4096

struct hg_vqgan_maps {
    hg_vqgan *vq;
    hg_vqgan_way way;
    hg_dtype type;
    pthread_mutex_t lock;    /* of what follows */
    bool prepared, declined; /* declined: some convolution could not be prepared */
    hg_map_conv **convs;     /* in the order of their use */
    size_t n_convs, capacity;
    int64_t capacity_floats; /* of the largest map */
    int64_t most_channels;
};

typedef struct maps_walk {
    hg_ctx *ctx; /* NULL: dry */
    hg_vqgan_maps *maps;
    size_t next;
    int64_t side, channels; /* of the live map */
    hg_real *x;             /* the live map */
    hg_real *other, *inner; /* room for the next live map, and for what is inside a block */
    hg_maps_sums sums;
    hg_real *slope, *offset; /* of a norm */
} maps_walk;

static bool walk_dry(const maps_walk *w)
{
    return w->ctx == NULL;
}

static bool walk_stopped(const maps_walk *w)
{
    return walk_dry(w) ? w->maps->declined : hg_ctx_failed(w->ctx);
}

/* ---- convolutions ---- */

static void maps_push(hg_vqgan_maps *maps, hg_map_conv *conv)
{
    if (conv != NULL && maps->n_convs == maps->capacity && maps->n_convs < MAX_CONVS) {
        size_t capacity = maps->capacity == 0 ? 128 : 2 * maps->capacity;
        hg_map_conv **convs = hg_mem_resize(maps->convs, capacity, sizeof(hg_map_conv *));
        if (convs != NULL) {
            maps->convs = convs;
            maps->capacity = capacity;
        }
    }
    if (conv != NULL && maps->n_convs < maps->capacity) {
        maps->convs[maps->n_convs++] = conv;
        return;
    }
    hg_map_conv_destroy(conv);
    maps->declined = true;
}

static void maps_grow(hg_vqgan_maps *maps, int64_t floats)
{
    maps->capacity_floats = floats > maps->capacity_floats ? floats : maps->capacity_floats;
}

/* What walk_conv prepares in a dry walk: padding is 1 around 3 x 3, but only behind when the stride is 2. */
static void walk_prepare(maps_walk *w, const hg_vqgan_affine *conv, int64_t side, int64_t stride, bool add)
{
    const int64_t *shape = conv->weight.shape;
    int64_t kernel = conv->weight.n_dims == 4 ? shape[2] : 1, out = side / stride;
    hg_conv_shape s = {.c_in = shape[1],
                       .h_in = side,
                       .w_in = side,
                       .c_out = shape[0],
                       .h_out = out,
                       .w_out = out,
                       .kernel = kernel,
                       .stride = stride,
                       .pad = stride == 1 ? kernel / 2 : 0};
    hg_vqgan_maps *maps = w->maps;
    maps_grow(maps, s.c_in * side * side);
    maps_grow(maps, s.c_out * out * out);
    maps->most_channels = s.c_in > maps->most_channels ? s.c_in : maps->most_channels;
    maps->most_channels = s.c_out > maps->most_channels ? s.c_out : maps->most_channels;
    maps_push(maps, hg_map_conv_create(&s, maps->type, add, hg_tensor_real(&conv->weight),
                                       hg_tensor_real(&conv->bias)));
}

/* How a convolution goes: strides, whether it adds to what is there, whether a norm reads its result next. */
typedef enum conv_way { CONV_PLAIN, CONV_SUMS, CONV_ADD, CONV_HALF } conv_way;

/* from `input`, a map of `side`, to `to`. */
static void walk_conv(maps_walk *w, const hg_vqgan_affine *conv, const hg_maps_input *input, int64_t side,
                      conv_way way, hg_real *to)
{
    if (walk_stopped(w))
        return;
    if (walk_dry(w))
        walk_prepare(w, conv, side, way == CONV_HALF ? 2 : 1, way == CONV_ADD);
    else
        hg_maps_conv(w->ctx, w->maps->convs[w->next++], input, to, way == CONV_PLAIN ? NULL : &w->sums);
}

/* The map as it is. */
static hg_maps_input walk_plain(const hg_real *x)
{
    return (hg_maps_input){.x = x};
}

/* The map whose sums are there, normalised. The next norm takes its place. */
static hg_maps_input walk_norm(maps_walk *w, const hg_vqgan_affine *norm, const hg_real *x, bool silu)
{
    const hg_maps_norm s = {.n = w->side * w->side,
                            .c = norm->weight.shape[0],
                            .n_groups = w->maps->vq->config.n_groups,
                            .eps = NORM_EPS,
                            .gain = hg_tensor_real(&norm->weight),
                            .bias = hg_tensor_real(&norm->bias)};
    if (!walk_dry(w) && !walk_stopped(w))
        hg_maps_groupnorm(&s, &w->sums, w->slope, w->offset);
    return (hg_maps_input){.x = x, .slope = w->slope, .offset = w->offset, .silu = silu};
}

/* `other` becomes the live map. */
static void walk_swap(maps_walk *w, int64_t side, int64_t channels)
{
    hg_real *x = w->x;
    w->x = w->other;
    w->other = x;
    w->side = side;
    w->channels = channels;
}

/* The live map through one convolution. */
static void walk_single(maps_walk *w, const hg_vqgan_affine *conv)
{
    const hg_maps_input x = walk_plain(w->x);
    walk_conv(w, conv, &x, w->side, CONV_SUMS, w->other);
    walk_swap(w, w->side, conv->weight.shape[0]);
}

/* ---- blocks ---- */

static void walk_res(maps_walk *w, const hg_vqgan_res *res)
{
    hg_maps_input in = walk_norm(w, &res->norm1, w->x, true);
    walk_conv(w, &res->conv1, &in, w->side, CONV_SUMS, w->inner);
    if (res->has_shortcut) {
        in = walk_plain(w->x);
        walk_conv(w, &res->shortcut, &in, w->side, CONV_PLAIN, w->other);
        walk_swap(w, w->side, res->conv2.weight.shape[0]);
    }
    in = walk_norm(w, &res->norm2, w->inner, true);
    walk_conv(w, &res->conv2, &in, w->side, CONV_ADD, w->x);
}

/* (n, C): attention as one head, in the convolutions' type. q, k, v: (n, C). */
static const hg_tensor *attend(maps_walk *w, const hg_real *q, const hg_real *k, const hg_real *v)
{
    int64_t n = w->side * w->side, c = w->channels;
    const hg_real scale = (hg_real)(1 / sqrt((double)c)), *const from[3] = {q, k, v};
    hg_tensor heads[3];
    for (int i = 0; i < 3; i++) {
        heads[i] = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){n, c}, (hg_real *)from[i]);
        const hg_tensor *rounded =
            w->maps->type == HG_DTYPE_BF16 ? hg_bf16_round(w->ctx, &heads[i]) : &heads[i];
        if (rounded == NULL)
            return NULL;
        heads[i] = hg_tensor_view_heads(rounded, 1);
    }
    if (w->maps->type == HG_DTYPE_BF16)
        return hg_bf16_attention(w->ctx, &heads[0], &heads[1], &heads[2], 1, scale);
    return hg_op_attention(w->ctx, &heads[0], &heads[1], &heads[2], &(hg_attention){.scale = scale});
}

/* q, k, v side by side in `inner` and `other`. */
static void walk_attn(maps_walk *w, const hg_vqgan_attn *attn)
{
    int64_t size = w->side * w->side * w->channels;
    maps_grow(w->maps, 2 * size); /* k and v share a buffer */
    const hg_maps_input in = walk_norm(w, &attn->norm, w->x, false);
    hg_real *q = w->inner, *k = w->other, *v = walk_dry(w) ? NULL : w->other + size;
    walk_conv(w, &attn->q, &in, w->side, CONV_PLAIN, q);
    walk_conv(w, &attn->k, &in, w->side, CONV_PLAIN, k);
    walk_conv(w, &attn->v, &in, w->side, CONV_PLAIN, v);
    if (walk_dry(w) || walk_stopped(w)) {
        walk_conv(w, &attn->out, NULL, w->side, CONV_ADD, w->x);
        return;
    }
    hg_arena_mark mark = hg_arena_get_mark(w->ctx->arena);
    const hg_tensor *y = attend(w, q, k, v);
    if (!hg_ctx_failed(w->ctx))
        hg_maps_conv_ready(w->ctx, w->maps->convs[w->next++], y->data, w->x, &w->sums);
    hg_arena_reset(w->ctx->arena, mark);
}

static void walk_level(maps_walk *w, const hg_vqgan_level *level)
{
    for (int64_t i = 0; i < level->n_blocks; i++) {
        walk_res(w, &level->blocks[i]);
        if (level->attns != NULL)
            walk_attn(w, &level->attns[i]);
    }
}

static void walk_mid(maps_walk *w, const hg_vqgan_half *half)
{
    walk_res(w, &half->mid1);
    walk_attn(w, &half->mid_attn);
    walk_res(w, &half->mid2);
}

static void walk_out(maps_walk *w, const hg_vqgan_half *half)
{
    const hg_maps_input in = walk_norm(w, &half->norm_out, w->x, true);
    walk_conv(w, &half->conv_out, &in, w->side, CONV_PLAIN, w->other);
    walk_swap(w, w->side, half->conv_out.weight.shape[0]);
}

static void walk_up(maps_walk *w, const hg_vqgan_affine *conv)
{
    const hg_maps_input in = {.x = w->x, .twice = true};
    walk_conv(w, conv, &in, 2 * w->side, CONV_SUMS, w->other);
    walk_swap(w, 2 * w->side, conv->weight.shape[0]);
}

static void walk_down(maps_walk *w, const hg_vqgan_affine *conv)
{
    const hg_maps_input in = walk_plain(w->x);
    walk_conv(w, conv, &in, w->side, CONV_HALF, w->other);
    walk_swap(w, w->side / 2, conv->weight.shape[0]);
}

/* From the latent to the picture, or from the picture to the latent. */
static void walk_half(maps_walk *w)
{
    const hg_vqgan *vq = w->maps->vq;
    bool decode = w->maps->way == HG_VQGAN_DECODE;
    const hg_vqgan_half *half = decode ? &vq->decoder : &vq->encoder;
    int n = vq->config.n_levels;
    walk_single(w, &half->conv_in);
    if (decode)
        walk_mid(w, half);
    for (int i = 0; i < n; i++) {
        const hg_vqgan_level *level = &half->levels[decode ? n - 1 - i : i];
        walk_level(w, level);
        if (level->has_resize && decode)
            walk_up(w, &level->resize);
        else if (level->has_resize)
            walk_down(w, &level->resize);
    }
    if (!decode)
        walk_mid(w, half);
    walk_out(w, half);
}

/* ---- preparing ---- */

static maps_walk walk_begin(hg_ctx *ctx, hg_vqgan_maps *maps)
{
    const hg_vqgan_config *c = &maps->vq->config;
    bool decode = maps->way == HG_VQGAN_DECODE;
    return (maps_walk){.ctx = ctx,
                       .maps = maps,
                       .side = decode ? hg_vqgan_side(maps->vq) : c->resolution,
                       .channels = decode ? c->z_channels : c->in_channels};
}

static bool maps_prepare(hg_vqgan_maps *maps)
{
    pthread_mutex_lock(&maps->lock);
    if (!maps->prepared && !maps->declined) {
        maps_walk dry = walk_begin(NULL, maps);
        walk_half(&dry);
        maps->prepared = !maps->declined;
    }
    bool prepared = maps->prepared;
    pthread_mutex_unlock(&maps->lock);
    return prepared;
}

hg_vqgan_maps *hg_vqgan_maps_create(hg_vqgan *vq, hg_vqgan_way way, hg_dtype type)
{
    hg_vqgan_maps *maps = hg_mem_array(1, sizeof *maps);
    if (maps == NULL)
        return NULL;
    maps->vq = vq;
    maps->way = way;
    maps->type = type;
    if (pthread_mutex_init(&maps->lock, NULL) == 0)
        return maps;
    hg_mem_free(maps);
    return NULL;
}

void hg_vqgan_maps_destroy(hg_vqgan_maps *maps)
{
    if (maps == NULL)
        return;
    for (size_t i = 0; i < maps->n_convs; i++)
        hg_map_conv_destroy(maps->convs[i]);
    hg_mem_free(maps->convs);
    pthread_mutex_destroy(&maps->lock);
    hg_mem_free(maps);
}

/* Room for the walk, in the arena. */
static bool walk_open(maps_walk *w)
{
    const int64_t n = w->maps->capacity_floats, c = w->maps->most_channels;
    const int64_t doubles = HG_MAP_BANDS * 2 * c;
    w->x = hg_ctx_scratch(w->ctx, n);
    w->other = hg_ctx_scratch(w->ctx, n);
    w->inner = hg_ctx_scratch(w->ctx, n);
    w->sums.parts = (double *)hg_ctx_scratch(w->ctx, doubles * (int64_t)(sizeof(double) / sizeof(hg_real)));
    w->slope = hg_ctx_scratch(w->ctx, c);
    w->offset = hg_ctx_scratch(w->ctx, c);
    return !hg_ctx_failed(w->ctx);
}

/* ---- the two ways ---- */

hg_tensor *hg_vqgan_maps_decode(hg_ctx *ctx, hg_vqgan_maps *maps, const int32_t *codes)
{
    hg_vqgan *vq = maps->vq;
    if (hg_ctx_failed(ctx) || !maps_prepare(maps))
        return hg_vqgan_decode(ctx, vq, codes);
    int64_t side = vq->config.resolution, n = hg_vqgan_n_codes(vq);
    hg_tensor *picture = hg_ctx_tensor(ctx, 3, (int64_t[]){vq->config.out_ch, side, side}, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    maps_walk w = walk_begin(ctx, maps);
    hg_tensor *rows = hg_op_embedding(ctx, &vq->embed, codes, n);
    rows = hg_op_linear(ctx, rows, &vq->post_quant_conv.weight, &vq->post_quant_conv.bias);
    if (hg_ctx_failed(ctx) || !walk_open(&w))
        return NULL;
    memcpy(w.x, rows->data, (size_t)hg_tensor_count(rows) * sizeof(hg_real));
    walk_half(&w);
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_maps_to_planes(side * side, w.channels, w.x, hg_tensor_real(picture));
    hg_arena_reset(ctx->arena, mark);
    return picture;
}

hg_tensor *hg_vqgan_maps_latent(hg_ctx *ctx, hg_vqgan_maps *maps, hg_tensor *picture)
{
    hg_vqgan *vq = maps->vq;
    int64_t side = vq->config.resolution, n = hg_vqgan_n_codes(vq);
    bool fits = picture != NULL && picture->n_dims == 3 && picture->shape[0] == vq->config.in_channels &&
                picture->shape[1] == side && picture->shape[2] == side;
    if (hg_ctx_failed(ctx) || !fits || !maps_prepare(maps))
        return hg_vqgan_latent(ctx, vq, picture);
    hg_tensor *latent = hg_ctx_tensor(ctx, 2, (int64_t[]){n, vq->config.embed_dim}, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    maps_walk w = walk_begin(ctx, maps);
    if (hg_ctx_failed(ctx) || !walk_open(&w))
        return NULL;
    hg_maps_from_planes(side * side, w.channels, hg_tensor_real(picture), w.x);
    walk_half(&w);
    hg_tensor rows = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){n, w.channels}, w.x);
    const hg_tensor *y = hg_op_linear(ctx, &rows, &vq->quant_conv.weight, &vq->quant_conv.bias);
    if (hg_ctx_failed(ctx))
        return NULL;
    memcpy(hg_tensor_real(latent), hg_tensor_real(y), (size_t)hg_tensor_count(latent) * sizeof(hg_real));
    hg_arena_reset(ctx->arena, mark);
    return latent;
}

void hg_vqgan_maps_run_alone(hg_ctx *ctx, hg_vqgan_maps *maps)
{
    if (hg_ctx_failed(ctx) || !maps_prepare(maps))
        return;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    const int64_t n = maps->capacity_floats;
    hg_real *x = hg_ctx_scratch(ctx, n), *y = hg_ctx_scratch(ctx, n);
    if (hg_ctx_failed(ctx))
        return;
    memset(x, 0, (size_t)n * sizeof *x);
    memset(y, 0, (size_t)n * sizeof *y);
    for (size_t i = 0; i < maps->n_convs && !hg_ctx_failed(ctx); i++)
        hg_maps_conv_ready(ctx, maps->convs[i], x, y, NULL);
    hg_arena_reset(ctx->arena, mark);
}
