/* SPDX-License-Identifier: Apache-2.0
 *
 * projector.h: the two-layer perceptron that turns image features into embeddings of the decoder; each task
 * has its own.
 */
#ifndef HG_MODEL_PROJECTOR_H
#define HG_MODEL_PROJECTOR_H

#include "base/arena.h"
#include "model/weights.h"
#include "ops/ops.h"

typedef struct hg_projector {
    hg_tensor w0, b0; /* (H, C), (H) */
    hg_tensor w2, b2; /* (H, H), (H) */
} hg_projector;

/* Reads `<prefix>mm_projector.{0,2}.{weight,bias}` for features of `width` C and a decoder of `hidden` H. */
hg_status hg_projector_load(hg_projector *p, const hg_tensor_set *source, const char *prefix, int64_t width,
                            int64_t hidden, hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* (P, H) from features (P, C): linear, GELU (erf form), linear. */
hg_tensor *hg_projector_forward(hg_ctx *ctx, hg_projector *p, hg_tensor *features);

#endif
