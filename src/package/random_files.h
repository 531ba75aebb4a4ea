/* SPDX-License-Identifier: Apache-2.0
 *
 * random_files.h: all files of a model of random weights: for demonstrations, tests and measurements. What it
 * says means nothing; its manifest says so.
 */
#ifndef HG_PACKAGE_RANDOM_FILES_H
#define HG_PACKAGE_RANDOM_FILES_H

#include "package/weight_plan.h"

#include <healthgpt/progress.h>

/* The sizes called "tiny" (a demonstration), "small" (wide enough for blocks of 256) or "m3" (HealthGPT-M3,
 * about 10.7 GB); false for other names. */
bool hg_random_shape_find(const char *name, hg_random_shape *out);

/* Bytes that the weights take on disk. */
uint64_t hg_random_files_bytes(const hg_random_shape *shape);

/* Writes base/, clip/, vqgan/, the plug-ins and healthgpt.json into `folder`, which is made if needed.
 * `progress` (may be NULL) gets stage "writing", in megabytes. */
hg_status hg_random_files_write(const hg_random_shape *shape, const char *folder, uint64_t seed,
                                const hg_progress *progress, hg_error *err) HG_MUST_CHECK;

#endif
