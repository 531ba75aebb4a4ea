/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_avx512_vnni.c: products of wide.h for AVX-512 VNNI, with the bits of the AMX tier. This file is
 * compiled with those instructions.
 *
 * Lanes of the sums are rows of weights: four columns of 16 rows, side by side, times four columns of a row
 * of x in all lanes. Sums of eight rows of x by two such vectors stay in registers for a run of 256 inputs;
 * then they are scaled and added to floats. A run's weights are read from the first level of cache for all
 * rows of x but the first eight of a block.
 */
#include "kernels/x86/x86_inline.h"

#define WIDE_ZERO 128 /* the instruction's first factor is unsigned */
#include "kernels/x86/rounded_set.h"
#include "kernels/x86/wide_out.h"
#include "kernels/x86/wide_pack.h"
#include "kernels/x86/wide_round.h"

#define VNNI_BLOCK 64 /* rows of x whose sums are kept together */
#define VNNI_ROWS 8   /* of x, whose sums are in registers */

static_assert(HG_WIDE_ROWS % VNNI_ROWS == 0 && VNNI_BLOCK % HG_WIDE_ROWS == 0,
              "rows of x that are multiplied together lie together");

/* A run's product: VNNI_ROWS rows of x and a pair of weights, `steps` times 64 columns. */
typedef struct vnni_factors {
    const int8_t *x, *w;
    const int32_t *minus; /* of the rows of x: wide.h */
    const float *x_scales, *w_scales;
    int steps;
} vnni_factors;

static inline __m512i vnni_four(const int8_t *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Scaled and added to the floats at `to`, rows of x by weight rows. */
SIMD_INLINE void vnni_multiply(const vnni_factors *f, float (*to)[HG_WIDE_PANEL])
{
    __m512i sums[VNNI_ROWS][2];
    for (int r = 0; r < VNNI_ROWS; r++)
        sums[r][0] = sums[r][1] = _mm512_set1_epi32(f->minus[r]);
    const int8_t *x = f->x, *w = f->w;
    for (int s = 0; s < f->steps; s++, x += HG_WIDE_APART, w += WIDE_APART) {
        for (int j = 0; j < HG_WIDE_TILE_COLUMNS / 4; j++) {
            const __m512i first = _mm512_load_si512(w + j * WIDE_LINE),
                          second = _mm512_load_si512(w + HG_WIDE_TILE_BYTES + j * WIDE_LINE);
            for (int r = 0; r < VNNI_ROWS; r++) {
                const __m512i four = vnni_four(x + r * HG_WIDE_TILE_COLUMNS + j * 4);
                sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], first, four);
                sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], second, four);
            }
        }
    }
    for (int l = 0; l < 2; l++) {
        const __m512 w_scale = _mm512_loadu_ps(f->w_scales + l * HG_WIDE_PARTS);
        for (int r = 0; r < VNNI_ROWS; r++) {
            const __m512 scale = _mm512_mul_ps(w_scale, _mm512_set1_ps(f->x_scales[r]));
            float *at = &to[r][l * HG_WIDE_PARTS];
            _mm512_storeu_ps(at, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][l]), scale, _mm512_loadu_ps(at)));
        }
    }
}

/* Rows t to `end` of x, of a block and whole VNNI_ROWS, times the run of a term that begins at column j.
 * Apart from what calls it, because gcc keeps sums in registers only where little else is around them. */
__attribute__((noinline)) static void vnni_run(const wide_term *term, int64_t j, int64_t t, int64_t end,
                                               float (*to)[HG_WIDE_PANEL])
{
    const hg_wide *x = term->x;
    const wide_panel *p = &term->panel;
    const int64_t n = hg_wide_run_length(x->k, j), run = j / HG_WIDE_RUN;
    const int steps = (int)(hg_wide_up(n, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS);
    for (int64_t pair = 0; pair < p->pairs; pair++) {
        for (int64_t row = t; row < end; row += VNNI_ROWS) {
            const vnni_factors f = {hg_wide_code(x, row, j),
                                    wide_panel_at(p, pair, j, n),
                                    hg_wide_minus(x, row, run),
                                    hg_wide_scale(x, row, run),
                                    wide_scales_at(p, pair * WIDE_PAIR, j),
                                    steps};
            vnni_multiply(&f, (float(*)[HG_WIDE_PANEL]) & to[row - t][pair * WIDE_PAIR]);
        }
    }
}

static void vnni_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                           void *scratch)
{
    _Alignas(64) float sums[VNNI_BLOCK][HG_WIDE_PANEL] = {{0}};
    const wide_out out = wide_out_make(terms[0].x, n, add, y, ldy);
    const wide_product p = wide_product_make(n, terms, n_terms, scratch);
    for (int64_t t = 0; t < p.t; t += VNNI_BLOCK) {
        const int64_t n_t = p.t - t < VNNI_BLOCK ? p.t - t : VNNI_BLOCK, end = t + hg_wide_up(n_t, VNNI_ROWS);
        for (int i = 0; i < p.n_terms; i++) {
            for (int64_t j = 0; j < p.terms[i].x->k; j += HG_WIDE_RUN)
                vnni_run(&p.terms[i], j, t, end, sums);
        }
        wide_store(&out, t, n_t, sums);
    }
    wide_store_end(&out);
}

void hg_wide_set_avx512_vnni(hg_kernels *table)
{
    table->wide = HG_WIDE_4_BITS;
    table->round_wide = wide_round_row;
    table->gemm_wide = vnni_gemm_wide;
}
