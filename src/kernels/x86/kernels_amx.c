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
 * are scaled and added to floats. While that is done for one run, the next one's products are under way: they
 * come first in the order of the program. Blocks of 64 weight rows by 64 rows of x keep a run's weights, x
 * and sums in the first-level cache.
 */
#include "kernels/reference/reference.h"
#include "kernels/x86/amx_pack.h"

#define AMX_BLOCK 64 /* rows of x whose sums are kept together */

static_assert(AMX_TILE_BYTES == HG_WIDE_TILE_BYTES && AMX_PAIR == HG_WIDE_ROWS, "wide.h's order fits tiles");

static const amx_config amx_whole = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* ---- products ---- */

/* A run's sums for a pair by a pair of tiles, and where they go. */
typedef struct amx_part {
    const float *x_scales, *w_scales;
    float (*to)[HG_WIDE_PANEL]; /* the first of AMX_PAIR rows of x; NULL: nowhere */
} amx_part;

typedef struct amx_sums {
    _Alignas(64) int32_t rows[AMX_PAIR][AMX_PAIR];
} amx_sums;

/* The factors of a run's product: two tiles of x and two of weights, `steps` times. */
typedef struct amx_factors {
    const int8_t *x, *w;
    int steps;
} amx_factors;

/* Scales some of the last product's rows and adds them to the floats. */
static void amx_add(const amx_sums *sums, const amx_part *part, int begin, int count)
{
    const float *restrict w_scales = part->w_scales;
    for (int t = begin; t < begin + count; t++) {
        const int32_t *restrict row = sums->rows[t];
        float *restrict to = part->to[t];
        for (int i = 0; i < AMX_PAIR; i++)
            to[i] = fmaf((float)row[i], w_scales[i] * part->x_scales[t], to[i]);
    }
}

/* Makes a run's sums. Meanwhile the last one's are added, a part behind each step: they are read before this
 * one's are stored, because a load waits for earlier stores at the same place of a page, and products take
 * time to come to an end. */
static void amx_multiply(amx_tiles *tiles, const amx_factors *f, const amx_part *last, amx_sums *sums)
{
    AMX_ZERO(tiles, 0);
    AMX_ZERO(tiles, 1);
    AMX_ZERO(tiles, 2);
    AMX_ZERO(tiles, 3);
    int added = 0;
    for (int s = 0; s < f->steps; s++) {
        const int8_t *x = f->x + (ptrdiff_t)s * AMX_APART, *w = f->w + (ptrdiff_t)s * AMX_APART;
        AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
        AMX_LOAD(tiles, 6, w, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 0, 4, 6);
        AMX_LOAD(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 1, 4, 7);
        AMX_LOAD(tiles, 5, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 2, 5, 6);
        AMX_DOT(tiles, 3, 5, 7);
        if (last->to != NULL)
            amx_add(sums, last, added, AMX_PAIR / 4);
        added += AMX_PAIR / 4;
    }
    if (last->to != NULL)
        amx_add(sums, last, added, AMX_PAIR - added);
    AMX_STORE(tiles, 0, &sums->rows[0][0], sizeof sums->rows[0]);
    AMX_STORE(tiles, 1, &sums->rows[0][AMX_TILE_ROWS], sizeof sums->rows[0]);
    AMX_STORE(tiles, 2, &sums->rows[AMX_TILE_ROWS][0], sizeof sums->rows[0]);
    AMX_STORE(tiles, 3, &sums->rows[AMX_TILE_ROWS][AMX_TILE_ROWS], sizeof sums->rows[0]);
}

/* Where results go: n columns of y. */
typedef struct amx_out {
    float *y;
    int64_t ldy, n;
    bool add;
} amx_out;

/* Asks for some of y's rows from row t on, which are written when the block is done: what is in no cache
 * takes as long as many products. */
#define AMX_ASKED 2

static void amx_ask_results(const amx_out *out, int64_t t)
{
    for (int64_t r = t; r < t + AMX_ASKED; r++) {
        for (int64_t i = 0; i < out->n; i += 64 / (int64_t)sizeof(float))
            __builtin_prefetch(out->y + r * out->ldy + i, 1, 2);
    }
}

/* All runs of the panel times rows t to `end` of x, at most AMX_BLOCK and whole pairs: for each run, pairs of
 * rows of x; for each of them, pairs of weight rows. */
static void amx_block(amx_tiles *tiles, const amx_panel *p, const hg_wide *x, int64_t t, int64_t end,
                      const amx_out *out, float (*to)[HG_WIDE_PANEL])
{
    amx_sums sums;
    amx_part last = {0};
    int64_t asked = t;
    for (int64_t j = 0; j < x->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(x->k, j), run = j / HG_WIDE_RUN;
        const int steps = (int)(hg_wide_up(n, AMX_TILE_ROW_BYTES) / AMX_TILE_ROW_BYTES);
        for (int64_t row = t; row < end; row += AMX_PAIR) {
            for (int64_t pair = 0; pair < p->pairs; pair++, asked += AMX_ASKED) {
                const amx_factors f = {hg_wide_code(x, row, j), amx_panel_at(p, pair, j, n), steps};
                amx_multiply(tiles, &f, &last, &sums);
                last = (amx_part){hg_wide_scale(x, row, run), amx_scales_at(p, pair * AMX_PAIR, j),
                                  (float(*)[HG_WIDE_PANEL]) & to[row - t][pair * AMX_PAIR]};
                if (asked < x->t && asked < end)
                    amx_ask_results(out, asked);
            }
        }
    }
    amx_add(&sums, &last, 0, AMX_PAIR);
}

/* ---- results ---- */

/* A row's sums, n of them, to y. */
SIMD_INLINE void amx_store_row(float *restrict sums, int64_t n, bool add, float *restrict y)
{
    const hg_wide_floats zero = {0};
    int64_t i = 0;
    for (; i + HG_WIDE_PARTS <= n; i += HG_WIDE_PARTS) {
        hg_wide_floats lanes, before;
        memcpy(&lanes, sums + i, sizeof lanes);
        if (add) {
            memcpy(&before, y + i, sizeof before);
            lanes += before;
        }
        memcpy(y + i, &lanes, sizeof lanes);
        memcpy(sums + i, &zero, sizeof zero);
    }
    for (; i < n; i++) {
        y[i] = add ? y[i] + sums[i] : sums[i];
        sums[i] = 0;
    }
}

/* Sums of n_t rows of x, to those of y from t on; they are zeros again. */
static void amx_store(const amx_out *out, int64_t t, int64_t n_t, float (*sums)[HG_WIDE_PANEL])
{
    float *y = out->y + t * out->ldy;
    for (int64_t r = 0; r < n_t; r++, y += out->ldy) {
        if (out->add)
            amx_store_row(sums[r], out->n, true, y);
        else
            amx_store_row(sums[r], out->n, false, y);
    }
}

static void amx_gemm(const amx_weights *w, const hg_wide *x, const amx_out *out, void *scratch)
{
    _Alignas(64) float sums[AMX_BLOCK][HG_WIDE_PANEL] = {{0}};
    const amx_panel panel = amx_pack(w, scratch);
    amx_tiles tiles;
    amx_open(&tiles, &amx_whole);
    for (int64_t t = 0; t < x->t; t += AMX_BLOCK) {
        const int64_t n_t = x->t - t < AMX_BLOCK ? x->t - t : AMX_BLOCK;
        amx_block(&tiles, &panel, x, t, t + hg_wide_up(n_t, AMX_PAIR), out, sums);
        amx_store(out, t, n_t, sums);
    }
    amx_close(&tiles);
}

static void amx_gemm_wide(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_wide *x, bool add,
                          float *y, int64_t ldy, void *scratch)
{
    const amx_weights from = {type, false, n, x->k, w, hg_dtype_span(type, ldw)};
    amx_gemm(&from, x, &(amx_out){y, ldy, n, add}, scratch);
}

static void amx_gemm_wide_interleaved(hg_dtype type, int64_t n, const void *w, const hg_wide *x, bool add,
                                      float *y, int64_t ldy, void *scratch)
{
    const amx_weights from = {type, true, n, x->k, w, hg_dtype_span(type, x->k)};
    amx_gemm(&from, x, &(amx_out){y, ldy, n, add}, scratch);
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
    amx_gemm_wide(HG_DTYPE_Q8_0, WORKS_N, trial.w, WORKS_K, &x, false, trial.got, WORKS_N, trial.scratch);
    hg_reference_gemm_wide(HG_DTYPE_Q8_0, WORKS_N, trial.w, WORKS_K, &x, false, trial.want, WORKS_N,
                           trial.scratch);
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
    table->gemm_wide_interleaved = amx_gemm_wide_interleaved;
}
