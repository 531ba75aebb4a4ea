/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_amx.c: the tier for AMX: products of wide.h with tiles of 16 x 64 bytes (those of bf16 are
 * amx_bf16.h's). This file is compiled with
 * AVX-512; without, and with HG_AMX_EMULATED for tiles in plain C, it runs on every processor.
 *
 * Rows of x are the left factor, as they are: 16 rows by 64 columns a tile. Weight rows are the right one,
 * which needs four columns of each row side by side (wide_lanes.h). Sums then have rows of x by weight rows,
 * as results do.
 *
 * A run of 256 inputs is four steps of 64, in which 2 x 2 tiles of whole numbers stay in registers; then they
 * are stored, scaled and added to floats. While that is done for one run, the next one's products are under
 * way. Blocks of 64 weight rows by 64 rows of x keep a run's weights, x and sums near the first-level cache.
 * Several panels of weights are unpacked before, and a block of x is multiplied with all of them, so that
 * either comes from the second-level cache.
 */
#include "kernels/reference/reference.h"
#include "kernels/x86/amx_tiles.h"

#define WIDE_ZERO 0 /* bytes of weights are signed */
#include "kernels/x86/wide_out.h"
#include "kernels/x86/wide_pack.h"
#include "kernels/x86/wide_round.h"

#define AMX_BLOCK 64 /* rows of x whose sums are kept together */

static_assert(AMX_TILE_BYTES == HG_WIDE_TILE_BYTES && WIDE_PAIR == HG_WIDE_ROWS, "wide.h's order fits tiles");
static_assert(HG_WIDE_APART == 2 * AMX_TILE_BYTES && WIDE_APART == HG_WIDE_APART,
              "a pair's tiles lie side by side");

static const amx_config amx_whole = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#include "kernels/x86/amx_bf16.h"

/* ---- products ---- */

/* Where the sums of a pair by a pair of tiles go, and their scales. */
typedef struct amx_part {
    const float *x_scales, *w_scales;
    float (*to)[WIDE_PAIR]; /* NULL: nowhere */
} amx_part;

/* The factors of a run's product: two tiles of x and two of weights, `steps` times. */
typedef struct amx_factors {
    const int8_t *x, *w;
    int steps;
} amx_factors;

#define AMX_PAIRS (AMX_BLOCK / WIDE_PAIR)
#define AMX_W_PAIRS (HG_WIDE_PANEL / WIDE_PAIR)

/* Sums of a block by a panel. Those of a pair by a pair lie in a page of their own: in rows of a whole panel,
 * as results have them, products took 1.06 of the time and more. */
typedef struct amx_sums {
    _Alignas(4096) float of[AMX_PAIRS][AMX_W_PAIRS][WIDE_PAIR][WIDE_PAIR];
    int32_t last[WIDE_PAIR][WIDE_PAIR]; /* of a run, as the registers had them */
} amx_sums;

/* A block's products, one after the other. */
typedef struct amx_flow {
    amx_part last; /* of the product whose sums are in the registers */
    amx_sums *sums;
} amx_flow;

/* 16 of a row's sums, scaled and added to the floats at `to`. One lane after the other in the compiler's
 * eyes, and one instruction in its hands: a product and a sum that are rounded once. */
SIMD_INLINE void amx_add_lanes(const int32_t *sums, const hg_wide_floats *scale, float *to)
{
    hg_wide_words whole;
    hg_wide_floats before, after;
    memcpy(&whole, sums, sizeof whole);
    memcpy(&before, to, sizeof before);
    const hg_wide_floats sum = __builtin_convertvector(whole, hg_wide_floats);
    for (int i = 0; i < HG_WIDE_PARTS; i++)
        after[i] = fmaf(sum[i], (*scale)[i], before[i]);
    memcpy(to, &after, sizeof after);
}

/* Adds `count` of the stored rows from `begin` on. */
SIMD_INLINE void amx_add(const amx_flow *flow, int begin, int count)
{
    const amx_part part = flow->last;
    hg_wide_floats w_scales[WIDE_PAIR / HG_WIDE_PARTS];
    memcpy(w_scales, part.w_scales, sizeof w_scales);
    for (int t = begin; t < begin + count; t++) {
        for (int i = 0; i < WIDE_PAIR / HG_WIDE_PARTS; i++) {
            const hg_wide_floats scale = w_scales[i] * part.x_scales[t];
            amx_add_lanes(&flow->sums->last[t][i * HG_WIDE_PARTS], &scale, &part.to[t][i * HG_WIDE_PARTS]);
        }
    }
}

/* Tile i of two by two. */
#define AMX_STORE_SUMS(tiles, i, flow)                                                                       \
    AMX_STORE(tiles, i, &(flow)->sums->last[(i) / 2 * AMX_TILE_ROWS][(i) % 2 * AMX_TILE_ROWS],               \
              sizeof(flow)->sums->last[0])

/* The first step: the last product's sums leave the registers one by one, each before the next product needs
 * its place. A store waits until a product is done; others are under way meanwhile. */
SIMD_INLINE void amx_begin(amx_tiles *tiles, const int8_t *x, const int8_t *w, amx_flow *flow)
{
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_LOAD_ONCE(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_STORE_SUMS(tiles, 0, flow);
    AMX_ZERO(tiles, 0);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD_ONCE(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_STORE_SUMS(tiles, 1, flow);
    AMX_ZERO(tiles, 1);
    AMX_DOT(tiles, 1, 4, 7);
    AMX_LOAD(tiles, 5, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_STORE_SUMS(tiles, 2, flow);
    AMX_ZERO(tiles, 2);
    AMX_DOT(tiles, 2, 5, 6);
    AMX_STORE_SUMS(tiles, 3, flow);
    AMX_ZERO(tiles, 3);
    AMX_DOT(tiles, 3, 5, 7);
}

SIMD_INLINE void amx_step(amx_tiles *tiles, const int8_t *x, const int8_t *w)
{
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_LOAD_ONCE(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD_ONCE(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 1, 4, 7);
    AMX_LOAD(tiles, 5, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 2, 5, 6);
    AMX_DOT(tiles, 3, 5, 7);
}

/* Rows that are added behind each step but the first, where a run has four. */
#define AMX_ADDED 11

/* A run's product, whose sums stay in the registers; the last one's are stored and added. */
SIMD_INLINE void amx_multiply(amx_tiles *tiles, const amx_factors *f, amx_flow *flow)
{
    const bool adds = flow->last.to != NULL;
    int added = 0;
    amx_begin(tiles, f->x, f->w, flow);
    for (int s = 1; s < f->steps; s++) {
        amx_step(tiles, f->x + (ptrdiff_t)s * HG_WIDE_APART, f->w + (ptrdiff_t)s * WIDE_APART);
        const int count = WIDE_PAIR - added < AMX_ADDED ? WIDE_PAIR - added : AMX_ADDED;
        if (adds)
            amx_add(flow, added, count);
        added += count;
    }
    if (adds)
        amx_add(flow, added, WIDE_PAIR - added);
}

/* The last of all. */
static void amx_end(amx_tiles *tiles, amx_flow *flow)
{
    AMX_STORE_SUMS(tiles, 0, flow);
    AMX_STORE_SUMS(tiles, 1, flow);
    AMX_STORE_SUMS(tiles, 2, flow);
    AMX_STORE_SUMS(tiles, 3, flow);
    amx_add(flow, 0, WIDE_PAIR);
}

/* Rows t to `end` of x, at most AMX_BLOCK and whole pairs, times a run of a term: pairs of rows of x, for
 * each of them pairs of weight rows. */
static void amx_run(amx_tiles *tiles, const wide_term *term, int64_t j, int64_t t, int64_t end,
                    amx_flow *flow)
{
    const hg_wide *x = term->x;
    const wide_panel *p = &term->panel;
    const int64_t n = hg_wide_run_length(x->k, j), run = j / HG_WIDE_RUN;
    const int steps = (int)(hg_wide_up(n, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS);
    for (int64_t row = t; row < end; row += WIDE_PAIR) {
        for (int64_t pair = 0; pair < p->pairs; pair++) {
            const amx_factors f = {hg_wide_code(x, row, j), wide_panel_at(p, pair, j, n), steps};
            amx_multiply(tiles, &f, flow);
            flow->last = (amx_part){hg_wide_scale(x, row, run), wide_scales_at(p, pair * WIDE_PAIR, j),
                                    flow->sums->of[(row - t) / WIDE_PAIR][pair]};
        }
    }
}

/* Rows t to `end` of x times all there is of a panel. */
static void amx_block(amx_tiles *tiles, const wide_product *p, int64_t t, int64_t end, amx_sums *sums)
{
    amx_flow flow = {.sums = sums};
    for (int i = 0; i < p->n_terms; i++) {
        for (int64_t j = 0; j < p->terms[i].x->k; j += HG_WIDE_RUN)
            amx_run(tiles, &p->terms[i], j, t, end, &flow);
    }
    amx_end(tiles, &flow);
}

/* The first n_t rows of a block and n columns, to y. */
static void amx_store(const wide_out *out, amx_sums *sums, int64_t n_t, int64_t n, float *y)
{
    for (int64_t r = 0; r < n_t; r++, y += out->ldy) {
        for (int64_t i = 0; i < n; i += WIDE_PAIR)
            wide_store_sums(out, sums->of[r / WIDE_PAIR][i / WIDE_PAIR][r % WIDE_PAIR], WIDE_PAIR,
                            n - i < WIDE_PAIR ? n - i : WIDE_PAIR, y + i);
    }
}

/* What rows beyond the last one of x have left. */
static void amx_clear(amx_sums *sums)
{
    memset(sums->of, 0, sizeof sums->of);
}

/* ---- all of it ---- */

#define AMX_PANELS (HG_WIDE_MOST / HG_WIDE_PANEL)

/* Panels of weights, unpacked. */
typedef struct amx_panels {
    wide_product of[AMX_PANELS];
    int64_t n; /* rows of all of them */
} amx_panels;

/* Bytes of scratch that a panel of each term takes. */
static size_t amx_panel_bytes(const hg_wide_term *terms, int n_terms)
{
    size_t bytes = 0;
    for (int i = 0; i < n_terms; i++)
        bytes += hg_wide_scratch(HG_WIDE_PANEL, terms[i].x->k);
    return bytes;
}

static void amx_unpack(int64_t n, const hg_wide_term *terms, int n_terms, uint8_t *scratch,
                       amx_panels *panels)
{
    panels->n = n;
    for (int64_t i = 0; i < n; i += HG_WIDE_PANEL) {
        const int64_t rows = n - i < HG_WIDE_PANEL ? n - i : HG_WIDE_PANEL;
        panels->of[i / HG_WIDE_PANEL] = wide_product_make(i, rows, terms, n_terms, scratch);
        scratch += amx_panel_bytes(terms, n_terms);
    }
}

/* n_t rows of x from row t on, at most a block, times all panels. */
static void amx_times_all(amx_tiles *tiles, const amx_panels *panels, int64_t t, int64_t n_t,
                          const wide_out *out, amx_sums *sums)
{
    for (int64_t i = 0; i < panels->n; i += HG_WIDE_PANEL) {
        const int64_t rows = panels->n - i < HG_WIDE_PANEL ? panels->n - i : HG_WIDE_PANEL;
        amx_block(tiles, &panels->of[i / HG_WIDE_PANEL], t, t + hg_wide_up(n_t, WIDE_PAIR), sums);
        amx_store(out, sums, n_t, rows, out->y + t * out->ldy + i);
        if (n_t % WIDE_PAIR != 0)
            amx_clear(sums);
    }
}

static void amx_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                          void *scratch)
{
    amx_sums sums;
    amx_panels panels;
    amx_tiles tiles;
    const wide_out out = wide_out_make(terms[0].x, n, add, y, ldy);
    amx_clear(&sums);
    amx_unpack(n, terms, n_terms, scratch, &panels);
    amx_open(&tiles, &amx_whole);
    for (int64_t t = 0; t < terms[0].x->t; t += AMX_BLOCK)
        amx_times_all(&tiles, &panels, t, terms[0].x->t - t < AMX_BLOCK ? terms[0].x->t - t : AMX_BLOCK, &out,
                      &sums);
    amx_close(&tiles);
    wide_store_end(&out);
}

/* ---- a trial, and the table ---- */

/* A product with two pairs of either factor, and cut tiles on all sides. */
enum { WORKS_T = 40, WORKS_N = 40, WORKS_K = 352 };

typedef struct amx_trial {
    _Alignas(64) uint8_t x[HG_WIDE_PANEL * (WORKS_K + 64)];
    _Alignas(64) uint8_t scratch[HG_WIDE_PANEL * (WORKS_K + 64)];
    hg_block_q8_0 w[WORKS_N * WORKS_K / 32];
    float got[WORKS_T * WORKS_N], want[WORKS_T * WORKS_N];
} amx_trial;

static void amx_trial_fill(amx_trial *trial, const hg_wide *x)
{
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof trial->w; i++) {
        random = random * 1664525 + 1013904223;
        ((uint8_t *)trial->w)[i] = (uint8_t)(random >> 24);
    }
    for (int i = 0; i < WORKS_N * WORKS_K / 32; i++)
        trial->w[i].scale = (uint16_t)(0x3c00 + i % 5 * 0x100); /* 1, 1.25, ... 2 */
    float row[WORKS_K];
    for (int t = 0; t < WORKS_T; t++) {
        for (int j = 0; j < WORKS_K; j++) {
            random = random * 1664525 + 1013904223;
            row[j] = (float)(random >> 24) - 128;
        }
        wide_round_row(row, x, t);
    }
}

/* Sums of codes are exact and scales near 1: what rounds is the last digits of sums up to 2^23. */
#define WORKS_ERROR 4

static bool amx_works(void)
{
    amx_trial trial;
    _Static_assert(sizeof trial.x >= 64 * (WORKS_K + 32) + 64 * 2 * (sizeof(float) + sizeof(int32_t)),
                   "hg_wide_bytes");
    const hg_wide x = hg_wide_make(WORKS_T, WORKS_K, trial.x);
    amx_trial_fill(&trial, &x);
    const hg_wide_term term = {HG_DTYPE_Q8_0, false, trial.w, WORKS_K, &x};
    amx_gemm_wide(WORKS_N, &term, 1, false, trial.got, WORKS_N, trial.scratch);
    hg_reference_gemm_wide(WORKS_N, &term, 1, false, trial.want, WORKS_N, trial.scratch);
    bool same = true;
    for (int i = 0; i < WORKS_T * WORKS_N; i++)
        same = same && fabsf(trial.got[i] - trial.want[i]) <= WORKS_ERROR;
    return same;
}

void hg_kernels_set_amx(hg_kernels *table)
{
    if (!amx_works()) {
        table->name = hg_cpu_tier_name(HG_CPU_TIER_AVX512_BF16);
        return;
    }
    table->wide = HG_WIDE_ALL;
    table->wide_rows = HG_WIDE_MOST;
    table->turns = false; /* oneDNN multiplies bf16 in tiles, which is as fast */
    table->round_wide = wide_round_row;
    table->gemm_wide = amx_gemm_wide;
    table->gemm_bf16 = amx_gemm_bf16;
}
