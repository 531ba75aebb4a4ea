/* SPDX-License-Identifier: Apache-2.0
 *
 * sampling.h: the next token from logits.
 */
#ifndef HG_ENGINE_SAMPLING_H
#define HG_ENGINE_SAMPLING_H

#include "base/error.h"
#include "base/rng.h"

#include <healthgpt/healthgpt.h>

#include <stdint.h>

typedef struct hg_sampler {
    hg_sampling how;
    hg_rng rng;
    int64_t n_tokens;
    uint8_t *seen;   /* n_tokens flags: made already, for the repetition penalty */
    int32_t *order;  /* n_tokens, scratch */
    double *weights; /* n_tokens, scratch */
} hg_sampler;

/* Checks the ranges (temperature >= 0, 0 < top_p <= 1, top_k >= 0, penalty > 0, all finite) and allocates for
 * a vocabulary. */
hg_status hg_sampler_init(hg_sampler *s, const hg_sampling *how, int64_t n_tokens,
                          hg_error *err) HG_MUST_CHECK;
void hg_sampler_deinit(hg_sampler *s);

/* The next token from `logits` (n_tokens), which are changed. Order: repetition penalty, then the largest
 * (greedy: the first of equals), or temperature, top-k, top-p and a draw. The token counts as seen from then
 * on. -1 when a logit is not a number: what came before it in the model is damaged. */
int32_t hg_sampler_next(hg_sampler *s, float *logits);

#endif
