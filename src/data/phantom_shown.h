/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_shown.h: how much of a picture a lesion changes, which decides whether one may speak of it.
 */
#ifndef HG_DATA_PHANTOM_SHOWN_H
#define HG_DATA_PHANTOM_SHOWN_H

#include "data/phantom_text.h"

/* In pixels: how much two noise-free pictures of `n` values, shown from `low` to `high`, differ. A pixel
 * counts in full when its two greys are 15 % of the range apart or more, and not at all up to 5 %. */
float hg_phantom_shown(const float *with, const float *without, int n, float low, float high);

/* YES: at least four pixels show it and it fills its share of the picture (`area` YES). NO: nothing of it
 * shows. */
hg_seen hg_seen_by_pixels(float pixels, hg_seen area);

#endif
