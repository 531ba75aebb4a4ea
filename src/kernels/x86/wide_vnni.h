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

WIDE_MULTIPLY(wide_bytes, 1)
WIDE_MULTIPLY(wide_bytes, 2)
WIDE_MULTIPLY(wide_bytes, 3)
WIDE_MULTIPLY(wide_bytes, 4)
WIDE_MULTIPLY(wide_bytes, 5)
WIDE_MULTIPLY(wide_bytes, 6)
#if WIDE_ROWS > 6
WIDE_MULTIPLY(wide_bytes, 7)
WIDE_MULTIPLY(wide_bytes, 8)
#endif

static const wide_multiply *wide_multiply_of(const wide_panel *panel)
{
    static const wide_multiply of[WIDE_ROWS + 1] = {
        NULL,
        wide_bytes_1,
        wide_bytes_2,
        wide_bytes_3,
        wide_bytes_4,
        wide_bytes_5,
        wide_bytes_6,
#if WIDE_ROWS > 6
        wide_bytes_7,
        wide_bytes_8,
#endif
    };
    (void)panel;
    return of;
}

#endif
