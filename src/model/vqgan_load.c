/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_load.c: names and shapes of the checkpoint's tensors. The first failure sticks in the loader, so the
 * structure reads as a list.
 */
#include "model/vqgan.h"

#include <stdio.h>

/* Room for the parts of a name: of a level, of a module in it, of one of its convolutions. */
#define LEVEL_BYTES 32
#define MODULE_BYTES 80
#define PART_BYTES 120

/* More than any released model has; bounds what a configuration can ask for. */
#define MAX_BLOCKS 64
#define MAX_CHANNELS (1 << 16)

typedef struct vq_loader {
    const hg_tensor_set *source;
    hg_arena *arena;
    int64_t n_groups;
    hg_status status;
    hg_error *err;
} vq_loader;

/* `prefix`.weight of the given shape and `prefix`.bias of its first dimension. */
static void load_affine(vq_loader *l, const char *prefix, int n_dims, const int64_t *shape,
                        hg_vqgan_affine *out)
{
    char name[HG_WEIGHT_NAME_BYTES];
    if (l->status != HG_STATUS_OK)
        return;
    snprintf(name, sizeof name, "%s.weight", prefix);
    l->status = hg_weight_take_real(l->source, l->arena, name, n_dims, shape, &out->weight, l->err);
    if (l->status != HG_STATUS_OK)
        return;
    snprintf(name, sizeof name, "%s.bias", prefix);
    l->status = hg_weight_take_real(l->source, l->arena, name, 1, shape, &out->bias, l->err);
}

static void load_conv(vq_loader *l, const char *prefix, const char *part, int64_t in, int64_t out,
                      int64_t kernel, hg_vqgan_affine *conv)
{
    char name[PART_BYTES];
    snprintf(name, sizeof name, "%s%s", prefix, part);
    load_affine(l, name, 4, (int64_t[]){out, in, kernel, kernel}, conv);
}

/* A 1 x 1 convolution as a matrix (out, in). */
static void load_matrix(vq_loader *l, const char *prefix, const char *part, int64_t in, int64_t out,
                        hg_vqgan_affine *matrix)
{
    load_conv(l, prefix, part, in, out, 1, matrix);
    if (l->status == HG_STATUS_OK)
        matrix->weight = hg_tensor_view_shape(&matrix->weight, 2, (int64_t[]){out, in});
}

static void load_norm(vq_loader *l, const char *prefix, const char *part, int64_t channels,
                      hg_vqgan_affine *norm)
{
    char name[PART_BYTES];
    snprintf(name, sizeof name, "%s%s", prefix, part);
    if (l->status == HG_STATUS_OK && channels % l->n_groups != 0)
        l->status =
            hg_error_set(l->err, HG_STATUS_INPUT, "%s: %lld channels of '%s' do not divide into %lld groups",
                         hg_weight_label(l->source), (long long)channels, name, (long long)l->n_groups);
    load_affine(l, name, 1, &channels, norm);
}

static void load_res(vq_loader *l, const char *prefix, int64_t in, int64_t out, hg_vqgan_res *res)
{
    load_norm(l, prefix, ".norm1", in, &res->norm1);
    load_conv(l, prefix, ".conv1", in, out, 3, &res->conv1);
    load_norm(l, prefix, ".norm2", out, &res->norm2);
    load_conv(l, prefix, ".conv2", out, out, 3, &res->conv2);
    res->has_shortcut = in != out;
    if (res->has_shortcut)
        load_conv(l, prefix, ".nin_shortcut", in, out, 1, &res->shortcut);
}

static void load_attn(vq_loader *l, const char *prefix, int64_t channels, hg_vqgan_attn *attn)
{
    load_norm(l, prefix, ".norm", channels, &attn->norm);
    load_matrix(l, prefix, ".q", channels, channels, &attn->q);
    load_matrix(l, prefix, ".k", channels, channels, &attn->k);
    load_matrix(l, prefix, ".v", channels, channels, &attn->v);
    load_matrix(l, prefix, ".proj_out", channels, channels, &attn->out);
}

static void *load_array(vq_loader *l, int64_t count, size_t size)
{
    void *p = l->status == HG_STATUS_OK ? hg_arena_array(l->arena, (size_t)count, size) : NULL;
    if (p == NULL && l->status == HG_STATUS_OK)
        l->status = hg_error_memory(l->err, (unsigned long long)count * size, "the picture decoder's blocks");
    return p;
}

static bool has_attention(const hg_vqgan_config *c, int level)
{
    for (int i = 0; i < c->n_attn_resolutions; i++) {
        if (c->attn_resolutions[i] == c->resolution >> level)
            return true;
    }
    return false;
}

/* `prefix` is "encoder.down.2" or "decoder.up.2"; `resize` names the module of the change of size, NULL for
 * none. */
static void load_level(vq_loader *l, const char *prefix, const char *resize, int64_t in, int64_t out,
                       bool attention, hg_vqgan_level *level)
{
    char name[MODULE_BYTES];
    level->blocks = load_array(l, level->n_blocks, sizeof *level->blocks);
    level->attns = attention ? load_array(l, level->n_blocks, sizeof *level->attns) : NULL;
    for (int64_t i = 0; l->status == HG_STATUS_OK && i < level->n_blocks; i++) {
        snprintf(name, sizeof name, "%s.block.%lld", prefix, (long long)i);
        load_res(l, name, i == 0 ? in : out, out, &level->blocks[i]);
        snprintf(name, sizeof name, "%s.attn.%lld", prefix, (long long)i);
        if (attention)
            load_attn(l, name, out, &level->attns[i]);
    }
    level->has_resize = resize != NULL;
    if (level->has_resize)
        load_conv(l, prefix, resize, out, out, 3, &level->resize);
}

/* What both halves have besides their levels; in and out: channels before and after the first and the last
 * convolution. */
static void load_ends(vq_loader *l, const char *prefix, const int64_t in[2], const int64_t out[2],
                      int64_t mid, hg_vqgan_half *half)
{
    char name[MODULE_BYTES];
    load_conv(l, prefix, ".conv_in", in[0], in[1], 3, &half->conv_in);
    snprintf(name, sizeof name, "%s.mid.block_1", prefix);
    load_res(l, name, mid, mid, &half->mid1);
    snprintf(name, sizeof name, "%s.mid.attn_1", prefix);
    load_attn(l, name, mid, &half->mid_attn);
    snprintf(name, sizeof name, "%s.mid.block_2", prefix);
    load_res(l, name, mid, mid, &half->mid2);
    load_norm(l, prefix, ".norm_out", out[0], &half->norm_out);
    load_conv(l, prefix, ".conv_out", out[0], out[1], 3, &half->conv_out);
}

static void load_encoder(vq_loader *l, const hg_vqgan_config *c, hg_vqgan_half *half)
{
    char name[LEVEL_BYTES];
    int64_t channels = c->ch, last = c->ch * c->ch_mult[c->n_levels - 1];
    load_ends(l, "encoder", (int64_t[]){c->in_channels, c->ch}, (int64_t[]){last, c->z_channels}, last, half);
    for (int i = 0; i < c->n_levels; i++) {
        int64_t out = c->ch * c->ch_mult[i];
        snprintf(name, sizeof name, "encoder.down.%d", i);
        half->levels[i].n_blocks = c->n_res_blocks;
        load_level(l, name, i < c->n_levels - 1 ? ".downsample.conv" : NULL, channels, out,
                   has_attention(c, i), &half->levels[i]);
        channels = out;
    }
}

static void load_decoder(vq_loader *l, const hg_vqgan_config *c, hg_vqgan_half *half)
{
    char name[LEVEL_BYTES];
    int64_t channels = c->ch * c->ch_mult[c->n_levels - 1];
    load_ends(l, "decoder", (int64_t[]){c->z_channels, channels},
              (int64_t[]){c->ch * c->ch_mult[0], c->out_ch}, channels, half);
    for (int i = c->n_levels - 1; i >= 0; i--) {
        int64_t out = c->ch * c->ch_mult[i];
        snprintf(name, sizeof name, "decoder.up.%d", i);
        half->levels[i].n_blocks = c->n_res_blocks + 1;
        load_level(l, name, i > 0 ? ".upsample.conv" : NULL, channels, out, has_attention(c, i),
                   &half->levels[i]);
        channels = out;
    }
}

/* Sizes that would not fit memory or divide evenly. */
static bool config_fits(const hg_vqgan_config *c)
{
    if (c->n_levels < 1 || c->n_levels > HG_CONFIG_MAX_LEVELS || c->n_res_blocks < 1 ||
        c->n_res_blocks > MAX_BLOCKS || c->n_groups < 1 || c->ch < 1 || c->ch > MAX_CHANNELS ||
        c->resolution < 1 || c->resolution > MAX_CHANNELS ||
        c->resolution % ((int64_t)1 << (c->n_levels - 1)) != 0)
        return false;
    for (int i = 0; i < c->n_levels; i++) {
        if (c->ch_mult[i] < 1 || c->ch_mult[i] > MAX_CHANNELS || c->ch * c->ch_mult[i] > MAX_CHANNELS)
            return false;
    }
    return true;
}

hg_status hg_vqgan_load(hg_vqgan *vq, const hg_vqgan_config *config, const hg_tensor_set *source,
                        hg_arena *arena, hg_error *err)
{
    *vq = (hg_vqgan){.config = *config};
    if (!config_fits(config))
        return hg_error_set(
            err, HG_STATUS_INPUT, "%s: %d levels of %lld channels do not divide a picture of %lld pixels",
            hg_weight_label(source), config->n_levels, (long long)config->ch, (long long)config->resolution);
    vq_loader l = {source, arena, config->n_groups, HG_STATUS_OK, err};
    load_encoder(&l, config, &vq->encoder);
    load_decoder(&l, config, &vq->decoder);
    load_matrix(&l, "quant_conv", "", config->z_channels, config->embed_dim, &vq->quant_conv);
    load_matrix(&l, "post_quant_conv", "", config->embed_dim, config->z_channels, &vq->post_quant_conv);
    load_matrix(&l, "quantize.proj", "", config->embed_dim, config->n_embed, &vq->proj);
    if (l.status == HG_STATUS_OK)
        l.status = hg_weight_take_real(source, arena, "quantize.embed.weight", 2,
                                       (int64_t[]){config->n_embed, config->embed_dim}, &vq->embed, err);
    return l.status;
}

/* Weight and bias of each convolution and norm. */
static size_t count_half(const hg_vqgan_half *half, int n_levels)
{
    const size_t affine = 2, attention = 5 * affine;
    size_t n = 3 * affine + attention; /* first and last convolution, last norm, the middle's attention */
    n += (size_t)(8 + (half->mid1.has_shortcut ? 1 : 0) + (half->mid2.has_shortcut ? 1 : 0)) * affine;
    for (int i = 0; i < n_levels; i++) {
        const hg_vqgan_level *level = &half->levels[i];
        for (int64_t k = 0; k < level->n_blocks; k++)
            n += (size_t)(level->blocks[k].has_shortcut ? 5 : 4) * affine;
        n += level->attns != NULL ? (size_t)level->n_blocks * attention : 0;
        n += level->has_resize ? affine : 0;
    }
    return n;
}

size_t hg_vqgan_n_tensors(const hg_vqgan *vq)
{
    return count_half(&vq->encoder, vq->config.n_levels) + count_half(&vq->decoder, vq->config.n_levels) +
           2 * 3 + 1; /* quant_conv, post_quant_conv and the codes' scores; the codes */
}
