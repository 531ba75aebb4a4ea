/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.h: which instruction sets this processor and its operating system offer.
 */
#ifndef HG_BASE_CPU_H
#define HG_BASE_CPU_H

#include "base/error.h"

#include <stdbool.h>

/* Ordered by speed within an architecture; no machine has tiers of two. Each x86 tier includes those before
 * it, except that no AVX-512 tier asks for AVX-VNNI; each ARM tier those before it. */
typedef enum hg_cpu_tier {
    HG_CPU_TIER_REFERENCE,    /* plain C */
    HG_CPU_TIER_AVX2,         /* AVX2, FMA, F16C */
    HG_CPU_TIER_AVX2_VNNI,    /* AVX-VNNI: sums of four products of bytes */
    HG_CPU_TIER_AVX512,       /* AVX-512 F, BW, DQ, VL */
    HG_CPU_TIER_AVX512_VNNI,  /* AVX-512 VNNI */
    HG_CPU_TIER_AVX512_BF16,  /* AVX-512 BF16: sums of two products of bf16 */
    HG_CPU_TIER_AMX,          /* AMX tiles, AMX-INT8, AMX-BF16: products of matrices of bytes and of bf16 */
    HG_CPU_TIER_NEON,         /* NEON of 64-bit ARM */
    HG_CPU_TIER_NEON_DOTPROD, /* FEAT_DotProd: sums of four products of bytes */
    HG_CPU_TIER_NEON_I8MM     /* FEAT_I8MM: products of matrices of bytes */
} hg_cpu_tier;

#define HG_CPU_TIER_COUNT 10

/* Whether this machine runs the tier's instructions. For AMX the system is asked to let this process use
 * them. */
bool hg_cpu_has(hg_cpu_tier tier);

/* The highest tier this machine runs. */
hg_cpu_tier hg_cpu_detect(void);

/* "reference", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx", "neon",
 * "neon_dotprod", "neon_i8mm". */
const char *hg_cpu_tier_name(hg_cpu_tier tier);

/* The tier of such a name; false when there is none. */
bool hg_cpu_tier_find(const char *name, hg_cpu_tier *out);

/* The tier that a user asks for by name; NULL or "" is the best. HG_STATUS_USAGE when it is none of this
 * machine's, which the text lists. */
hg_status hg_cpu_choose(const char *name, hg_cpu_tier *out, hg_error *err);

#endif
