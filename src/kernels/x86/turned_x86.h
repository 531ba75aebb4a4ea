/* SPDX-License-Identifier: Apache-2.0
 *
 * turned_x86.h: products along the columns of block-quantised weights (turned.h) in the x86 tiers that
 * multiply bytes into 32 bits at once, written over `vb` and `vf` as rounded_x86.h, after which it is
 * included.
 *
 * Weights are unpacked to floats, then to panels of VF_LANES columns in which four rows of a column lie side
 * by side: lanes of the sums are columns. Codes are kept as unsigned bytes, code + 128. What that adds to a
 * sum is 128 times the sum of x, the same for all columns, and is taken off once at the end.
 */
#ifndef HG_KERNELS_TURNED_X86_H
#define HG_KERNELS_TURNED_X86_H

#include "kernels/simd/unpack_simd.h"
#include "kernels/x86/rounded_x86.h"

/* The parts of the scratch. */
typedef struct turned_memory {
    float *weights; /* (HG_TURNED_ROWS, HG_TURNED_STRIDE) */
    uint8_t *codes; /* (panels, rows / 4, VF_LANES, 4) */
    float *scales;  /* (HG_TURNED_COLUMNS) */
    float *offsets; /* (T): 128 times the sum of a row of x */
} turned_memory;

static turned_memory turned_take(void *scratch)
{
    turned_memory m = {.weights = scratch};
    m.codes = (uint8_t *)(m.weights + HG_TURNED_ROWS * HG_TURNED_STRIDE);
    m.scales = (float *)(void *)(m.codes + HG_TURNED_ROWS * HG_TURNED_COLUMNS);
    m.offsets = m.scales + HG_TURNED_COLUMNS;
    return m;
}

X86_INLINE void turned_unpack(hg_dtype type, int64_t rows, int64_t n, const uint8_t *w, int64_t ldw,
                              float *to)
{
    int64_t row_bytes = rounded_row_bytes(type, ldw);
    for (int64_t i = 0; i < rows; i++)
        quant_to_real_type(type, n, w + i * row_bytes, to + i * HG_TURNED_STRIDE);
}

/* A panel's codes and scales from its first unpacked weight on. */
static void turned_pack(int64_t rows, const float *from, uint8_t *codes, float *scales)
{
    vf most[2] = {vf_set1(HG_TURNED_LEAST), vf_set1(HG_TURNED_LEAST)};
    for (int64_t i = 0; i < rows; i += 2) {
        most[0] = vf_max(most[0], vf_abs(vf_load(from + i * HG_TURNED_STRIDE)));
        most[1] = vf_max(most[1], vf_abs(vf_load(from + (i + 1) * HG_TURNED_STRIDE)));
    }
    vf largest = vf_max(most[0], most[1]), factor = vf_div(vf_set1(127), largest);
    vf_store(scales, vf_div(largest, vf_set1(127)));
    for (int64_t i = 0; i < rows; i += 4, codes += VB_BYTES) {
        vf four[4];
        for (int r = 0; r < 4; r++)
            four[r] = vf_mul(vf_load(from + (i + r) * HG_TURNED_STRIDE), factor);
        vb_store(codes, vb_from_four(four));
    }
}

static void turned_offsets(const hg_rounded *x, float *offsets)
{
    int64_t runs = x->k / HG_ROUNDED_RUN;
    for (int64_t t = 0; t < x->t; t++) {
        float sum = 0;
        for (int64_t i = 0; i < runs; i++)
            sum += x->sums[t * runs + i];
        offsets[t] = 128 * sum;
    }
}

/* A run of n_x rows of x times as many rows of two panels, from column j of x on. */
X86_INLINE void turned_add_run(int n_x, const uint8_t *const codes[2], const hg_rounded *x, int64_t j,
                               vf (*sum)[2])
{
    vb dot[ROUNDED_TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        dot[t][0] = dot[t][1] = vb_zero();
    for (int i = 0; i < HG_ROUNDED_RUN; i += 4) {
        vb first = vb_load(codes[0] + (j + i) * VF_LANES), second = vb_load(codes[1] + (j + i) * VF_LANES);
        for (int t = 0; t < n_x; t++) {
            vb four = vb_lanes(x->codes + t * x->k + j + i);
            dot[t][0] = vb_dot(HG_DTYPE_Q8_0, dot[t][0], first, four);
            dot[t][1] = vb_dot(HG_DTYPE_Q8_0, dot[t][1], second, four);
        }
    }
    for (int t = 0; t < n_x; t++) {
        vf scale = vf_set1(x->scales[t * (x->k / HG_ROUNDED_RUN) + j / HG_ROUNDED_RUN]);
        for (int l = 0; l < 2; l++)
            sum[t][l] = vf_fma(vb_to_float(dot[t][l]), scale, sum[t][l]);
    }
}

/* Where two panels' products go, and what is done with the sums before. */
typedef struct turned_out {
    const float *scales, *offsets;
    float *y;
    int64_t ldy;
} turned_out;

X86_INLINE void turned_tile(int n_x, const uint8_t *const codes[2], const hg_rounded *x, int64_t row,
                            const turned_out *out)
{
    hg_rounded rows = hg_rounded_rows(x, row, n_x);
    vf sum[ROUNDED_TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        sum[t][0] = sum[t][1] = vf_set1(0);
    for (int64_t j = 0; j < x->k; j += HG_ROUNDED_RUN)
        turned_add_run(n_x, codes, &rows, j, sum);
    for (int t = 0; t < n_x; t++) {
        vf offset = vf_set1(out->offsets[row + t]);
        for (int l = 0; l < 2; l++) {
            float *y = out->y + (row + t) * out->ldy + l * VF_LANES;
            vf scale = vf_load(out->scales + l * VF_LANES);
            vf_store(y, vf_fma(vf_sub(sum[t][l], offset), scale, vf_load(y)));
        }
    }
}

static void turned_panels(const uint8_t *const codes[2], const hg_rounded *x, const turned_out *out)
{
    int64_t t = 0;
    for (; t + ROUNDED_TILE_ROWS <= x->t; t += ROUNDED_TILE_ROWS)
        turned_tile(ROUNDED_TILE_ROWS, codes, x, t, out);
    for (; t < x->t; t++)
        turned_tile(1, codes, x, t, out);
}

static void turned_gemm(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, float *y,
                        int64_t ldy, void *scratch)
{
    turned_memory m = turned_take(scratch);
    SIMD_FOR_TYPE(type, turned_unpack, x->k, n, w, ldw, m.weights)
    turned_offsets(x, m.offsets);
    int64_t panel_bytes = x->k * VF_LANES;
    for (int64_t j = 0; j < n; j += VF_LANES)
        turned_pack(x->k, m.weights + j, m.codes + j / VF_LANES * panel_bytes, m.scales + j);
    for (int64_t j = 0; j < n; j += 2 * VF_LANES) { /* blocks are whole pairs of panels */
        const uint8_t *first = m.codes + j / VF_LANES * panel_bytes;
        const turned_out out = {m.scales + j, m.offsets, y + j, ldy};
        turned_panels((const uint8_t *const[2]){first, first + panel_bytes}, x, &out);
    }
}

static void turned_set(hg_kernels *table)
{
    table->turns = true;
    table->gemm_turned = turned_gemm;
}

#endif
