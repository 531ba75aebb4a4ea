/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_step.h: all layers for one more position, as answers and pictures are made. The numbers are those
 * of decoder.c's operations, bit for bit; each layer is one region of threads.
 */
#ifndef HG_MODEL_DECODER_STEP_H
#define HG_MODEL_DECODER_STEP_H

#include "model/decoder_fused.h"

/* hg_decoder_forward for x (1, H) where hg_decoder_fuses. `rope`: the position's rotations (1, D). Does not
 * count the position in. */
hg_tensor *hg_decoder_step(hg_ctx *ctx, const hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                           const hg_tensor *rope, const hg_tensor *x);

#endif
