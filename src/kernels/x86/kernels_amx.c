/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_amx.c: the tier for AMX: products of wide.h with tiles of 16 x 64 bytes. This file is compiled with
 * AVX-512; without, and with HG_AMX_EMULATED for tiles in plain C, it runs on every processor.
 *
 * Rows of x are the left factor, as they are: 16 rows by 64 columns a tile. Weight rows are the right one,
 * which needs four columns of each row side by side (amx_lanes.h). Sums then have rows of x by weight rows,
 * as results do.
 *
 * A run of 256 inputs is four steps of 64, in which 2 x 2 tiles of whole numbers stay in registers; then they
 * are stored, scaled and added to floats. While that is done for one run, the next one's products are under
 * way. Blocks of 64 weight rows by 64 rows of x keep a run's weights, x and sums near the first-level cache.
 */
#include "kernels/reference/reference.h"
#include "kernels/x86/amx_pack.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define AMX_BLOCK 64 /* rows of x whose sums are kept together */

static_assert(AMX_TILE_BYTES == HG_WIDE_TILE_BYTES && AMX_PAIR == HG_WIDE_ROWS, "wide.h's order fits tiles");

static const amx_config amx_whole = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* ---- products ---- */

/* Where the sums of a pair by a pair of tiles go, and their scales. */
typedef struct amx_part {
    const float *x_scales, *w_scales;
    float (*to)[HG_WIDE_PANEL]; /* the first of AMX_PAIR rows of x; NULL: nowhere */
} amx_part;

/* The factors of a run's product: two tiles of x and two of weights, `steps` times. */
typedef struct amx_factors {
    const int8_t *x, *w;
    int steps;
} amx_factors;

/* A block's products, one after the other. */
typedef struct amx_flow {
    _Alignas(64) int32_t sums[AMX_PAIR][AMX_PAIR];
    amx_part last; /* of the product whose sums are in the registers */
    float (*to)[HG_WIDE_PANEL];
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
    hg_wide_floats w_scales[AMX_PAIR / HG_WIDE_PARTS];
    memcpy(w_scales, part.w_scales, sizeof w_scales);
    for (int t = begin; t < begin + count; t++) {
        for (int i = 0; i < AMX_PAIR / HG_WIDE_PARTS; i++) {
            const hg_wide_floats scale = w_scales[i] * part.x_scales[t];
            amx_add_lanes(&flow->sums[t][i * HG_WIDE_PARTS], &scale, &part.to[t][i * HG_WIDE_PARTS]);
        }
    }
}

/* Tile i of two by two. */
#define AMX_STORE_SUMS(tiles, i, flow)                                                                       \
    AMX_STORE(tiles, i, &(flow)->sums[(i) / 2 * AMX_TILE_ROWS][(i) % 2 * AMX_TILE_ROWS],                     \
              sizeof(flow)->sums[0])

/* The first step: the last product's sums leave the registers one by one, each before the next product needs
 * its place. A store waits until a product is done; others are under way meanwhile. */
SIMD_INLINE void amx_begin(amx_tiles *tiles, const int8_t *x, const int8_t *w, amx_flow *flow)
{
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_LOAD(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_STORE_SUMS(tiles, 0, flow);
    AMX_ZERO(tiles, 0);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
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
    AMX_LOAD(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
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
        amx_step(tiles, f->x + (ptrdiff_t)s * AMX_APART, f->w + (ptrdiff_t)s * AMX_APART);
        const int count = AMX_PAIR - added < AMX_ADDED ? AMX_PAIR - added : AMX_ADDED;
        if (adds)
            amx_add(flow, added, count);
        added += count;
    }
    if (adds)
        amx_add(flow, added, AMX_PAIR - added);
}

/* The last of all. */
static void amx_end(amx_tiles *tiles, amx_flow *flow)
{
    AMX_STORE_SUMS(tiles, 0, flow);
    AMX_STORE_SUMS(tiles, 1, flow);
    AMX_STORE_SUMS(tiles, 2, flow);
    AMX_STORE_SUMS(tiles, 3, flow);
    amx_add(flow, 0, AMX_PAIR);
}

/* A panel of weights, and the rows of x that it is multiplied with. */
typedef struct amx_term {
    amx_panel panel;
    const hg_wide *x;
} amx_term;

/* What is multiplied, and added up. */
typedef struct amx_product {
    amx_term terms[HG_WIDE_TERMS];
    int n_terms;
    int64_t t; /* rows of x */
} amx_product;

/* Rows t to `end` of x, at most AMX_BLOCK and whole pairs, times a run of a term: pairs of rows of x, for
 * each of them pairs of weight rows. */
static void amx_run(amx_tiles *tiles, const amx_term *term, int64_t j, int64_t t, int64_t end, amx_flow *flow)
{
    const hg_wide *x = term->x;
    const amx_panel *p = &term->panel;
    const int64_t n = hg_wide_run_length(x->k, j), run = j / HG_WIDE_RUN;
    const int steps = (int)(hg_wide_up(n, AMX_TILE_ROW_BYTES) / AMX_TILE_ROW_BYTES);
    for (int64_t row = t; row < end; row += AMX_PAIR) {
        for (int64_t pair = 0; pair < p->pairs; pair++) {
            const amx_factors f = {hg_wide_code(x, row, j), amx_panel_at(p, pair, j, n), steps};
            amx_multiply(tiles, &f, flow);
            flow->last = (amx_part){hg_wide_scale(x, row, run), amx_scales_at(p, pair * AMX_PAIR, j),
                                    (float(*)[HG_WIDE_PANEL]) & flow->to[row - t][pair * AMX_PAIR]};
        }
    }
}

/* Rows t to `end` of x times all there is. */
static void amx_block(amx_tiles *tiles, const amx_product *p, int64_t t, int64_t end,
                      float (*to)[HG_WIDE_PANEL])
{
    amx_flow flow;
    flow.last.to = NULL;
    flow.to = to;
    for (int i = 0; i < p->n_terms; i++) {
        for (int64_t j = 0; j < p->terms[i].x->k; j += HG_WIDE_RUN)
            amx_run(tiles, &p->terms[i], j, t, end, &flow);
    }
    amx_end(tiles, &flow);
}

/* ---- results ---- */

/* Where results go: n columns of y, whose rows are ldy apart. */
typedef struct amx_out {
    float *y;
    int64_t ldy, n;
    bool add;
    bool passes; /* past the caches */
} amx_out;

/* From so many bytes on results do not stay in a core's cache until they are read: they go to memory without
 * being fetched from there first. */
#define AMX_PASSES ((int64_t)4 << 20)

static amx_out amx_out_make(const hg_wide *x, int64_t n, bool add, float *y, int64_t ldy)
{
    const bool lines = (uintptr_t)y % 64 == 0 && ldy % HG_WIDE_PARTS == 0 && n % HG_WIDE_PARTS == 0;
    const bool large = x->t * ldy * (int64_t)sizeof *y >= AMX_PASSES;
    return (amx_out){y, ldy, n, add, lines && large && !add};
}

/* A row's sums, n of them, to y. */
SIMD_INLINE void amx_store_row(const float *restrict sums, int64_t n, bool add, float *restrict y)
{
    int64_t i = 0;
    for (; i + HG_WIDE_PARTS <= n; i += HG_WIDE_PARTS) {
        hg_wide_floats lanes, before;
        memcpy(&lanes, sums + i, sizeof lanes);
        if (add) {
            memcpy(&before, y + i, sizeof before);
            lanes += before;
        }
        memcpy(y + i, &lanes, sizeof lanes);
    }
    for (; i < n; i++)
        y[i] = add ? y[i] + sums[i] : sums[i];
}

/* The same past the caches; y begins at a cache line, n is a multiple of 16. */
SIMD_INLINE void amx_pass_row(const float *restrict sums, int64_t n, float *restrict y)
{
#ifdef __AVX512F__
    for (int64_t i = 0; i < n; i += HG_WIDE_PARTS)
        _mm512_stream_ps(y + i, _mm512_loadu_ps(sums + i));
#else
    memcpy(y, sums, (size_t)n * sizeof *y);
#endif
}

SIMD_INLINE void amx_clear_row(float sums[HG_WIDE_PANEL])
{
    const hg_wide_floats zero = {0};
    for (int i = 0; i < HG_WIDE_PANEL; i += HG_WIDE_PARTS)
        memcpy(sums + i, &zero, sizeof zero);
}

/* Sums of n_t rows of x, to those of y from t on; they are zeros again. */
static void amx_store(const amx_out *out, int64_t t, int64_t n_t, float (*sums)[HG_WIDE_PANEL])
{
    float *y = out->y + t * out->ldy;
    for (int64_t r = 0; r < n_t; r++, y += out->ldy) {
        if (out->passes)
            amx_pass_row(sums[r], out->n, y);
        else if (out->add)
            amx_store_row(sums[r], out->n, true, y);
        else
            amx_store_row(sums[r], out->n, false, y);
        amx_clear_row(sums[r]);
    }
}

/* What has passed the caches is there for other threads. */
static void amx_store_end(const amx_out *out)
{
#ifdef __AVX512F__
    if (out->passes)
        _mm_sfence();
#else
    (void)out;
#endif
}

static amx_product amx_product_make(int64_t n, const hg_wide_term *terms, int n_terms, uint8_t *scratch)
{
    amx_product p = {.n_terms = n_terms, .t = terms[0].x->t};
    for (int i = 0; i < n_terms; i++) {
        const hg_wide_term *term = &terms[i];
        const int64_t row = term->interleaved ? term->x->k : term->ldw;
        const amx_weights w = {term->type, term->interleaved, n,
                               term->x->k, term->w,           hg_dtype_span(term->type, row)};
        p.terms[i] = (amx_term){amx_pack(&w, scratch), term->x};
        scratch += hg_wide_scratch(term->x->k);
    }
    return p;
}

static void amx_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, float *y, int64_t ldy,
                          void *scratch)
{
    _Alignas(64) float sums[AMX_BLOCK][HG_WIDE_PANEL] = {{0}};
    const amx_out out = amx_out_make(terms[0].x, n, add, y, ldy);
    const amx_product p = amx_product_make(n, terms, n_terms, scratch);
    amx_tiles tiles;
    amx_open(&tiles, &amx_whole);
    for (int64_t t = 0; t < p.t; t += AMX_BLOCK) {
        const int64_t n_t = p.t - t < AMX_BLOCK ? p.t - t : AMX_BLOCK;
        amx_block(&tiles, &p, t, t + hg_wide_up(n_t, AMX_PAIR), sums);
        amx_store(&out, t, n_t, sums);
    }
    amx_close(&tiles);
    amx_store_end(&out);
}

/* ---- rows of x ---- */

/* Of n values, a multiple of 32: two sequences of comparisons, which need not wait for each other. */
static float amx_largest(const float *x, int64_t n)
{
    hg_wide_words most[2] = {{0}, {0}};
    for (int64_t i = 0; i < n; i += 2 * HG_WIDE_PARTS) {
        hg_wide_floats lanes[2];
        memcpy(lanes, x + i, sizeof lanes);
        hg_wide_larger(&most[0], &lanes[0]);
        hg_wide_larger(&most[1], &lanes[1]);
    }
    hg_wide_larger(&most[0], (const hg_wide_floats *)&most[1]);
    return hg_wide_largest(&most[0]);
}

/* 16 columns of a row. */
SIMD_INLINE void amx_round_lanes(const float *x, float factor, int8_t *to)
{
    hg_wide_floats lanes;
    memcpy(&lanes, x, sizeof lanes);
    lanes *= factor;
    hg_wide_halves halves;
    hg_wide_whole(&lanes, &halves);
    hg_wide_bytes16 bytes = __builtin_convertvector(halves, hg_wide_bytes16);
    memcpy(to, &bytes, sizeof bytes);
}

static void amx_round_wide(const float *x, const hg_wide *to, int64_t row)
{
    int8_t *at = hg_wide_code(to, row, 0);
    for (int64_t j = 0; j < to->k; j += HG_WIDE_RUN) {
        int64_t n = hg_wide_run_length(to->k, j);
        float factor, scale = hg_wide_x_scale(amx_largest(x + j, n), &factor);
        *hg_wide_scale(to, row, j / HG_WIDE_RUN) = scale;
        for (int64_t i = 0; i < n; i += HG_WIDE_PARTS) {
            int8_t *codes = at + i / AMX_TILE_ROW_BYTES * AMX_APART + i % AMX_TILE_ROW_BYTES;
            if (factor > 0)
                amx_round_lanes(x + j + i, factor, codes);
            else
                memset(codes, 0, HG_WIDE_PARTS);
        }
        at += HG_WIDE_RUN / AMX_TILE_ROW_BYTES * AMX_APART;
    }
    if (to->k % HG_WIDE_TILE_COLUMNS != 0)
        memset(hg_wide_code(to, row, to->k), 0, HG_WIDE_TILE_COLUMNS / 2);
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
        amx_round_wide(row, x, t);
    }
}

/* Sums of codes are exact and scales near 1: what rounds is the last digits of sums up to 2^23. */
#define WORKS_ERROR 4

static bool amx_works(void)
{
    amx_trial trial;
    _Static_assert(sizeof trial.x >= 64 * (WORKS_K + 32) + 64 * 2 * sizeof(float), "hg_wide_bytes");
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
    table->wide = true;
    table->turns = false; /* oneDNN multiplies bf16 in tiles, which is as fast */
    table->round_wide = amx_round_wide;
    table->gemm_wide = amx_gemm_wide;
}
