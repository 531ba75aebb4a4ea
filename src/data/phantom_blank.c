/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_blank.c: grey = level + slope along a direction + stripes along it + noise, all but the level
 * mostly 0.
 */
#include "data/phantom_blank.h"

typedef enum blank_kind { BLANK_GREY, BLANK_RAMP, BLANK_NOISE, BLANK_STRIPES, BLANK_KIND_COUNT } blank_kind;

void hg_phantom_blank(float *out, int size, hg_rng *rng)
{
    blank_kind kind = (blank_kind)hg_phantom_pick(rng, BLANK_KIND_COUNT);
    float turn = hg_phantom_range(rng, 0, 6.2831853f), level = hg_phantom_range(rng, 0, 1);
    if (hg_phantom_chance(rng, 0.4f)) /* black and white are what failed transfers leave */
        level = hg_phantom_chance(rng, 0.5f) ? 1 : 0;
    float slope = 0;
    /* Evenly in its logarithm, since faint ramps are the harder to tell from anatomy. */
    if (kind == BLANK_RAMP)
        slope = 0.05f * (float)hg_phantom_exp(3.1780538 * hg_rng_uniform(rng)); /* to 1.2 */
    float noise = kind == BLANK_NOISE ? hg_phantom_range(rng, 0.05f, 0.5f) : 0;
    float depth = kind == BLANK_STRIPES ? hg_phantom_range(rng, 0.1f, 0.5f) : 0;
    float stripes = hg_phantom_range(rng, 2, 24), right = hg_phantom_cos(turn), down = hg_phantom_sin(turn);
    uint64_t key = hg_rng_next(rng);
    float spread = kind == BLANK_RAMP ? 0.35f : 0.2f;
    if (kind != BLANK_GREY)
        level = hg_phantom_range(rng, 0.5f - spread, 0.5f + spread);
    for (int i = 0; i < size * size; i++) {
        float x = ((float)(i % size) + 0.5f) / (float)size - 0.5f,
              y = ((float)(i / size) + 0.5f) / (float)size - 0.5f;
        float along = x * right + y * down;
        float v = level + slope * along + depth * ((int)(stripes * (along + 1.0f)) % 2 == 0 ? 1.0f : -1.0f) +
                  noise * hg_phantom_normal(hg_phantom_hash(key, (uint64_t)i));
        out[i] = hg_phantom_clamp(v, 0, 1);
    }
}
