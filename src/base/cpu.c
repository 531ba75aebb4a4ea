/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: detection through the compiler's CPUID support, which also asks XGETBV whether the system saves the
 * registers; and through CPUID itself for what not every supported compiler's __builtin_cpu_supports knows.
 */
#include "base/cpu.h"

#include <stddef.h>
#include <string.h>

static const char *const cpu_names[HG_CPU_TIER_COUNT] = {"reference", "avx2",        "avx2_vnni",
                                                         "avx512",    "avx512_vnni", "avx512_bf16"};

#if defined(__x86_64__)
#include <cpuid.h>

static bool cpu_has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

/* Bits of leaf 7, subleaf 1, register a. */
#define CPU_AVX_VNNI (1U << 4)
#define CPU_AVX512_BF16 (1U << 5)

static bool cpu_has_leaf_7_1(unsigned bit)
{
    unsigned a, b, c, d;
    /* Subleaf 0 says how many there are. */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & bit) != 0;
}

static bool cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c();
}

static bool cpu_has_avx512(void)
{
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool cpu_has_avx512_vnni(void)
{
    return cpu_has_avx512() && __builtin_cpu_supports("avx512vnni");
}

bool hg_cpu_has(hg_cpu_tier tier)
{
    switch (tier) {
    case HG_CPU_TIER_AVX2:
        return cpu_has_avx2();
    case HG_CPU_TIER_AVX2_VNNI:
        return cpu_has_avx2() && cpu_has_leaf_7_1(CPU_AVX_VNNI);
    case HG_CPU_TIER_AVX512:
        return cpu_has_avx512();
    case HG_CPU_TIER_AVX512_VNNI:
        return cpu_has_avx512_vnni();
    case HG_CPU_TIER_AVX512_BF16:
        return cpu_has_avx512_vnni() && cpu_has_leaf_7_1(CPU_AVX512_BF16);
    default:
        return true;
    }
}
#else
bool hg_cpu_has(hg_cpu_tier tier)
{
    return tier == HG_CPU_TIER_REFERENCE;
}
#endif

hg_cpu_tier hg_cpu_detect(void)
{
    int tier = HG_CPU_TIER_COUNT - 1;
    while (!hg_cpu_has((hg_cpu_tier)tier)) /* the reference is always there */
        tier--;
    return (hg_cpu_tier)tier;
}

const char *hg_cpu_tier_name(hg_cpu_tier tier)
{
    return cpu_names[tier];
}

bool hg_cpu_tier_find(const char *name, hg_cpu_tier *out)
{
    for (int i = 0; i < HG_CPU_TIER_COUNT; i++) {
        if (strcmp(name, cpu_names[i]) != 0)
            continue;
        *out = (hg_cpu_tier)i;
        return true;
    }
    return false;
}
