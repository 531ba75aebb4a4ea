/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout_mask.c: a counter-based generator. The place is mixed into a key, one number after the other, and
 * element i is the mixed value of key + i · 0x9e37...: the sequence of splitmix64 (Steele, Lea and Flood
 * 2014) from that key, of which any element can be made alone.
 */
#include "train/dropout_mask.h"

#define GOLDEN 0x9e3779b97f4a7c15U /* 2^64 over the golden ratio, odd */

static uint64_t dropout_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static uint64_t dropout_key(const hg_dropout_place *place)
{
    const uint64_t parts[] = {(uint64_t)place->step, (uint64_t)place->sample, (uint64_t)place->layer,
                              (uint64_t)place->slot};
    uint64_t key = dropout_mix(place->seed + GOLDEN);
    for (int i = 0; i < 4; i++)
        key = dropout_mix((key ^ parts[i]) + GOLDEN);
    return key;
}

void hg_dropout_mask_fill(const hg_dropout_place *place, double p, int64_t n, hg_real *mask)
{
    uint64_t key = dropout_key(place);
    hg_real kept = (hg_real)(1 / (1 - p));
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = dropout_mix(key + (uint64_t)(place->first + i + 1) * GOLDEN);
        mask[i] = (double)(bits >> 11) * 0x1p-53 < p ? 0 : kept;
    }
}
