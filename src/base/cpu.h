/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.h: which instruction sets this processor and its operating system offer.
 */
#ifndef HG_BASE_CPU_H
#define HG_BASE_CPU_H

#include <stdbool.h>

/* Ordered by speed. Each x86 tier includes those before it, except that no AVX-512 tier asks for AVX-VNNI. */
typedef enum hg_cpu_tier {
    HG_CPU_TIER_REFERENCE,   /* plain C */
    HG_CPU_TIER_AVX2,        /* AVX2, FMA, F16C */
    HG_CPU_TIER_AVX2_VNNI,   /* AVX-VNNI: sums of four products of bytes */
    HG_CPU_TIER_AVX512,      /* AVX-512 F, BW, DQ, VL */
    HG_CPU_TIER_AVX512_VNNI, /* AVX-512 VNNI */
    HG_CPU_TIER_AVX512_BF16  /* AVX-512 BF16: sums of two products of bf16 */
} hg_cpu_tier;

#define HG_CPU_TIER_COUNT 6

/* Whether this machine runs the tier's instructions. */
bool hg_cpu_has(hg_cpu_tier tier);

/* The highest tier this machine runs. */
hg_cpu_tier hg_cpu_detect(void);

/* "reference", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16". */
const char *hg_cpu_tier_name(hg_cpu_tier tier);

/* The tier of such a name; false when there is none. */
bool hg_cpu_tier_find(const char *name, hg_cpu_tier *out);

#endif
