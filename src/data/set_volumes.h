/* SPDX-License-Identifier: Apache-2.0
 *
 * set_volumes.h: sets of volumes (IXI, SynthRAD2023) to slices and pairs.
 */
#ifndef HG_DATA_SET_VOLUMES_H
#define HG_DATA_SET_VOLUMES_H

#include "data/set_build.h"

bool hg_volumes_find(const char *name);
const char *hg_volumes_license(const char *name);

/* Writes the slices and the items of all patients. */
hg_status hg_volumes_build(const hg_build_request *request, hg_set_writer *writer, hg_set_page *page,
                           hg_build_result *result, hg_error *err) HG_MUST_CHECK;

/* HG_STATUS_INPUT, with the numbers, unless the two NIfTI files have the same shape and the same affine (to
 * 0.01 mm): their voxels are at the same places. */
hg_status hg_volumes_check_pair(const char *a, const char *b, hg_error *err) HG_MUST_CHECK;

#endif
