/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_quantiser.h: from latent rows to codes and back while both ends learn, and what keeps codes in use.
 *
 * Cosine: latents and codes are made one long and the nearest code is taken; the gradient goes straight
 * through to the latent, which besides is drawn to its code (commitment) and the code to it. The nearest unit
 * code is the largest product with the unnormalised latent, so proj = embed with bias 0 gives the released
 * quantiser the same codes. Gumbel (van den Oord's kind, as released): scores with noise, softmax, hard one
 * way and soft the other.
 */
#ifndef HG_PRETRAIN_VQ_QUANTISER_H
#define HG_PRETRAIN_VQ_QUANTISER_H

#include "model/vqgan.h"
#include "pretrain/pretrain_loop.h"

#define HG_VQ_USAGE HG_BANK_STATE "usage"
#define HG_VQ_EMBED "quantize.embed.weight"
#define HG_VQ_PROJ "quantize.proj.weight"

typedef struct hg_vq_quantiser {
    const hg_pretrain_settings *s;
    int64_t n_rows; /* latents of a step */
    int32_t *codes; /* (n_rows) of the last step */
    float *latents; /* (n_rows, D), one long; cosine only */
    int64_t n_used; /* codes in the last window */
    double perplexity;
} hg_vq_quantiser;

hg_status hg_vq_quantiser_init(hg_vq_quantiser *q, const hg_pretrain_settings *s, int64_t n_rows,
                               hg_error *err) HG_MUST_CHECK;
void hg_vq_quantiser_deinit(hg_vq_quantiser *q);

/* What stands behind the quantiser, for latents (T, D) that are rows first .. first + T - 1 of the step; up
 * to two losses are appended to `losses`. */
hg_tensor *hg_vq_quantise(hg_vq_quantiser *q, hg_pretrain_shard *shard, hg_vqgan *vq, hg_tensor *latent,
                          int64_t first, int64_t step, int64_t n_steps, hg_tensor **losses, int *n_losses);

/* After a step: counts codes, starts dead ones anew at latents of this step, keeps codes one long. */
void hg_vq_quantiser_step(hg_vq_quantiser *q, hg_pretrain_loop *loop, int64_t step);

#endif
