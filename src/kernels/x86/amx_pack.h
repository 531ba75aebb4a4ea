/* SPDX-License-Identifier: Apache-2.0
 *
 * amx_pack.h: a panel of weight rows as tiles. For each run of 256 columns pairs of 16 rows lie one behind
 * the other, each with a tile of either 16 for every 64 columns: what a product reads is one piece of memory.
 */
#ifndef HG_KERNELS_AMX_PACK_H
#define HG_KERNELS_AMX_PACK_H

#include "kernels/simd/simd_types.h"
#include "kernels/x86/amx_lanes.h"
#include "kernels/x86/amx_tiles.h"
#include "tensor/quant_blocks.h"

#define AMX_PAIR (2 * AMX_TILE_ROWS) /* rows of either factor that are multiplied together */

static_assert(AMX_APART == 2 * AMX_TILE_BYTES, "the tiles of a pair lie side by side");

/* Weights as gemm_wide has them, or interleaved. */
typedef struct amx_weights {
    hg_dtype type;
    bool interleaved;
    int64_t n, k;
    const uint8_t *w;
    size_t row_bytes;
} amx_weights;

/* HG_WIDE_PANEL weight rows. */
typedef struct amx_panel {
    int8_t *codes; /* (runs, pairs, tiles of columns in the run, 2, 16, 16, 4) */
    float *scales; /* (runs, HG_WIDE_PANEL) */
    int64_t pairs;
} amx_panel;

/* The tiles of a pair's run of n columns from j on. */
static int8_t *amx_panel_at(const amx_panel *p, int64_t pair, int64_t j, int64_t n)
{
    return p->codes + (p->pairs * j + pair * hg_wide_up(n, AMX_TILE_ROW_BYTES)) * AMX_PAIR;
}

/* Where a run of n columns from j on of rows `first` to first + 15 goes. */
static int8_t *amx_tiles_at(const amx_panel *p, int64_t first, int64_t j, int64_t n)
{
    return amx_panel_at(p, first / AMX_PAIR, j, n) + first % AMX_PAIR * AMX_TILE_ROW_BYTES;
}

static float *amx_scales_at(const amx_panel *p, int64_t first, int64_t j)
{
    return p->scales + j / HG_WIDE_RUN * HG_WIDE_PANEL + first;
}

/* ---- from rows to the interleaved order ---- */

typedef AMX_VECTOR(float, AMX_TILE_ROWS) amx_row;

/* Transposes 16 x 16 by four shuffles of its rows like a pack of cards, first half and second half in turns:
 * each takes one bit of an element's index round, from the row's number to the column's. */
static void amx_transpose(amx_row rows[AMX_TILE_ROWS])
{
    for (int time = 0; time < 4; time++) {
        amx_row to[AMX_TILE_ROWS];
        for (int i = 0; i < AMX_TILE_ROWS / 2; i++) {
            amx_row a = rows[i], b = rows[AMX_TILE_ROWS / 2 + i];
            to[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[2 * i + 1] =
                __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(rows, to, sizeof to);
    }
}

/* 16 rows of blocks. */
typedef struct amx_group {
    const uint8_t *row[AMX_TILE_ROWS];
} amx_group;

/* n words that follow each other in all rows, from byte `from` on, to words `word` and on of a step. */
SIMD_INLINE void amx_turn_words(const amx_group *rows, size_t from, int n, int word, uint8_t *step)
{
    amx_row square[AMX_TILE_ROWS] = {{0}};
    for (int r = 0; r < AMX_TILE_ROWS; r++)
        memcpy(&square[r], rows->row[r] + from, (size_t)n * 4);
    amx_transpose(square);
    memcpy(step + HG_INTERLEAVE_HEAD + (size_t)word * AMX_LINE, square, (size_t)n * AMX_LINE);
}

SIMD_INLINE void amx_turn_heads(const amx_group *rows, size_t from, int head, uint8_t *step)
{
    for (int r = 0; r < AMX_TILE_ROWS; r++)
        memcpy(step + (size_t)(head * AMX_TILE_ROWS + r) * 2, rows->row[r] + from, 2);
}

/* Blocks of 32 columns, one or two of them; where there is no second one, its scale is 0. */
SIMD_INLINE void amx_turn_short(hg_dtype type, const amx_group *rows, int n, uint8_t *step)
{
    const size_t bytes = type == HG_DTYPE_Q8_0 ? sizeof(hg_block_q8_0) : sizeof(hg_block_q4_0);
    const int words = (int)(bytes - 2) / 4;
    memset(step, 0, HG_INTERLEAVE_HEAD + 2 * (size_t)words * AMX_LINE);
    for (int i = 0; i < n; i++) {
        amx_turn_heads(rows, (size_t)i * bytes, i, step);
        amx_turn_words(rows, (size_t)i * bytes + 2, words, i * words, step);
    }
}

SIMD_INLINE void amx_turn_q4_k(const amx_group *rows, uint8_t *step)
{
    amx_turn_heads(rows, 0, 0, step);
    amx_turn_heads(rows, 2, 1, step);
    amx_turn_words(rows, 4, 16, 0, step);
    amx_turn_words(rows, 68, 16, 16, step);
    amx_turn_words(rows, 132, 3, 32, step);
}

SIMD_INLINE void amx_turn_q6_k(const amx_group *rows, uint8_t *step)
{
    amx_turn_heads(rows, offsetof(hg_block_q6_k, scale), 0, step);
    for (int i = 0; i < 48; i += 16)
        amx_turn_words(rows, (size_t)i * 4, 16, i, step);
    amx_turn_words(rows, 192, 4, AMX_Q6_K_SCALES, step);
}

/* Bytes of a run in the interleaved order: q8_0 has most. */
#define AMX_RUN_BYTES (4 * (HG_INTERLEAVE_HEAD + 16 * AMX_LINE))
static_assert(AMX_RUN_BYTES >= HG_INTERLEAVE_HEAD + AMX_Q6_K_WORDS * AMX_LINE, "q6_k has less");

/* A run of n columns; moves the rows on. */
SIMD_INLINE amx_steps amx_turn_run(hg_dtype type, int64_t n, amx_group *rows, uint8_t run[AMX_RUN_BYTES])
{
    if (type == HG_DTYPE_Q4_K)
        amx_turn_q4_k(rows, run);
    else if (type == HG_DTYPE_Q6_K)
        amx_turn_q6_k(rows, run);
    amx_steps steps = {run, AMX_RUN_BYTES / 4, 1};
    if (type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0) {
        steps.count = (int)(hg_wide_up(n, AMX_TILE_ROW_BYTES) / AMX_TILE_ROW_BYTES);
        for (int i = 0; i < steps.count; i++) {
            amx_group step = *rows;
            for (int r = 0; r < AMX_TILE_ROWS; r++)
                step.row[r] += hg_dtype_span(type, AMX_TILE_ROW_BYTES * (int64_t)i);
            amx_turn_short(type, &step, n - AMX_TILE_ROW_BYTES * i > 32 ? 2 : 1,
                           run + (size_t)i * steps.bytes);
        }
    }
    for (int r = 0; r < AMX_TILE_ROWS; r++)
        rows->row[r] += hg_dtype_span(type, n);
    return steps;
}

/* ---- packing ---- */

/* Bytes ahead that are asked for, into the second-level cache: the first takes too few requests at a time. */
#define AMX_AHEAD 4096

/* Rows `first` to first + 15; beyond the last row it is repeated. */
SIMD_INLINE void amx_pack_rows(hg_dtype type, const amx_weights *w, int64_t first, const amx_panel *p)
{
    amx_group rows;
    for (int64_t r = 0; r < AMX_TILE_ROWS; r++)
        rows.row[r] = w->w + (size_t)(first + r < w->n ? first + r : w->n - 1) * w->row_bytes;
    _Alignas(64) uint8_t run[AMX_RUN_BYTES];
    for (int64_t j = 0; j < w->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(w->k, j);
        const amx_steps steps = amx_turn_run(type, n, &rows, run);
        amx_unpack_run(type, &steps, amx_tiles_at(p, first, j, n), amx_scales_at(p, first, j));
    }
}

SIMD_INLINE void amx_pack_interleaved(hg_dtype type, const amx_weights *w, int64_t first, const amx_panel *p)
{
    const int64_t columns = hg_interleave_columns(type);
    amx_steps steps = {w->w + (size_t)first * w->row_bytes, hg_dtype_span(type, AMX_TILE_ROWS * columns), 0};
    for (int64_t j = 0; j < w->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(w->k, j);
        steps.count = (int)(n / columns);
        for (uintptr_t line = 0; line < (size_t)steps.count * steps.bytes; line += 64)
            __builtin_prefetch((const void *)((uintptr_t)steps.at + AMX_AHEAD + line), 0, 2);
        amx_unpack_run(type, &steps, amx_tiles_at(p, first, j, n), amx_scales_at(p, first, j));
        steps.at += (size_t)steps.count * steps.bytes;
    }
}

/* What is missing to a pair. */
static void amx_pack_nothing(int64_t k, int64_t first, const amx_panel *p)
{
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(k, j);
        int8_t *tile = amx_tiles_at(p, first, j, n);
        for (int64_t i = 0; i < n; i += AMX_TILE_ROW_BYTES, tile += AMX_APART)
            memset(tile, 0, AMX_TILE_BYTES);
        memset(amx_scales_at(p, first, j), 0, AMX_TILE_ROWS * sizeof(float));
    }
}

/* `scratch`: hg_wide_scratch(k) bytes. */
static amx_panel amx_pack(const amx_weights *w, void *scratch)
{
    const int64_t padded = hg_wide_up(w->k, AMX_TILE_ROW_BYTES),
                  pairs = hg_wide_up(w->n, AMX_PAIR) / AMX_PAIR;
    amx_panel p = {scratch, (float *)(void *)((int8_t *)scratch + HG_WIDE_PANEL * padded), pairs};
    for (int64_t i = 0; i < pairs * AMX_PAIR; i += AMX_TILE_ROWS) {
        if (i >= w->n) {
            amx_pack_nothing(w->k, i, &p);
        } else if (w->interleaved) {
            SIMD_FOR_TYPE(w->type, amx_pack_interleaved, w, i, &p)
        } else {
            SIMD_FOR_TYPE(w->type, amx_pack_rows, w, i, &p)
        }
    }
    return p;
}

#endif
