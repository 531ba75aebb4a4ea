/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.c: the table.
 */
#include "train/stage.h"

#include <string.h>

static const hg_stage stages[HG_TRAIN_STAGE_COUNT] = {
    [HG_TRAIN_STAGE_1_COM] = {.name = "1-com", .asks = true, .projector = true},
    [HG_TRAIN_STAGE_1_GEN] =
        {.name = "1-gen", .draws = true, .adapter = true, .projector = true, .retells = true},
    [HG_TRAIN_STAGE_2_FUSION] =
        {.name = "2-fusion", .asks = true, .draws = true, .vocabulary = true, .fused = true},
    [HG_TRAIN_STAGE_3_COM] = {.name = "3-com", .asks = true, .adapter = true, .projector = true},
    [HG_TRAIN_STAGE_MIXED] = {.name = "mixed",
                              .asks = true,
                              .draws = true,
                              .adapter = true,
                              .projector = true,
                              .vocabulary = true,
                              .fused = true},
    [HG_TRAIN_STAGE_3_GEN] = {.name = "3-gen", .draws = true, .adapter = true, .projector = true},
};

const hg_stage *hg_stage_get(hg_train_stage stage)
{
    return &stages[stage];
}

const char *hg_train_stage_name(hg_train_stage stage)
{
    return (int)stage >= 0 && (int)stage < HG_TRAIN_STAGE_COUNT ? stages[stage].name : "unknown";
}

bool hg_train_stage_find(const char *name, hg_train_stage *out)
{
    for (int i = 0; i < HG_TRAIN_STAGE_COUNT; i++) {
        if (strcmp(name, stages[i].name) == 0) {
            *out = (hg_train_stage)i;
            return true;
        }
    }
    return false;
}
