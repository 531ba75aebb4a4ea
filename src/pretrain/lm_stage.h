/* SPDX-License-Identifier: Apache-2.0
 *
 * lm_stage.h: stage pretrain-lm.
 */
#ifndef HG_PRETRAIN_LM_STAGE_H
#define HG_PRETRAIN_LM_STAGE_H

#include "pretrain/pretrain_loop.h"

hg_status hg_lm_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                          hg_pretrain_result *result, hg_error *err) HG_MUST_CHECK;

#endif
