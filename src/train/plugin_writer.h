/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_writer.h: trained parts as files under the released names, which opening a model finds.
 */
#ifndef HG_TRAIN_PLUGIN_WRITER_H
#define HG_TRAIN_PLUGIN_WRITER_H

#include "model/healthgpt_model.h"

/* com_hlora_weights.bin or gen_hlora_weights.bin in `folder`: the whole plug-in with its projector, in F32,
 * F16 or BF16. */
hg_status hg_plugin_write(const char *folder, hg_healthgpt *model, hg_task task, hg_dtype type,
                          hg_error *err) HG_MUST_CHECK;

/* fusion_layer_weights.bin: embedding and head of generation. */
hg_status hg_fusion_write(const char *folder, hg_healthgpt *model, hg_dtype type,
                          hg_error *err) HG_MUST_CHECK;

#endif
