/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: builds the tables, once: each tier starts as a copy of the one below it and replaces what it
 * does faster. Invariant: after the first hg_kernels_get the tables never change.
 */
#include "kernels/kernels.h"

#include <pthread.h>

static hg_kernels kernels_tables[HG_CPU_TIER_COUNT];
static pthread_once_t kernels_once = PTHREAD_ONCE_INIT;

static void kernels_build(void)
{
    hg_kernels *reference = &kernels_tables[HG_CPU_TIER_REFERENCE];
    hg_kernels_set_reference(reference);
    kernels_tables[HG_CPU_TIER_AVX2] = *reference;
    kernels_tables[HG_CPU_TIER_AVX512] = *reference;
#if defined(HG_KERNELS_X86) && !defined(HG_REAL_IS_DOUBLE)
    hg_cpu_tier best = hg_cpu_detect();
    if (best >= HG_CPU_TIER_AVX2) {
        hg_kernels_set_onednn(&kernels_tables[HG_CPU_TIER_AVX2]);
        hg_kernels_set_avx2(&kernels_tables[HG_CPU_TIER_AVX2]);
    }
    kernels_tables[HG_CPU_TIER_AVX512] = kernels_tables[HG_CPU_TIER_AVX2];
    if (best >= HG_CPU_TIER_AVX512)
        hg_kernels_set_avx512(&kernels_tables[HG_CPU_TIER_AVX512]);
#endif
}

const hg_kernels *hg_kernels_get(hg_cpu_tier tier)
{
    pthread_once(&kernels_once, kernels_build);
    return &kernels_tables[tier];
}
