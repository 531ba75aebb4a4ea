/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_blood.h: a stained blood smear under the microscope; every cell is known.
 */
#ifndef HG_DATA_PHANTOM_BLOOD_H
#define HG_DATA_PHANTOM_BLOOD_H

#include "data/phantom_random.h"

typedef struct hg_blood_counts {
    int red, white, platelets; /* whose middle lies in the picture */
} hg_blood_counts;

/* out: (size, size, 3). Cells do not overlap by more than a third. */
hg_blood_counts hg_phantom_blood(uint8_t *out, int size, hg_rng *rng);

#endif
