/* SPDX-License-Identifier: Apache-2.0
 *
 * tile_neon.h: what the tiles of panel_neon.h have in common: unpacked weights, and where results go.
 */
#ifndef HG_KERNELS_TILE_NEON_H
#define HG_KERNELS_TILE_NEON_H

#include "kernels/arm/blocks_neon.h"
#include "kernels/kernels.h"

#define PANEL_ROWS 8
#define TILE_ROWS 4 /* of x, against a panel: sums of whole numbers and of floats take 16 registers of 32 */

typedef struct panel {
    int8_t *codes; /* (K / 16, PANEL_ROWS · 16): each 16 columns in the tile's order */
    float *scales; /* (K / group, PANEL_ROWS) */
    float *minima; /* (K / 32, PANEL_ROWS), negative; q4_k only */
} panel;

/* Weights of a row that share a scale. */
SIMD_INLINE int panel_group(hg_dtype type)
{
    return type == HG_DTYPE_Q6_K ? 16 : 32;
}

/* Where a tile's results go, of which n columns are wanted. */
typedef struct panel_out {
    float *y;
    int64_t ldy, n;
    bool add;
} panel_out;

/* The tile's results pass through memory: a loop that stores them from registers would keep them out of
 * registers. */
SIMD_INLINE void panel_store(const panel_out *out, int n_x, float (*all)[PANEL_ROWS])
{
    for (int t = 0; t < n_x; t++) {
        float *y = out->y + t * out->ldy;
        for (int64_t i = 0; i < out->n; i++)
            y[i] = out->add ? all[t][i] + y[i] : all[t][i];
    }
}

#endif
