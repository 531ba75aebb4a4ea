/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_shown.h: how much of a picture a lesion changes, which decides whether one may speak of it.
 */
#ifndef HG_DATA_PHANTOM_SHOWN_H
#define HG_DATA_PHANTOM_SHOWN_H

#include "data/phantom_text.h"

/* In pixels: how much two noise-free pictures differ. */
typedef struct hg_shown {
    float plainly; /* pixels whose two greys are 15 % of the range apart or more */
    float at_all;  /* the same, and those from 5 % on in part: many faint ones add up */
} hg_shown;

/* Of two pictures of `n` values, shown from `low` to `high`. */
hg_shown hg_phantom_shown(const float *with, const float *without, int n, float low, float high);

/* YES: at least four pixels show it plainly and it fills its share of the picture (`area` YES). NO: nothing
 * of it shows. */
hg_seen hg_seen_by_pixels(hg_shown shown, hg_seen area);

#endif
