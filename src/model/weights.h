/* SPDX-License-Identifier: Apache-2.0
 *
 * weights.h: takes tensors out of model files by name and shape, with errors that name the tensor, what was
 * expected and what the file has. Matrices stay in the file's map, in its type; vectors (norms, biases) and
 * what kernels want as activations are converted into the model's arena.
 */
#ifndef HG_MODEL_WEIGHTS_H
#define HG_MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/error.h"
#include "formats/tensor_file.h"
#include "tensor/tensor.h"

#include <stdint.h>

#define HG_WEIGHT_NAME_BYTES 160

/* A dimension that may be anything. */
#define HG_WEIGHT_ANY (-1)

/* *out = the tensor called `name`, used in place. Missing, or of another shape: HG_STATUS_INPUT. */
hg_status hg_weight_take(const hg_tensor_set *source, const char *name, int n_dims, const int64_t *shape,
                         hg_tensor *out, hg_error *err) HG_MUST_CHECK;

/* The same, converted to the activation type in `arena` (in place when it already is). */
hg_status hg_weight_take_real(const hg_tensor_set *source, hg_arena *arena, const char *name, int n_dims,
                              const int64_t *shape, hg_tensor *out, hg_error *err) HG_MUST_CHECK;

/* What messages call the source: the path of its (first) file, if it has any. */
const char *hg_weight_label(const hg_tensor_set *source);

#endif
