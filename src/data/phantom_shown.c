/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_shown.c: compares the pictures of a patient with a lesion and of the same patient without.
 */
#include "data/phantom_shown.h"

#define SHOWN_LOW 0.05f  /* of the range: a difference that noise hides */
#define SHOWN_FULL 0.15f /* one that nobody overlooks */
#define SHOWN_PIXELS 4.0f
#define SHOWN_NOTHING 0.2f

float hg_phantom_shown(const float *with, const float *without, int n, float low, float high)
{
    float sum = 0, scale = 1.0f / (high - low);
    for (int i = 0; i < n; i++) {
        float a = hg_phantom_clamp((with[i] - low) * scale, 0, 1);
        float b = hg_phantom_clamp((without[i] - low) * scale, 0, 1);
        sum += hg_phantom_clamp((fabsf(a - b) - SHOWN_LOW) / (SHOWN_FULL - SHOWN_LOW), 0, 1);
    }
    return sum;
}

hg_seen hg_seen_by_pixels(float pixels, hg_seen area)
{
    if (area == HG_SEEN_YES && pixels >= SHOWN_PIXELS)
        return HG_SEEN_YES;
    return area == HG_SEEN_NO && pixels <= SHOWN_NOTHING ? HG_SEEN_NO : HG_SEEN_UNSURE;
}
