/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_blocks.h: the blocks of encoder and decoder, working on one live map.
 *
 * A map at full resolution is tens of megabytes, so results do not pile up in the arena: each block copies
 * its result into one of two buffers and takes the arena back. Peak memory is the two buffers and the few
 * maps that one half of a block needs. With a tape everything stays where it is, for the backward pass.
 */
#ifndef HG_MODEL_VQGAN_BLOCKS_H
#define HG_MODEL_VQGAN_BLOCKS_H

#include "model/vqgan.h"

typedef struct hg_vqgan_work {
    hg_ctx *ctx;
    int64_t n_groups;
    int64_t n_images;   /* 0: one, in maps (C, H, W); otherwise maps are (B, C, H, W) */
    hg_real *buffer[2]; /* `capacity` elements each; none with a tape */
    int64_t capacity;
    hg_tensor *x;       /* the live map */
    hg_tensor moved[2]; /* what lies in the buffers; the live map is the first */
    hg_arena_mark mark; /* after the buffers */
} hg_vqgan_work;

/* Buffers from the context's arena for the largest map of `config`. */
bool hg_vqgan_work_init(hg_vqgan_work *work, hg_ctx *ctx, const hg_vqgan_config *config, int64_t n_images);

/* Makes the elements of `t` (contiguous) the live map of this shape and takes back everything after the
 * buffers. Nothing happens once the context has failed, as in all below. */
void hg_vqgan_work_keep(hg_vqgan_work *work, hg_tensor *t, int64_t channels, int64_t side);

void hg_vqgan_conv(hg_vqgan_work *work, hg_vqgan_affine *conv);
void hg_vqgan_res_block(hg_vqgan_work *work, hg_vqgan_res *res);
void hg_vqgan_attn_block(hg_vqgan_work *work, hg_vqgan_attn *attn);
void hg_vqgan_downsample(hg_vqgan_work *work, hg_vqgan_affine *conv);
void hg_vqgan_upsample(hg_vqgan_work *work, hg_vqgan_affine *conv);

/* All blocks of a level, each followed by its attention. */
void hg_vqgan_level_blocks(hg_vqgan_work *work, hg_vqgan_level *level);

/* The middle: block, attention, block. */
void hg_vqgan_mid(hg_vqgan_work *work, hg_vqgan_half *half);

/* The end: norm, swish, convolution. */
void hg_vqgan_out(hg_vqgan_work *work, hg_vqgan_half *half);

/* The live map as rows by position (B · H · W, C), in the arena; and such rows as a map of this side. */
hg_tensor *hg_vqgan_work_rows(hg_vqgan_work *work);
hg_tensor *hg_vqgan_work_map(const hg_vqgan_work *work, hg_tensor *rows, int64_t side);

#endif
