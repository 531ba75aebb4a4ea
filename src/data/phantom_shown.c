/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_shown.c: compares the pictures of a patient with a lesion and of the same patient without.
 */
#include "data/phantom_shown.h"

#define SHOWN_NOISE 0.05f /* of the range: a difference that noise hides */
#define SHOWN_PLAIN 0.15f /* one that nobody overlooks */
#define SHOWN_PIXELS 4.0f
#define SHOWN_NOTHING 0.2f

hg_shown hg_phantom_shown(const float *with, const float *without, int n, float low, float high)
{
    hg_shown shown = {0, 0};
    float scale = 1.0f / (high - low);
    for (int i = 0; i < n; i++) {
        float a = hg_phantom_clamp((with[i] - low) * scale, 0, 1);
        float b = hg_phantom_clamp((without[i] - low) * scale, 0, 1);
        float d = fabsf(a - b);
        shown.at_all += hg_phantom_clamp((d - SHOWN_NOISE) / (SHOWN_PLAIN - SHOWN_NOISE), 0, 1);
        shown.plainly += d >= SHOWN_PLAIN ? 1.0f : 0.0f;
    }
    return shown;
}

hg_seen hg_seen_by_pixels(hg_shown shown, hg_seen area)
{
    if (area == HG_SEEN_YES && shown.plainly >= SHOWN_PIXELS)
        return HG_SEEN_YES;
    return area == HG_SEEN_NO && shown.at_all <= SHOWN_NOTHING ? HG_SEEN_NO : HG_SEEN_UNSURE;
}
