/* SPDX-License-Identifier: Apache-2.0
 *
 * draw_tasks.h: what a generation plug-in was trained for.
 */
#ifndef HG_ENGINE_DRAW_TASKS_H
#define HG_ENGINE_DRAW_TASKS_H

#include "formats/model_config.h"

#include <healthgpt/healthgpt.h>

/* HG_MANIFEST_* bits; a model that declares no tasks can reconstruct only. */
unsigned hg_draw_trained_tasks(const hg_manifest *manifest);
/* What `draw` asks of the model when the user gives no instruction; NULL where the text is the request. */
const char *hg_draw_task_instruction(hg_draw_task task);

bool hg_draw_task_is_trained(const hg_manifest *manifest, hg_draw_task task);

#endif
