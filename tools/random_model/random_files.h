/* SPDX-License-Identifier: Apache-2.0
 *
 * random_files.h: all files of a random model.
 */
#ifndef RANDOM_MODEL_RANDOM_FILES_H
#define RANDOM_MODEL_RANDOM_FILES_H

#include "weight_plan.h"

/* Writes base/, clip/, vqgan/, the plug-ins and healthgpt.json into `folder`, which is made if needed. */
hg_status random_files_write(const random_shape *shape, const char *folder, uint64_t seed,
                             hg_error *err) HG_MUST_CHECK;

#endif
