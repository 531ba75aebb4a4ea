/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout_mask.h: dropout masks that are a function of where they are used, not of what was drawn before: a
 * layer that is computed again for its gradient, a resumed run and a run on other machines get the same mask.
 */
#ifndef HG_TRAIN_DROPOUT_MASK_H
#define HG_TRAIN_DROPOUT_MASK_H

#include "tensor/real.h"

#include <stdint.h>

/* The place of a mask in a run. */
typedef struct hg_dropout_place {
    uint64_t seed;
    int64_t step;
    int64_t sample; /* its index in the step's global batch */
    int64_t layer;
    int slot;      /* the linear layer within the layer */
    int64_t first; /* the element that the mask begins with */
} hg_dropout_place;

/* n elements, each 0 with probability p (0 <= p < 1) and else 1 / (1 - p). */
void hg_dropout_mask_fill(const hg_dropout_place *place, double p, int64_t n, hg_real *mask);

#endif
