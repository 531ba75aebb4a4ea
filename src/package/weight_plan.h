/* SPDX-License-Identifier: Apache-2.0
 *
 * weight_plan.h: lists of the tensors that the parts of a model have, with the spread of their random values.
 */
#ifndef HG_PACKAGE_WEIGHT_PLAN_H
#define HG_PACKAGE_WEIGHT_PLAN_H

#include "formats/model_config.h"
#include "formats/tensor_writer.h"

#include <stdbool.h>

typedef struct hg_planned_tensor {
    char name[128];
    double spread; /* standard deviation */
    bool ones;     /* all 1 instead (gains of norms) */
} hg_planned_tensor;

typedef struct hg_weight_plan {
    hg_planned_tensor *tensors;
    hg_tensor_spec *specs; /* names point into `tensors` */
    size_t n, capacity;
    hg_dtype dtype;
    bool failed; /* memory was short */
} hg_weight_plan;

/* Sizes of a model to make. */
typedef struct hg_random_shape {
    hg_decoder_config decoder;
    hg_clip_config clip;
    hg_vqgan_config vqgan;
    int64_t n_tokens; /* of the tokenizer, at most decoder.vocab */
    int64_t com_rank, gen_rank, n_experts;
} hg_random_shape;

void hg_weight_plan_deinit(hg_weight_plan *plan);
void hg_weight_plan_base(hg_weight_plan *plan, const hg_random_shape *shape);
void hg_weight_plan_clip(hg_weight_plan *plan, const hg_random_shape *shape);
void hg_weight_plan_plugin(hg_weight_plan *plan, const hg_random_shape *shape, int64_t rank);
void hg_weight_plan_fusion(hg_weight_plan *plan, const hg_random_shape *shape);
void hg_weight_plan_vqgan(hg_weight_plan *plan, const hg_random_shape *shape);

#endif
