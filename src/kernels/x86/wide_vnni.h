/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_vnni.h: products of wide.h in the tiers that multiply bytes into 32 bits at once, with the bits of the
 * AMX tier; written over `vb` and `vf` as rounded_x86.h. Included by the one .c file of each such tier after
 * its simd_*.h and bytes_*.h.
 *
 * Lanes of the sums are rows of weights: four columns of VF_LANES rows, side by side, times four columns of a
 * row of x in all lanes. Sums of up to VNNI_ROWS rows of x by two such vectors stay in registers for a run of
 * 256 inputs; then they are scaled and added to floats. A run's weights are read from the first level of
 * cache for all rows of x but the first of a block.
 */
#ifndef HG_KERNELS_WIDE_VNNI_H
#define HG_KERNELS_WIDE_VNNI_H

#define WIDE_ZERO 128 /* the instruction's first factor is unsigned */
#include "kernels/x86/wide_out.h"
#include "kernels/x86/wide_pack.h"
#include "kernels/x86/wide_round.h"

#define VNNI_BLOCK 64             /* rows of x whose sums are kept together */
#define VNNI_PIECE (2 * VF_LANES) /* weight rows whose sums are in registers */

/* From a piece's first vector to its second: the next tile, or the other half of this one's lines. */
#define VNNI_SECOND (VF_LANES == HG_WIDE_TILE_ROWS ? HG_WIDE_TILE_BYTES : VB_BYTES)

static_assert(VNNI_BLOCK % HG_WIDE_ROWS == 0, "a block is whole groups of rows that lie together");
static_assert(!VB_SATURATES, "sums are exact");

/* A run's product: rows of x and a piece of weights, `steps` times 64 columns. */
typedef struct vnni_factors {
    const int8_t *x, *w;
    const int32_t *minus; /* of the rows of x: wide.h */
    const float *x_scales, *w_scales;
    int steps;
} vnni_factors;

/* Scaled and added to the floats at `to`, n rows of x by weight rows. */
SIMD_INLINE void vnni_multiply(int n, const vnni_factors *f, float (*to)[HG_WIDE_PANEL])
{
    vb sums[VNNI_ROWS][2];
    for (int r = 0; r < n; r++)
        sums[r][0] = sums[r][1] = vb_set1_lane(f->minus[r]);
    const int8_t *x = f->x, *w = f->w;
    for (int s = 0; s < f->steps; s++, x += HG_WIDE_APART, w += WIDE_APART) {
        for (int j = 0; j < HG_WIDE_TILE_COLUMNS / 4; j++) {
            const vb first = vb_load(w + j * WIDE_LINE), second = vb_load(w + VNNI_SECOND + j * WIDE_LINE);
            for (int r = 0; r < n; r++) {
                const vb four = vb_lanes(x + r * HG_WIDE_TILE_COLUMNS + j * 4);
                sums[r][0] = vb_dot(HG_DTYPE_Q8_0, sums[r][0], first, four);
                sums[r][1] = vb_dot(HG_DTYPE_Q8_0, sums[r][1], second, four);
            }
        }
    }
    for (int l = 0; l < 2; l++) {
        const vf w_scale = vf_load(f->w_scales + l * VF_LANES);
        for (int r = 0; r < n; r++) {
            float *at = &to[r][l * VF_LANES];
            const vf scale = vf_mul(w_scale, vf_set1(f->x_scales[r]));
            vf_store(at, vf_fma(vb_to_float(sums[r][l]), scale, vf_load(at)));
        }
    }
}

/* `times` times n rows of x, which lie together; moves the factors on behind them. */
SIMD_INLINE void vnni_times(int n, vnni_factors *factors, int64_t times, float (*to)[HG_WIDE_PANEL])
{
    vnni_factors f = *factors; /* in registers: no store to `to` can change them */
    for (; times > 0; times--, to += n) {
        vnni_multiply(n, &f, to);
        f.x += n * HG_WIDE_TILE_COLUMNS;
        f.minus += n;
        f.x_scales += n;
    }
    *factors = f;
}

/* Functions of their own, because gcc keeps sums in registers only where little else is around them, and only
 * if that is a loop. */
#define VNNI_TIMES(n)                                                                                        \
    __attribute__((noinline)) static void vnni_times_##n(vnni_factors *f, int64_t times,                     \
                                                         float(*to)[HG_WIDE_PANEL])                          \
    {                                                                                                        \
        vnni_times(n, f, times, to);                                                                         \
    }
VNNI_TIMES(1)
VNNI_TIMES(2)
VNNI_TIMES(3)
VNNI_TIMES(4)
VNNI_TIMES(5)
VNNI_TIMES(6)
#if VNNI_ROWS > 6
VNNI_TIMES(7)
VNNI_TIMES(8)
#endif

/* By the number of rows. */
static void (*const vnni_times_of[VNNI_ROWS + 1])(vnni_factors *, int64_t, float (*)[HG_WIDE_PANEL]) = {
    NULL,         vnni_times_1, vnni_times_2, vnni_times_3, vnni_times_4, vnni_times_5, vnni_times_6,
#if VNNI_ROWS > 6
    vnni_times_7, vnni_times_8,
#endif
};

/* n_t rows of x from row t on, which lie together, times a piece of a panel's run, its `piece`th, of n
 * columns from j on. They are shared out evenly: so few that the processor would wait for them are not left
 * over. */
static void vnni_piece(const wide_term *term, int64_t piece, int64_t j, int64_t n, int64_t t, int64_t n_t,
                       float (*to)[HG_WIDE_PANEL])
{
    const hg_wide *x = term->x;
    vnni_factors f = {.x = hg_wide_code(x, t, j),
                      .w = wide_tiles_at(&term->panel, piece * VNNI_PIECE, j, n),
                      .minus = hg_wide_minus(x, t, j / HG_WIDE_RUN),
                      .x_scales = hg_wide_scale(x, t, j / HG_WIDE_RUN),
                      .w_scales = wide_scales_at(&term->panel, piece * VNNI_PIECE, j),
                      .steps = (int)(hg_wide_up(n, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS)};
    const int64_t times = (n_t + VNNI_ROWS - 1) / VNNI_ROWS, rows = n_t / times, more = n_t % times;
    to = (float(*)[HG_WIDE_PANEL]) & to[0][piece * VNNI_PIECE];
    if (more > 0)
        vnni_times_of[rows + 1](&f, more, to);
    vnni_times_of[rows](&f, times - more, to + more * (rows + 1));
}

/* Rows t to `end` of x, of a block, times the run of a term that begins at column j. */
static void vnni_run(const wide_term *term, int64_t j, int64_t t, int64_t end, float (*to)[HG_WIDE_PANEL])
{
    const int64_t n = hg_wide_run_length(term->x->k, j), pieces = term->panel.pairs * WIDE_PAIR / VNNI_PIECE;
    for (int64_t piece = 0; piece < pieces; piece++) {
        for (int64_t row = t; row < end; row += HG_WIDE_ROWS)
            vnni_piece(term, piece, j, n, row, end - row < HG_WIDE_ROWS ? end - row : HG_WIDE_ROWS,
                       to + (row - t));
    }
}

/* All rows of x times a panel, n of whose rows are there. */
static void vnni_panel(const wide_product *p, const wide_out *out, int64_t n, float *y)
{
    _Alignas(64) float sums[VNNI_BLOCK][HG_WIDE_PANEL] = {{0}};
    for (int64_t t = 0; t < p->t; t += VNNI_BLOCK) {
        const int64_t n_t = p->t - t < VNNI_BLOCK ? p->t - t : VNNI_BLOCK;
        for (int i = 0; i < p->n_terms; i++) {
            for (int64_t j = 0; j < p->terms[i].x->k; j += HG_WIDE_RUN)
                vnni_run(&p->terms[i], j, t, t + n_t, sums);
        }
        for (int64_t r = 0; r < n_t; r++)
            wide_store_sums(out, sums[r], HG_WIDE_PANEL, n, y + (t + r) * out->ldy);
    }
}

static void vnni_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                           void *scratch)
{
    const wide_out out = wide_out_make(terms[0].x, n, add, y, ldy);
    for (int64_t i = 0; i < n; i += HG_WIDE_PANEL) {
        const int64_t rows = n - i < HG_WIDE_PANEL ? n - i : HG_WIDE_PANEL;
        const wide_product p = wide_product_make(i, rows, terms, n_terms, scratch);
        vnni_panel(&p, &out, rows, y + i);
    }
    wide_store_end(&out);
}

/* `use`: for which weights. */
static void vnni_set_wide(hg_kernels *table, hg_wide_use use)
{
    table->wide = use;
    table->round_wide = wide_round_row;
    table->gemm_wide = vnni_gemm_wide;
}

#endif
