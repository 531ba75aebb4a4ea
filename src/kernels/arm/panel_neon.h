/* SPDX-License-Identifier: Apache-2.0
 *
 * panel_neon.h: products of block-quantised weights with many rows of rounded activations. Panels of
 * PANEL_ROWS weight rows are unpacked to scratch in the order that the tier's tile likes; a tile of one panel
 * by TILE_ROWS rows of x stays in registers from the first weight to the last. Included after the tier's
 * tile_*.h, which has the order and the tile:
 *   tile_store_codes(rows, to)  16 codes of each row
 *   tile_run(type, n_x, p, x, out)
 */
#ifndef HG_KERNELS_PANEL_NEON_H
#define HG_KERNELS_PANEL_NEON_H

#include "kernels/simd/simd_types.h"

SIMD_INLINE panel panel_at(void *scratch, int64_t k, int64_t index)
{
    int64_t bytes = PANEL_ROWS * (k + k / 16 * 4 + k / 32 * 4);
    int8_t *codes = (int8_t *)scratch + index * bytes;
    float *scales = (float *)(void *)(codes + PANEL_ROWS * k);
    return (panel){codes, scales, scales + PANEL_ROWS * (k / 16)};
}

/* Scales and minima of one block, which begins at column j, into its row's lane. */
SIMD_INLINE void panel_pack_scales(hg_dtype type, const void *block, int64_t j, const panel *p, int lane)
{
    quant_scales s;
    quant_take_scales(type, block, &s);
    for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
        int64_t at = j / QUANT_RUN + run;
        if (type == HG_DTYPE_Q6_K) {
            p->scales[2 * at * PANEL_ROWS + lane] = s.scale[2 * run];
            p->scales[(2 * at + 1) * PANEL_ROWS + lane] = s.scale[2 * run + 1];
        } else {
            p->scales[at * PANEL_ROWS + lane] = s.scale[2 * run];
        }
        if (type == HG_DTYPE_Q4_K)
            p->minima[at * PANEL_ROWS + lane] = -s.minimum[run];
    }
}

/* One block of each row, from column j on; rows that are not there are the last one again. */
SIMD_INLINE void panel_pack_block(hg_dtype type, int rows, const uint8_t *w, int64_t row_bytes, int64_t j,
                                  const panel *p)
{
    const uint8_t *row[PANEL_ROWS];
    for (int r = 0; r < PANEL_ROWS; r++) {
        row[r] = w + (r < rows ? r : rows - 1) * row_bytes;
        panel_pack_scales(type, row[r], j, p, r);
    }
    for (int run = 0; run < quant_block(type) / QUANT_RUN; run++) {
        int8x16_t codes[2][PANEL_ROWS];
        for (int r = 0; r < PANEL_ROWS; r++) {
            vcodes both = quant_codes(type, row[r], run);
            codes[0][r] = both.val[0];
            codes[1][r] = both.val[1];
        }
        int8_t *to = p->codes + (j + run * QUANT_RUN) * PANEL_ROWS;
        tile_store_codes(codes[0], to);
        tile_store_codes(codes[1], to + 16 * PANEL_ROWS);
    }
}

/* One panel times all rows of x. */
SIMD_INLINE void panel_times(hg_dtype type, const panel *p, const hg_rounded *x, panel_out out)
{
    for (int64_t t = 0; t < x->t; t += TILE_ROWS, out.y += TILE_ROWS * out.ldy) {
        hg_rounded rows = hg_rounded_rows(x, t, x->t - t);
        switch (rows.t) {
        case 1:
            tile_run(type, 1, p, &rows, &out);
            break;
        case 2:
            tile_run(type, 2, p, &rows, &out);
            break;
        case 3:
            tile_run(type, 3, p, &rows, &out);
            break;
        default:
            tile_run(type, TILE_ROWS, p, &rows, &out);
        }
    }
}

SIMD_INLINE void panel_gemm_type(hg_dtype type, int64_t n, const uint8_t *w, int64_t ldw, const hg_rounded *x,
                                 bool add, float *y, int64_t ldy, void *scratch)
{
    const int64_t block = quant_block(type), bytes = quant_block_bytes(type), row_bytes = ldw / block * bytes;
    for (int64_t i = 0; i < n; i += PANEL_ROWS) {
        int rows = n - i < PANEL_ROWS ? (int)(n - i) : PANEL_ROWS;
        panel p = panel_at(scratch, x->k, i / PANEL_ROWS);
        for (int64_t j = 0; j < x->k; j += block)
            panel_pack_block(type, rows, w + i * row_bytes + j / block * bytes, row_bytes, j, &p);
        panel_times(type, &p, x, (panel_out){y + i, ldy, rows, add});
    }
}

static void panel_gemm(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, bool add,
                       float *y, int64_t ldy, void *scratch)
{
    SIMD_FOR_TYPE(type, panel_gemm_type, n, w, ldw, x, add, y, ldy, scratch)
}

#endif
