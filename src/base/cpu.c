/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: on x86, detection through the compiler's CPUID support, which also asks XGETBV whether the system
 * saves the registers; and through CPUID itself for what not every supported compiler's
 * __builtin_cpu_supports knows. On ARM the kernel tells what there is.
 */
#include "base/cpu.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const cpu_names[HG_CPU_TIER_COUNT] = {
    [HG_CPU_TIER_REFERENCE] = "reference",
    [HG_CPU_TIER_AVX2] = "avx2",
    [HG_CPU_TIER_AVX2_VNNI] = "avx2_vnni",
    [HG_CPU_TIER_AVX512] = "avx512",
    [HG_CPU_TIER_AVX512_VNNI] = "avx512_vnni",
    [HG_CPU_TIER_AVX512_BF16] = "avx512_bf16",
    [HG_CPU_TIER_AMX] = "amx",
    [HG_CPU_TIER_NEON] = "neon",
    [HG_CPU_TIER_NEON_DOTPROD] = "neon_dotprod",
    [HG_CPU_TIER_NEON_I8MM] = "neon_i8mm",
};

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

static bool cpu_has_avx_vnni(void)
{
#ifdef HG_EVEX_VNNI /* kernels are compiled with the other encoding */
    return cpu_has_avx512_vnni();
#else
    return cpu_has_avx2() && cpu_has_leaf_7_1(CPU_AVX_VNNI);
#endif
}

#ifdef HG_EMULATE_AMX
static bool cpu_has_amx(void)
{
    return true; /* kernels_amx.c is compiled with tiles in plain C */
}
#elif defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/* Leaf 7, register d. */
#define CPU_AMX (1U << 22 | 1U << 24 | 1U << 25) /* AMX-BF16, AMX-TILE, AMX-INT8 */
/* State that the system saves, XCR0: the tiles' configuration and their data. */
#define CPU_XCR0_TILES (1U << 17 | 1U << 18)
/* Linux gives a process the room for tiles when it asks: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
 */
#define CPU_REQUEST_PERMISSION 0x1023
#define CPU_TILE_DATA 18

/* Palette 1 as all processors so far have it: 8 tiles of 16 rows of 64 bytes. */
static bool cpu_has_tiles(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & CPU_AMX) == CPU_AMX &&
           __get_cpuid_count(0x1d, 0, &a, &b, &c, &d) != 0 && a >= 1 &&
           __get_cpuid_count(0x1d, 1, &a, &b, &c, &d) != 0 && a >> 16 == 1024 && (b & 0xffff) == 64 &&
           b >> 16 >= 8 && (c & 0xffff) == 16;
}

/* XGETBV is there with AVX-512. The permission holds for all threads; asking again changes nothing. */
static bool cpu_has_amx(void)
{
    if (!cpu_has_avx512_vnni() || !cpu_has_leaf_7_1(CPU_AVX512_BF16) || !cpu_has_tiles())
        return false;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & CPU_XCR0_TILES) == CPU_XCR0_TILES &&
           syscall(SYS_arch_prctl, CPU_REQUEST_PERMISSION, CPU_TILE_DATA) == 0;
}
#else
static bool cpu_has_amx(void)
{
    return false;
}
#endif

bool hg_cpu_has(hg_cpu_tier tier)
{
    switch (tier) {
    case HG_CPU_TIER_AVX2:
        return cpu_has_avx2();
    case HG_CPU_TIER_AVX2_VNNI:
        return cpu_has_avx_vnni();
    case HG_CPU_TIER_AVX512:
        return cpu_has_avx512();
    case HG_CPU_TIER_AVX512_VNNI:
        return cpu_has_avx512_vnni();
    case HG_CPU_TIER_AVX512_BF16:
        return cpu_has_avx512_vnni() && cpu_has_leaf_7_1(CPU_AVX512_BF16);
    case HG_CPU_TIER_AMX:
        return cpu_has_amx();
    default:
        return tier == HG_CPU_TIER_REFERENCE;
    }
}
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

bool hg_cpu_has(hg_cpu_tier tier)
{
    const bool dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    switch (tier) {
    case HG_CPU_TIER_NEON_DOTPROD:
        return dotprod;
    case HG_CPU_TIER_NEON_I8MM:
        return dotprod && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
    default:
        return tier == HG_CPU_TIER_REFERENCE || tier == HG_CPU_TIER_NEON;
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

hg_status hg_cpu_choose(const char *name, hg_cpu_tier *out, hg_error *err)
{
    *out = hg_cpu_detect();
    if (name == NULL || name[0] == 0 || (hg_cpu_tier_find(name, out) && hg_cpu_has(*out)))
        return HG_STATUS_OK;
    char here[256] = "";
    size_t n = 0;
    for (int i = 0; i < HG_CPU_TIER_COUNT; i++) {
        if (hg_cpu_has((hg_cpu_tier)i))
            n += (size_t)snprintf(here + n, sizeof here - n, "%s%s", n > 0 ? ", " : "", cpu_names[i]);
    }
    return hg_error_set(err, HG_STATUS_USAGE, "no CPU tier '%.40s' here; there is %s", name, here);
}
