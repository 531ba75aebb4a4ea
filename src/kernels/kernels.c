/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: builds the tables, once: each tier starts as a copy of the one below it and replaces what it
 * does faster. Invariant: once hg_kernels_get has given a table it never changes.
 */
#include "kernels/kernels.h"

#include <pthread.h>

static hg_kernels kernels_tables[HG_CPU_TIER_COUNT];
static pthread_once_t kernels_once = PTHREAD_ONCE_INIT, kernels_amx_once = PTHREAD_ONCE_INIT;

/* What a tier replaces. */
static void (*const kernels_set[HG_CPU_TIER_COUNT])(hg_kernels *table) = {
#if defined(HG_KERNELS_X86) && !defined(HG_REAL_IS_DOUBLE)
    [HG_CPU_TIER_AVX2] = hg_kernels_set_avx2,
    [HG_CPU_TIER_AVX2_VNNI] = hg_kernels_set_avx2_vnni,
    [HG_CPU_TIER_AVX512] = hg_kernels_set_avx512,
    [HG_CPU_TIER_AVX512_VNNI] = hg_kernels_set_avx512_vnni,
    [HG_CPU_TIER_AVX512_BF16] = hg_kernels_set_avx512_bf16,
    [HG_CPU_TIER_AMX] = hg_kernels_set_amx,
#elif defined(HG_KERNELS_ARM) && !defined(HG_REAL_IS_DOUBLE)
    [HG_CPU_TIER_NEON] = hg_kernels_set_neon,
    [HG_CPU_TIER_NEON_DOTPROD] = hg_kernels_set_neon_dotprod,
    [HG_CPU_TIER_NEON_I8MM] = hg_kernels_set_neon_i8mm,
#else
    NULL,
#endif
};

static void kernels_add(int tier)
{
    if (kernels_set[tier] != NULL && hg_cpu_has((hg_cpu_tier)tier)) {
        kernels_tables[tier].name = hg_cpu_tier_name((hg_cpu_tier)tier);
        kernels_set[tier](&kernels_tables[tier]);
    }
}

static void kernels_build(void)
{
    hg_kernels_set_reference(&kernels_tables[HG_CPU_TIER_REFERENCE]);
    for (int tier = 1; tier < HG_CPU_TIER_COUNT; tier++) {
        kernels_tables[tier] = kernels_tables[tier - 1];
        if (tier != HG_CPU_TIER_AMX)
            kernels_add(tier);
    }
}

/* Only for those who ask, because its instructions are tried. */
static void kernels_build_amx(void)
{
    kernels_add(HG_CPU_TIER_AMX);
}

const hg_kernels *hg_kernels_get(hg_cpu_tier tier)
{
    pthread_once(&kernels_once, kernels_build);
    if (tier == HG_CPU_TIER_AMX)
        pthread_once(&kernels_amx_once, kernels_build_amx);
    return &kernels_tables[tier];
}
