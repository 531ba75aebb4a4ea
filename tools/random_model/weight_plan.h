/* SPDX-License-Identifier: Apache-2.0
 *
 * weight_plan.h: lists of the tensors that the parts of a model have, with the spread of their random values.
 */
#ifndef RANDOM_MODEL_WEIGHT_PLAN_H
#define RANDOM_MODEL_WEIGHT_PLAN_H

#include "formats/model_config.h"
#include "formats/tensor_writer.h"

#include <stdbool.h>

typedef struct planned_tensor {
    char name[128];
    double spread; /* standard deviation */
    bool ones;     /* all 1 instead (gains of norms) */
} planned_tensor;

typedef struct weight_plan {
    planned_tensor *tensors;
    hg_tensor_spec *specs; /* names point into `tensors` */
    size_t n, capacity;
    hg_dtype dtype;
    bool failed; /* memory was short */
} weight_plan;

/* Sizes of a model to make. */
typedef struct random_shape {
    hg_decoder_config decoder;
    hg_clip_config clip;
    hg_vqgan_config vqgan;
    int64_t n_tokens; /* of the tokenizer, at most decoder.vocab */
    int64_t com_rank, gen_rank, n_experts;
} random_shape;

void plan_deinit(weight_plan *plan);
void plan_base(weight_plan *plan, const random_shape *shape);
void plan_clip(weight_plan *plan, const random_shape *shape);
void plan_plugin(weight_plan *plan, const random_shape *shape, int64_t rank);
void plan_fusion(weight_plan *plan, const random_shape *shape);
void plan_vqgan(weight_plan *plan, const random_shape *shape);

#endif
