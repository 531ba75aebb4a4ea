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
 * A run of 256 inputs is four steps of 64, in which sums, whole numbers, stay in registers; then they are
 * stored, scaled and added to floats (amx_orders.h). While that is done for one product, the next one is
 * under way. Blocks of 64 weight rows by 64 rows of x keep a run's weights, x and sums near the first-level
 * cache. Several panels of weights are unpacked before, and a block of x is multiplied with all of them, so
 * that either comes from the second-level cache.
 */
#include "kernels/reference/reference.h"
#include "kernels/x86/amx_tiles.h"

#define WIDE_ZERO 0 /* bytes of weights are signed */
#include "kernels/x86/wide_out.h"
#include "kernels/x86/wide_pack.h"
#include "kernels/x86/wide_round.h"

static_assert(AMX_TILE_BYTES == HG_WIDE_TILE_BYTES && WIDE_PAIR == HG_WIDE_ROWS, "wide.h's order fits tiles");
static_assert(HG_WIDE_APART == 2 * AMX_TILE_BYTES && WIDE_APART == HG_WIDE_APART,
              "a pair's tiles lie side by side");

static const amx_config amx_whole = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#include "kernels/x86/amx_bf16.h"
#include "kernels/x86/amx_orders.h"

/* ---- products ---- */

/* Which order products are made in. It is chosen by time, in each call: whether another thread works on the
 * same core changes. Of AMX_TRIES runs of a block two are made in each order, and the second of them counts.
 */
typedef struct amx_choice {
    amx_order order;
    int tries; /* AMX_TRIES: chosen */
    uint64_t took[2];
} amx_choice;

#define AMX_TRIES 4

#ifdef HG_AMX_NARROW /* for tests: this order where there is a choice or none */
static const amx_choice amx_first = {.order = AMX_NARROW};

static amx_order amx_faster(const amx_choice *choice)
{
    (void)choice;
    return AMX_NARROW;
}
#else
static const amx_choice amx_first = {.order = AMX_SQUARE};

static amx_order amx_faster(const amx_choice *choice)
{
    return choice->took[AMX_NARROW] < choice->took[AMX_SQUARE] ? AMX_NARROW : AMX_SQUARE;
}
#endif

/* Rows t to `end` of x, at most AMX_BLOCK and whole pairs, times a run of a term: pairs of rows of x, for
 * each of them pairs of weight rows. */
SIMD_INLINE void amx_run_in(amx_order order, amx_tiles *tiles, const wide_term *term, int64_t j, int64_t t,
                            int64_t end, amx_flow *flow)
{
    const hg_wide *x = term->x;
    const wide_panel *p = &term->panel;
    const int64_t n = hg_wide_run_length(x->k, j), run = j / HG_WIDE_RUN,
                  next = j + HG_WIDE_RUN < x->k ? j + HG_WIDE_RUN : 0;
    const int steps = (int)(hg_wide_up(n, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS);
    for (int64_t row = t; row < end; row += WIDE_PAIR) {
        for (int64_t pair = 0; pair < p->pairs; pair++) {
            const amx_factors f = {hg_wide_code(x, row, j), wide_panel_at(p, pair, j, n), steps,
                                   hg_wide_code(x, row, next) + pair * AMX_AHEAD};
            const amx_part part = {hg_wide_scale(x, row, run), wide_scales_at(p, pair * WIDE_PAIR, j),
                                   flow->sums->of[(row - t) / WIDE_PAIR][pair][0]};
            amx_multiply(order, tiles, &f, &part, flow);
        }
    }
}

static void amx_run(amx_order order, amx_tiles *tiles, const wide_term *term, int64_t j, int64_t t,
                    int64_t end, amx_flow *flow)
{
    if (order == AMX_SQUARE)
        amx_run_in(AMX_SQUARE, tiles, term, j, t, end, flow);
    else
        amx_run_in(AMX_NARROW, tiles, term, j, t, end, flow);
}

/* No register is in use any more. */
static void amx_reopen(amx_tiles *tiles)
{
    amx_close(tiles);
    amx_open(tiles, &amx_whole);
}

/* A run, timed. Registers that square products leave behind are in use until they are closed. */
static void amx_try(amx_choice *choice, amx_tiles *tiles, const wide_term *term, int64_t j, int64_t t,
                    int64_t end, amx_flow *flow)
{
    const amx_order order = choice->tries < AMX_TRIES / 2 ? AMX_NARROW : AMX_SQUARE;
    if (choice->tries == 0)
        amx_reopen(tiles);
    const uint64_t begin = amx_clock();
    amx_run(order, tiles, term, j, t, end, flow);
    amx_end(order, tiles, flow);
    choice->took[order] = amx_clock() - begin;
    if (++choice->tries < AMX_TRIES)
        return;
    choice->order = amx_faster(choice);
    if (choice->order == AMX_NARROW)
        amx_reopen(tiles);
}

/* Rows t to `end` of x times all there is of a panel. */
static void amx_block(amx_choice *choice, amx_tiles *tiles, const wide_product *p, int64_t t, int64_t end,
                      amx_sums *sums)
{
    amx_flow flow = {.sums = sums};
    for (int i = 0; i < p->n_terms; i++) {
        const wide_term *term = &p->terms[i];
        for (int64_t j = 0; j < term->x->k; j += HG_WIDE_RUN) {
            if (choice->tries < AMX_TRIES && term->x->k >= AMX_TRIES * HG_WIDE_RUN)
                amx_try(choice, tiles, term, j, t, end, &flow);
            else
                amx_run(choice->order, tiles, term, j, t, end, &flow);
        }
    }
    amx_end(choice->order, tiles, &flow);
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

/* n_t rows of x from row t on, at most a block, times all panels. Where there are several, the second's runs
 * are tried: the first has to fetch x from afar. */
static void amx_times_all(amx_choice *choice, amx_tiles *tiles, const amx_panels *panels, int64_t t,
                          int64_t n_t, const wide_out *out, amx_sums *sums)
{
    for (int64_t i = 0; i < panels->n; i += HG_WIDE_PANEL) {
        const int64_t rows = panels->n - i < HG_WIDE_PANEL ? panels->n - i : HG_WIDE_PANEL;
        amx_choice first = {.order = choice->order, .tries = AMX_TRIES};
        amx_block(i == 0 && panels->n > HG_WIDE_PANEL ? &first : choice, tiles,
                  &panels->of[i / HG_WIDE_PANEL], t, t + hg_wide_up(n_t, WIDE_PAIR), sums);
        amx_store(out, sums, n_t, rows, out->y + t * out->ldy + i);
        if (n_t % WIDE_PAIR != 0)
            amx_clear(sums);
    }
}

/* In the order of `choice`, or chosen. */
static void amx_gemm_wide_in(amx_choice choice, int64_t n, const hg_wide_term *terms, int n_terms, bool add,
                             float *y, int64_t ldy, void *scratch)
{
    amx_sums sums;
    amx_panels panels;
    amx_tiles tiles;
    const wide_out out = wide_out_make(terms[0].x, n, add, y, ldy);
    const int64_t n_rows = terms[0].x->t;
    amx_clear(&sums);
    amx_unpack(n, terms, n_terms, scratch, &panels);
    amx_open(&tiles, &amx_whole);
    for (int64_t t = 0; t < n_rows; t += AMX_BLOCK)
        amx_times_all(&choice, &tiles, &panels, t, n_rows - t < AMX_BLOCK ? n_rows - t : AMX_BLOCK, &out,
                      &sums);
    amx_close(&tiles);
    wide_store_end(&out);
}

static void amx_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                          void *scratch)
{
    amx_gemm_wide_in(amx_first, n, terms, n_terms, add, y, ldy, scratch);
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

static bool amx_works_in(amx_order order, const hg_wide_term *term, amx_trial *trial)
{
    const amx_choice choice = {.order = order, .tries = AMX_TRIES};
    amx_gemm_wide_in(choice, WORKS_N, term, 1, false, trial->got, WORKS_N, trial->scratch);
    bool same = true;
    for (int i = 0; i < WORKS_T * WORKS_N; i++)
        same = same && fabsf(trial->got[i] - trial->want[i]) <= WORKS_ERROR;
    return same;
}

static bool amx_works(void)
{
    amx_trial trial;
    _Static_assert(sizeof trial.x >= 64 * (WORKS_K + 32) + 64 * 2 * (sizeof(float) + sizeof(int32_t)),
                   "hg_wide_bytes");
    const hg_wide x = hg_wide_make(WORKS_T, WORKS_K, trial.x);
    amx_trial_fill(&trial, &x);
    const hg_wide_term term = {HG_DTYPE_Q8_0, false, trial.w, WORKS_K, &x};
    hg_reference_gemm_wide(WORKS_N, &term, 1, false, trial.want, WORKS_N, trial.scratch);
    return amx_works_in(AMX_SQUARE, &term, &trial) && amx_works_in(AMX_NARROW, &term, &trial);
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
