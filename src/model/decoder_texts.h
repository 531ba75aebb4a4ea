/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_texts.h: what is each text's own when several go on together, a position each: its place in the
 * rotations, its keys and values, its plug-in. For decoder.c.
 */
#ifndef HG_MODEL_DECODER_TEXTS_H
#define HG_MODEL_DECODER_TEXTS_H

#include "model/decoder.h"

/* Rotations (n, D) of the positions that follow those in the texts' caches. */
hg_tensor *hg_decoder_texts_rope(hg_ctx *ctx, const hg_decoder_config *config, const hg_decoder_text *texts,
                                 int64_t n);

/* Whether they do not all have the same plug-in. */
bool hg_decoder_texts_mix(const hg_decoder_text *texts, int64_t n);

/* Adds what each row's plug-in makes of x (T, K) to y (T, N), and returns y. */
hg_tensor *hg_decoder_texts_adapt(hg_ctx *ctx, const hg_decoder_text *texts, int64_t layer, hg_slot slot,
                                  hg_tensor *x, hg_tensor *y);

/* Attention (T, H · D) of each row of q (T, H, D) over its own text, to whose cache its row of k and v (T, G,
 * D) goes first, without being counted in. */
hg_tensor *hg_decoder_texts_attend(hg_ctx *ctx, const hg_decoder_text *texts, int64_t layer,
                                   const hg_tensor *q, const hg_tensor *k, const hg_tensor *v,
                                   const hg_attention *how);

#endif
