/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_step.h: all layers for one more position, as answers and pictures are made. The numbers are those
 * of decoder.c's operations, bit for bit; each layer is one region of threads.
 */
#ifndef HG_MODEL_DECODER_STEP_H
#define HG_MODEL_DECODER_STEP_H

#include "model/decoder.h"
#include "model/kv_cache.h"

/* The largest head. */
#define HG_DECODER_STEP_HEAD 512

/* Whether x (T, H) can go this way: one row behind a cache, nothing that is trained, projections that are
 * fused and without biases, and H-LoRA or no plug-in. */
bool hg_decoder_step_fits(const hg_ctx *ctx, const hg_decoder *d, const hg_plugin *plugin,
                          const hg_kv_cache *cache, const hg_tensor *x);

/* hg_decoder_forward for such an x. `rope`: the position's rotations (1, D). Does not count the position in.
 */
hg_tensor *hg_decoder_step(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                           const hg_tensor *rope, const hg_tensor *x);

#endif
