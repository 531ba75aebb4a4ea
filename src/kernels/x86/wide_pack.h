/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_pack.h: a panel of weight rows as tiles. For each run of 256 columns pairs of 16 rows lie one behind
 * the other, each with a tile of either 16 for every 64 columns: what a product reads is one piece of memory.
 */
#ifndef HG_KERNELS_WIDE_PACK_H
#define HG_KERNELS_WIDE_PACK_H

#include "kernels/kernels.h"
#include "kernels/simd/simd_types.h"
#include "kernels/x86/wide_kept_lanes.h"
#include "kernels/x86/wide_turn.h"

#define WIDE_PAIR (2 * HG_WIDE_TILE_ROWS) /* rows of either factor that are multiplied together */

static_assert(WIDE_APART == 2 * HG_WIDE_TILE_BYTES, "the tiles of a pair lie side by side");

/* Weights as gemm_wide has them, or interleaved. */
typedef struct wide_weights {
    hg_dtype type;
    bool interleaved;
    int64_t n, k;
    const uint8_t *w;
    size_t row_bytes;
} wide_weights;

/* HG_WIDE_PANEL weight rows. */
typedef struct wide_panel {
    int8_t *codes; /* (runs, pairs, tiles of columns in the run, 2, 16, 16, 4) */
    float *scales; /* (runs, HG_WIDE_PANEL) */
    int64_t pairs;
    wide_kept *kept; /* (runs), where codes are as stored; else NULL */
} wide_panel;

/* The tiles of a pair's run of n columns from j on. */
static int8_t *wide_panel_at(const wide_panel *p, int64_t pair, int64_t j, int64_t n)
{
    return p->codes + (p->pairs * j + pair * hg_wide_up(n, HG_WIDE_TILE_COLUMNS)) * WIDE_PAIR;
}

/* Where a run of n columns from j on of rows `first` to first + 15 goes. */
static int8_t *wide_tiles_at(const wide_panel *p, int64_t first, int64_t j, int64_t n)
{
    return wide_panel_at(p, first / WIDE_PAIR, j, n) + first % WIDE_PAIR * HG_WIDE_TILE_COLUMNS;
}

static float *wide_scales_at(const wide_panel *p, int64_t first, int64_t j)
{
    return p->scales + j / HG_WIDE_RUN * HG_WIDE_PANEL + first;
}

/* From row `first` on; NULL where there are none. */
static wide_kept *wide_kept_at(const wide_panel *p, int64_t first, int64_t j)
{
    return p->kept == NULL ? NULL : kept_from(p->kept + j / HG_WIDE_RUN, first);
}

/* ---- packing ---- */

/* The run of n columns from j on of rows `first` to first + 15. */
SIMD_INLINE void wide_pack_run(hg_dtype type, const wide_steps *steps, int64_t first, int64_t j, int64_t n,
                               const wide_panel *p)
{
    int8_t *tiles = wide_tiles_at(p, first, j, n);
    float *scales = wide_scales_at(p, first, j);
    if (WIDE_KEEPS && hg_wide_kept_holds(type))
        kept_unpack_run(type, steps, tiles, scales, wide_kept_at(p, first, j));
    else
        wide_unpack_run(type, steps, tiles, scales);
}

/* Rows `first` to first + 15; beyond the last row it is repeated. The next 16 are asked for meanwhile. */
SIMD_INLINE void wide_pack_rows(hg_dtype type, const wide_weights *w, int64_t first, const wide_panel *p)
{
    wide_group rows;
    for (int64_t r = 0; r < HG_WIDE_TILE_ROWS; r++)
        rows.row[r] = w->w + (size_t)(first + r < w->n ? first + r : w->n - 1) * w->row_bytes;
    _Alignas(64) uint8_t run[WIDE_RUN_BYTES];
    const size_t share = hg_dtype_span(type, HG_WIDE_TILE_ROWS * HG_WIDE_RUN);
    uintptr_t next = (uintptr_t)rows.row[0] + HG_WIDE_TILE_ROWS * w->row_bytes;
    for (int64_t j = 0; j < w->k; j += HG_WIDE_RUN, next += share) {
        const int64_t n = hg_wide_run_length(w->k, j);
        simd_prefetch_lines(next, share);
        const wide_steps steps = wide_turn_run(type, n, &rows, run);
        wide_pack_run(type, &steps, first, j, n, p);
    }
}

/* Bytes ahead that are asked for. */
#define WIDE_AHEAD 4096

SIMD_INLINE void wide_pack_interleaved(hg_dtype type, const wide_weights *w, int64_t first,
                                       const wide_panel *p)
{
    const int64_t columns = hg_interleave_columns(type);
    wide_steps steps = {w->w + (size_t)first * w->row_bytes, hg_dtype_span(type, HG_WIDE_TILE_ROWS * columns),
                        0};
    for (int64_t j = 0; j < w->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(w->k, j);
        steps.count = (int)(n / columns);
        simd_prefetch_lines((uintptr_t)steps.at + WIDE_AHEAD, (size_t)steps.count * steps.bytes);
        wide_pack_run(type, &steps, first, j, n, p);
        steps.at += (size_t)steps.count * steps.bytes;
    }
}

/* 16 rows. */
static void wide_kept_nothing(wide_kept *kept)
{
    const size_t bytes = HG_WIDE_TILE_ROWS * sizeof(int32_t);
    for (int i = 0; i < HG_WIDE_SUMS; i++)
        memset(kept->factor[i], 0, bytes);
    for (int i = 0; i < HG_WIDE_SUMS / 2; i++)
        memset(kept->offset[i], 0, bytes);
    memset(kept->minimum, 0, bytes);
}

/* What is missing to a pair. */
static void wide_pack_nothing(int64_t k, int64_t first, const wide_panel *p)
{
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(k, j);
        int8_t *tile = wide_tiles_at(p, first, j, n);
        for (int64_t i = 0; i < n; i += HG_WIDE_TILE_COLUMNS, tile += WIDE_APART)
            memset(tile, 0, HG_WIDE_TILE_BYTES);
        memset(wide_scales_at(p, first, j), 0, HG_WIDE_TILE_ROWS * sizeof(float));
        if (p->kept != NULL)
            wide_kept_nothing(wide_kept_at(p, first, j));
    }
}

/* `scratch`: hg_wide_scratch(HG_WIDE_PANEL, k) bytes. */
static wide_panel wide_pack(const wide_weights *w, void *scratch)
{
    const int64_t padded = hg_wide_up(w->k, HG_WIDE_TILE_COLUMNS),
                  pairs = hg_wide_up(w->n, WIDE_PAIR) / WIDE_PAIR;
    float *scales = (float *)(void *)((int8_t *)scratch + HG_WIDE_PANEL * padded);
    void *behind = scales + HG_WIDE_PANEL * hg_wide_runs(w->k);
    const wide_panel p = {scratch, scales, pairs, WIDE_KEEPS && hg_wide_kept_holds(w->type) ? behind : NULL};
    for (int64_t i = 0; i < pairs * WIDE_PAIR; i += HG_WIDE_TILE_ROWS) {
        if (i >= w->n) {
            wide_pack_nothing(w->k, i, &p);
        } else if (w->interleaved) {
            SIMD_FOR_TYPE(w->type, wide_pack_interleaved, w, i, &p)
        } else {
            SIMD_FOR_TYPE(w->type, wide_pack_rows, w, i, &p)
        }
    }
    return p;
}

/* A panel of weights, and the rows of x that it is multiplied with. */
typedef struct wide_term {
    wide_panel panel;
    const hg_wide *x;
} wide_term;

/* What is multiplied, and added up: a panel of each term. */
typedef struct wide_product {
    wide_term terms[HG_WIDE_TERMS];
    int n_terms;
    int64_t t; /* rows of x */
} wide_product;

/* Rows `first` to first + n - 1, at most HG_WIDE_PANEL, of gemm_wide's arguments. */
static wide_product wide_product_make(int64_t first, int64_t n, const hg_wide_term *terms, int n_terms,
                                      uint8_t *scratch)
{
    wide_product p = {.n_terms = n_terms, .t = terms[0].x->t};
    for (int i = 0; i < n_terms; i++) {
        const hg_wide_term *term = &terms[i];
        const int64_t row = term->interleaved ? term->x->k : term->ldw;
        const size_t bytes = hg_dtype_span(term->type, row);
        const wide_weights w = {
            term->type, term->interleaved, n, term->x->k, (const uint8_t *)term->w + (size_t)first * bytes,
            bytes};
        p.terms[i] = (wide_term){wide_pack(&w, scratch), term->x};
        scratch += hg_wide_scratch(HG_WIDE_PANEL, term->x->k);
    }
    return p;
}

#endif
