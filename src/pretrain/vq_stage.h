/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_stage.h: stage pretrain-vq.
 */
#ifndef HG_PRETRAIN_VQ_STAGE_H
#define HG_PRETRAIN_VQ_STAGE_H

#include "pretrain/pretrain_loop.h"

hg_status hg_vq_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                          hg_pretrain_result *result, hg_error *err) HG_MUST_CHECK;

#endif
