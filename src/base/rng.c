/* SPDX-License-Identifier: Apache-2.0
 *
 * rng.c: generator, uniform and normal numbers.
 */
#include "base/rng.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void hg_rng_init(hg_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15U;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        rng->state[i] = z ^ (z >> 31);
    }
}

uint64_t hg_rng_next(hg_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double hg_rng_uniform(hg_rng *rng)
{
    return (double)(hg_rng_next(rng) >> 11) * 0x1p-53;
}

double hg_rng_normal(hg_rng *rng)
{
    double radius = sqrt(-2.0 * log(1.0 - hg_rng_uniform(rng))); /* 1 - u is never 0 */
    return radius * cos(6.283185307179586 * hg_rng_uniform(rng));
}
