/* SPDX-License-Identifier: Apache-2.0
 *
 * repack.h: what decoding reads for every token (linear layers, H-LoRA, heads), copied to memory of this
 * process's own in huge pages, in the order that kernels read fastest: block-quantised matrices interleaved
 * (tensor/interleave.h) where they can be, everything else as it was.
 */
#ifndef HG_MODEL_REPACK_H
#define HG_MODEL_REPACK_H

#include "model/healthgpt_model.h"

/* Bytes that a copy takes; 0 when none of the model's matrices can be interleaved. */
uint64_t hg_repack_bytes(const hg_healthgpt *m);

/* Makes the copy, on n_threads threads, tries how these kernels read it fastest (ops/prefetch_trial.h), and
 * lets go of the files' memory behind it as far as it goes. Nobody may use the model meanwhile; from then on
 * only inference may, on these kernels, which interleave. `parts`: those that the model was loaded from.
 * Returns 0, or the errno of why there is no memory for it: the model is as before then. */
int hg_repack(hg_healthgpt *m, const hg_model_parts *parts, const hg_kernels *kernels, int n_threads);

#endif
