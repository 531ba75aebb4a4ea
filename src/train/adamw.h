/* SPDX-License-Identifier: Apache-2.0
 *
 * adamw.h: Adam with decoupled weight decay (Loshchilov and Hutter 2019), in the form of torch.optim.AdamW.
 */
#ifndef HG_TRAIN_ADAMW_H
#define HG_TRAIN_ADAMW_H

#include "train/param.h"

/* What parameters of one group share. */
typedef struct hg_adamw_group {
    float lr_scale; /* times hg_adamw.rate */
    float weight_decay;
} hg_adamw_group;

typedef struct hg_adamw {
    double rate; /* of this step */
    double beta1, beta2, epsilon;
    const hg_adamw_group *groups; /* every hg_param.group is an index into it */
} hg_adamw;

/* beta1 0.9, beta2 0.999, epsilon 1e-8; rate 0. */
hg_adamw hg_adamw_init(const hg_adamw_group *groups);

/* Step number `step` (from 1) from the gradients, which it leaves as they are:
 *   x *= 1 - rate · decay;  m += (1 - b1) (g - m);  v = b2 v + (1 - b2) g²;
 *   x -= rate / (1 - b1^step) · m / (sqrt(v) / sqrt(1 - b2^step) + epsilon)
 * Results do not depend on n_threads. */
void hg_adamw_step(const hg_adamw *o, hg_param *params, size_t n_params, int64_t step, int n_threads);

#endif
