/* SPDX-License-Identifier: Apache-2.0
 *
 * rng.h: reproducible random numbers (xoshiro256**, seeded by splitmix64; Blackman and Vigna 2018). The same
 * seed gives the same numbers on every machine. Not for secrets.
 */
#ifndef HG_BASE_RNG_H
#define HG_BASE_RNG_H

#include <stdint.h>

typedef struct hg_rng {
    uint64_t state[4];
} hg_rng;

void hg_rng_init(hg_rng *rng, uint64_t seed);
uint64_t hg_rng_next(hg_rng *rng);

/* Uniform in [0, 1), 53 bits. */
double hg_rng_uniform(hg_rng *rng);

/* Standard normal (Box-Muller, one of the pair is dropped). */
double hg_rng_normal(hg_rng *rng);

#endif
