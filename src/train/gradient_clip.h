/* SPDX-License-Identifier: Apache-2.0
 *
 * gradient_clip.h: the norm over all gradients, and clipping by it as torch.nn.utils.clip_grad_norm_ does.
 * Results do not depend on the number of threads.
 */
#ifndef HG_TRAIN_GRADIENT_CLIP_H
#define HG_TRAIN_GRADIENT_CLIP_H

#include "train/param.h"

/* The root of the sum of all squares, summed in double. Not finite when a gradient is not. */
double hg_gradient_norm(const hg_param *params, size_t n_params, int n_threads);

/* grad *= factor. */
void hg_gradient_scale(hg_param *params, size_t n_params, double factor, int n_threads);

/* Scales the gradients by max_norm / (norm + 1e-6) when that is below 1, and returns the norm that they had.
 * A norm that is not finite changes nothing: the caller leaves such a step out. */
double hg_gradient_clip(hg_param *params, size_t n_params, double max_norm, int n_threads);

#endif
