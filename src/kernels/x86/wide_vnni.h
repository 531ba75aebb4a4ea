/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_vnni.h: products of wide.h in the tiers that multiply bytes into 32 bits at once, with the bits of the
 * AMX tier. Included by the one .c file of each such tier after its simd_*.h and bytes_*.h.
 */
#ifndef HG_KERNELS_WIDE_VNNI_H
#define HG_KERNELS_WIDE_VNNI_H

#define WIDE_ZERO 128 /* the instruction's first factor is unsigned */
#include "kernels/x86/wide_blocks.h"

static_assert(!VB_SATURATES, "sums are exact");

static const wide_multiply *wide_multiply_of(const wide_panel *panel)
{
    (void)panel;
    return wide_bytes_of;
}

#endif
