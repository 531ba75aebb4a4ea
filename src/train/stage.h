/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.h: what each stage takes and what learns in it (paper, section 4.4).
 */
#ifndef HG_TRAIN_STAGE_H
#define HG_TRAIN_STAGE_H

#include <healthgpt/train.h>

typedef struct hg_stage {
    const char *name;
    bool asks, draws; /* the tasks whose samples it takes, and whose plug-ins it writes */
    bool adapter;     /* the low-rank adapters of these tasks learn */
    bool projector;   /* their projectors learn */
    bool vocabulary;  /* embedding and head of generation learn */
    bool fused;       /* both tasks read and are judged with these */
    bool retells;     /* an item for answers is taken as a picture to give back */
} hg_stage;

const hg_stage *hg_stage_get(hg_train_stage stage);

#endif
