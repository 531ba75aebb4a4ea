/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_stage.h: stage tokenizer.
 */
#ifndef HG_PRETRAIN_TOKENIZER_STAGE_H
#define HG_PRETRAIN_TOKENIZER_STAGE_H

#include "pretrain/pretrain_settings.h"

hg_status hg_tokenizer_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                                 hg_pretrain_result *result, hg_error *err) HG_MUST_CHECK;

#endif
