/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_projection.h: pictures of a patient that are no slices: the chest film, and ultrasound.
 */
#ifndef HG_DATA_PHANTOM_PROJECTION_H
#define HG_DATA_PHANTOM_PROJECTION_H

#include "base/error.h"
#include "data/phantom_body.h"

/* A frontal film of the chest: out, (size, size), is the attenuation along lines from front to back, scaled
 * so that 0..1 is what a film shows; the patient's right is on the left. Returns the area, in mm^2, where the
 * lesion is at least 8 mm thick on the line and not hidden by what is too dense. `key` makes the noise. */
float hg_phantom_xray(float *out, int size, const hg_phantom_patient *patient, float noise, uint64_t key);

/* Ultrasound of the abdomen with a curved probe on the belly at (x, z) of the patient's frame, looking to the
 * back: a fan with speckle, shadows behind stones and gas, and brighter echoes behind fluid. The plane is
 * sagittal. out: (size, size), 0..1. organ_mm2 gets each organ's area in the fan, *lesion_mm2 the lesion's.
 * HG_STATUS_FAILED when memory is short. */
hg_status hg_phantom_ultrasound(float *out, int size, const hg_phantom_patient *patient, float x, float z,
                                uint64_t key, float organ_mm2[], float *lesion_mm2,
                                hg_error *err) HG_MUST_CHECK;

#endif
