/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.h: which instruction sets this processor and its operating system offer.
 */
#ifndef HG_BASE_CPU_H
#define HG_BASE_CPU_H

/* Ordered: each tier includes those before it. */
typedef enum hg_cpu_tier {
    HG_CPU_TIER_REFERENCE, /* plain C */
    HG_CPU_TIER_AVX2,      /* AVX2, FMA, F16C */
    HG_CPU_TIER_AVX512     /* AVX-512 F, BW, DQ, VL */
} hg_cpu_tier;

#define HG_CPU_TIER_COUNT 3

/* The highest tier this machine runs. */
hg_cpu_tier hg_cpu_detect(void);

/* "reference", "avx2", "avx512". */
const char *hg_cpu_tier_name(hg_cpu_tier tier);

#endif
