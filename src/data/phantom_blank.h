/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_blank.h: pictures that show nothing, so that a model learns to find nothing in them.
 */
#ifndef HG_DATA_PHANTOM_BLANK_H
#define HG_DATA_PHANTOM_BLANK_H

#include "data/phantom_random.h"

/* out: (size, size), 0..1: one grey, a ramp, noise, or stripes, of chance. */
void hg_phantom_blank(float *out, int size, hg_rng *rng);

#endif
