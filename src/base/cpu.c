/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: detection through the compiler's CPUID support, which also asks XGETBV whether the system saves the
 * registers.
 */
#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Not among the names that every supported compiler's __builtin_cpu_supports knows. */
static int cpu_has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

hg_cpu_tier hg_cpu_detect(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c()))
        return HG_CPU_TIER_REFERENCE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return HG_CPU_TIER_AVX512;
    return HG_CPU_TIER_AVX2;
#else
    return HG_CPU_TIER_REFERENCE;
#endif
}

const char *hg_cpu_tier_name(hg_cpu_tier tier)
{
    static const char *const names[HG_CPU_TIER_COUNT] = {"reference", "avx2", "avx512"};
    return names[tier];
}
