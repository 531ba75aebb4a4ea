/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_stage.h: stage pretrain-vit.
 */
#ifndef HG_PRETRAIN_VIT_STAGE_H
#define HG_PRETRAIN_VIT_STAGE_H

#include "pretrain/pretrain_loop.h"

hg_status hg_vit_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                           hg_pretrain_result *result, hg_error *err) HG_MUST_CHECK;

#endif
