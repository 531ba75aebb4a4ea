/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_fused.h: what a cache, fused projections and no gradients allow: what lies between two products
 * goes together with one of them. Of one row decoder_step.h is made of it, of many decoder_prompt.h.
 */
#ifndef HG_MODEL_DECODER_FUSED_H
#define HG_MODEL_DECODER_FUSED_H

#include "model/decoder.h"
#include "model/kv_cache.h"

/* The largest head. */
#define HG_DECODER_FUSED_HEAD 512

/* Whether the decoder can go this way: a cache, nothing that is trained, projections that are fused and
 * without biases, and H-LoRA or no plug-in. */
bool hg_decoder_fuses(const hg_ctx *ctx, const hg_decoder *d, const hg_plugin *plugin,
                      const hg_kv_cache *cache);

/* Queries, keys and values of T rows side by side, and where they go. */
typedef struct hg_decoder_heads {
    const hg_kernels *kernels;
    const hg_decoder_config *config;
    const hg_tensor *rope; /* (T, D) */
    const hg_tensor *qkv;  /* (T, (H + 2 G) D) */
    hg_tensor q;           /* (T, H, D): where they are */
    hg_tensor k, v;        /* (S, G, D): the cache's, with these rows as the last */
} hg_decoder_heads;

/* Takes memory for the rows in the cache. False, and the context fails, when there is none. */
bool hg_decoder_heads_begin(hg_decoder_heads *h, hg_ctx *ctx, const hg_decoder_config *config,
                            hg_kv_cache *cache, int64_t layer, const hg_tensor *rope, const hg_tensor *qkv);

/* Row t's queries of a key head rotated where they are, its key rotated and its value into the cache. */
void hg_decoder_heads_put(const hg_decoder_heads *h, int64_t t, int64_t group);

/* All rows and key heads, on the context's threads. */
void hg_decoder_heads_put_all(hg_ctx *ctx, const hg_decoder_heads *h);

#endif
