/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_blocks.h: products of wide.h without matrix registers, but for how a run's are made: that is
 * `wide_multiply_of` of whoever includes this, which says WIDE_ROWS before. Written over `vb` and `vf` as
 * rounded_x86.h.
 *
 * Lanes of the sums are rows of weights: four columns of VF_LANES rows, side by side, times four columns of a
 * row of x in all lanes. Sums of up to WIDE_ROWS rows of x by two such vectors stay in registers for a run of
 * 256 inputs; then they are scaled and added to floats. A run's weights are read from the first level of
 * cache for all rows of x but the first of a block.
 */
#ifndef HG_KERNELS_WIDE_BLOCKS_H
#define HG_KERNELS_WIDE_BLOCKS_H

#include "kernels/x86/wide_out.h"
#include "kernels/x86/wide_pack.h"
#include "kernels/x86/wide_round.h"

#define WIDE_BLOCK 64             /* rows of x whose sums are kept together */
#define WIDE_PIECE (2 * VF_LANES) /* weight rows whose sums are in registers */

/* From a piece's first vector to its second: the next tile, or the other half of this one's lines. */
#define WIDE_SECOND (VF_LANES == HG_WIDE_TILE_ROWS ? HG_WIDE_TILE_BYTES : VB_BYTES)

static_assert(WIDE_BLOCK % HG_WIDE_ROWS == 0, "a block is whole groups of rows that lie together");

/* A run's product: rows of x and a piece of weights. */
typedef struct wide_factors {
    const int8_t *x, *w;
    const int32_t *minus; /* of the rows of x: wide.h */
    const int16_t *sums;
    const float *x_scales, *w_scales;
    const wide_kept *kept; /* of the piece; NULL where it is bytes */
    int steps;             /* of 64 columns */
} wide_factors;

/* `times` times n rows of x, which lie together, scaled and added to the floats at `to`, a row behind the
 * other; moves the factors on behind them. */
typedef void (*wide_multiply)(wide_factors *f, int64_t times, float (*to)[HG_WIDE_PANEL]);

/* By n, up to WIDE_ROWS. */
static const wide_multiply *wide_multiply_of(const wide_panel *panel);

SIMD_INLINE void wide_next(wide_factors *f, int n)
{
    f->x += n * HG_WIDE_TILE_COLUMNS;
    f->minus += n;
    f->sums += n * HG_WIDE_SUMS;
    f->x_scales += n;
}

/* A wide_multiply, `name`_n, from `name`, which does it once and does not move on. Functions of their own,
 * because gcc keeps sums in registers only where little else is around them, and only if that is a loop. */
#define WIDE_MULTIPLY(name, n)                                                                               \
    __attribute__((noinline)) static void name##_##n(wide_factors *factors, int64_t times,                   \
                                                     float(*to)[HG_WIDE_PANEL])                              \
    {                                                                                                        \
        wide_factors f = *factors; /* in registers: no store to `to` can change them */                      \
        for (; times > 0; times--, to += n) {                                                                \
            name(n, &f, to);                                                                                 \
            wide_next(&f, n);                                                                                \
        }                                                                                                    \
        *factors = f;                                                                                        \
    }
#define WIDE_ENTRY(name, n) [n] = name##_##n,

/* each(name, n) for every n that a tier has registers for. */
#define WIDE_TO_3(each, name) each(name, 1) each(name, 2) each(name, 3)
#define WIDE_TO_4(each, name) WIDE_TO_3(each, name) each(name, 4)
#define WIDE_TO_6(each, name) WIDE_TO_4(each, name) each(name, 5) each(name, 6)
#define WIDE_TO_8(each, name) WIDE_TO_6(each, name) each(name, 7) each(name, 8)
#define WIDE_JOIN(a, b) a##b
#define WIDE_TO(rows) WIDE_JOIN(WIDE_TO_, rows)
#define WIDE_EACH(each, name) WIDE_TO(WIDE_ROWS)(each, name)

/* Bytes of weights, as wide_pack.h makes them. */
SIMD_INLINE void wide_bytes(int n, const wide_factors *f, float (*to)[HG_WIDE_PANEL])
{
    vb sums[WIDE_ROWS][2];
    for (int r = 0; r < n; r++)
        sums[r][0] = sums[r][1] = WIDE_ZERO == 0 ? vb_zero() : vb_set1_lane(f->minus[r]);
    const int8_t *x = f->x, *w = f->w;
    for (int s = 0; s < f->steps; s++, x += HG_WIDE_APART, w += WIDE_APART) {
        for (int j = 0; j < HG_WIDE_TILE_COLUMNS / 4; j++) {
            const vb first = vb_load(w + j * WIDE_LINE), second = vb_load(w + WIDE_SECOND + j * WIDE_LINE);
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

WIDE_EACH(WIDE_MULTIPLY, wide_bytes)
static const wide_multiply wide_bytes_of[WIDE_ROWS + 1] = {WIDE_EACH(WIDE_ENTRY, wide_bytes)};

/* n_t rows of x from row t on, which lie together, times a piece of a panel's run, its `piece`th, of n
 * columns from j on. They are shared out evenly: so few that the processor would wait for them are not left
 * over. */
static void wide_piece(const wide_term *term, int64_t piece, int64_t j, int64_t n, int64_t t, int64_t n_t,
                       float (*to)[HG_WIDE_PANEL])
{
    const hg_wide *x = term->x;
    const int64_t run = j / HG_WIDE_RUN, first = piece * WIDE_PIECE;
    wide_factors f = {.x = hg_wide_code(x, t, j),
                      .w = wide_tiles_at(&term->panel, first, j, n),
                      .minus = hg_wide_minus(x, t, run),
                      .sums = hg_wide_sums(x, t, run),
                      .x_scales = hg_wide_scale(x, t, run),
                      .w_scales = wide_scales_at(&term->panel, first, j),
                      .kept = wide_kept_at(&term->panel, first, j),
                      .steps = (int)(hg_wide_up(n, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS)};
    const wide_multiply *multiply = wide_multiply_of(&term->panel);
    const int64_t times = (n_t + WIDE_ROWS - 1) / WIDE_ROWS, rows = n_t / times, more = n_t % times;
    to = (float(*)[HG_WIDE_PANEL]) & to[0][first];
    if (more > 0)
        multiply[rows + 1](&f, more, to);
    multiply[rows](&f, times - more, to + more * (rows + 1));
}

/* Rows t to `end` of x, of a block, times the run of a term that begins at column j. */
static void wide_run(const wide_term *term, int64_t j, int64_t t, int64_t end, float (*to)[HG_WIDE_PANEL])
{
    const int64_t n = hg_wide_run_length(term->x->k, j), pieces = term->panel.pairs * WIDE_PAIR / WIDE_PIECE;
    for (int64_t piece = 0; piece < pieces; piece++) {
        for (int64_t row = t; row < end; row += HG_WIDE_ROWS)
            wide_piece(term, piece, j, n, row, end - row < HG_WIDE_ROWS ? end - row : HG_WIDE_ROWS,
                       to + (row - t));
    }
}

/* All rows of x times a panel, n of whose rows are there. */
static void wide_all_rows(const wide_product *p, const wide_out *out, int64_t n, float *y)
{
    _Alignas(64) float sums[WIDE_BLOCK][HG_WIDE_PANEL] = {{0}};
    for (int64_t t = 0; t < p->t; t += WIDE_BLOCK) {
        const int64_t n_t = p->t - t < WIDE_BLOCK ? p->t - t : WIDE_BLOCK;
        for (int i = 0; i < p->n_terms; i++) {
            for (int64_t j = 0; j < p->terms[i].x->k; j += HG_WIDE_RUN)
                wide_run(&p->terms[i], j, t, t + n_t, sums);
        }
        for (int64_t r = 0; r < n_t; r++)
            wide_store_sums(out, sums[r], HG_WIDE_PANEL, n, y + (t + r) * out->ldy);
    }
}

static void wide_gemm(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                      void *scratch)
{
    const wide_out out = wide_out_make(terms[0].x, n, add, y, ldy);
    for (int64_t i = 0; i < n; i += HG_WIDE_PANEL) {
        const int64_t rows = n - i < HG_WIDE_PANEL ? n - i : HG_WIDE_PANEL;
        const wide_product p = wide_product_make(i, rows, terms, n_terms, scratch);
        wide_all_rows(&p, &out, rows, y + i);
    }
    wide_store_end(&out);
}

/* What the table has of wide.h, for weights of 4 bits. */
static void wide_set(hg_kernels *table)
{
    table->wide = HG_WIDE_4_BITS;
    table->wide_keeps = WIDE_KEEPS;
    table->round_wide = wide_round_row;
    table->gemm_wide = wide_gemm;
}

#endif
