/* SPDX-License-Identifier: Apache-2.0
 *
 * train_open.h: opens a model for training: as for inference, but parts that a stage trains may be absent and
 * are then begun anew.
 */
#ifndef HG_TRAIN_TRAIN_OPEN_H
#define HG_TRAIN_TRAIN_OPEN_H

#include "engine/engine.h"
#include "train/train_settings.h"

/* What had to be begun anew. */
typedef struct hg_train_begun {
    bool com, gen, fusion;
} hg_train_begun;

/* Opens the model of the settings, which are completed, with all parts that the stage needs. To be closed
 * with hg_model_close. HG_STATUS_INPUT when a part is missing that training cannot make. */
hg_status hg_train_open(hg_model **out, hg_train_settings *settings, hg_train_begun *begun,
                        hg_error *err) HG_MUST_CHECK;

#endif
