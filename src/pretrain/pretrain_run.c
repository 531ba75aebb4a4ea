/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_run.c: from the public call to the stage.
 */
#include "pretrain/lm_stage.h"
#include "pretrain/tokenizer_stage.h"
#include "pretrain/vit_stage.h"
#include "pretrain/vq_stage.h"

hg_status hg_pretrain_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                          hg_pretrain_result *result, hg_error *err)
{
    *result = (hg_pretrain_result){0};
    hg_status status = hg_pretrain_settings_check(settings, err);
    if (status != HG_STATUS_OK)
        return status;
    switch (settings->stage) {
    case HG_PRETRAIN_STAGE_TOKENIZER:
        return hg_tokenizer_stage_run(settings, listener, result, err);
    case HG_PRETRAIN_STAGE_VIT:
        return hg_vit_stage_run(settings, listener, result, err);
    case HG_PRETRAIN_STAGE_LM:
        return hg_lm_stage_run(settings, listener, result, err);
    case HG_PRETRAIN_STAGE_VQ:
        return hg_vq_stage_run(settings, listener, result, err);
    default:
        return hg_error_set(err, HG_STATUS_USAGE, "no stage %d", (int)settings->stage);
    }
}
