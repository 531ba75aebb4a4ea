/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_prompt.h: layers for many positions, as prompts and pictures come. The numbers are those of
 * decoder.c's operations, bit for bit.
 */
#ifndef HG_MODEL_DECODER_PROMPT_H
#define HG_MODEL_DECODER_PROMPT_H

#include "model/decoder_fused.h"

typedef struct hg_decoder_prompt {
    hg_ctx *ctx;
    const hg_decoder *decoder; /* hg_decoder_fuses */
    const hg_plugin *plugin;
    hg_kv_cache *cache;    /* has room for T more */
    const hg_tensor *rope; /* (T, D) */
    hg_tensor *x;          /* (T, H), contiguous: each layer adds to it */
} hg_decoder_prompt;

/* One layer, without counting the positions in; uses memory of the context's arena. */
void hg_decoder_prompt_layer(const hg_decoder_prompt *p, int64_t layer);

#endif
