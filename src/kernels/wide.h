/* SPDX-License-Identifier: Apache-2.0
 *
 * wide.h: products in which both sides are 8-bit codes with one scale for every 256 inputs, for processors
 * that sum products of bytes so fast that a scale for every 32 costs much beside them.
 *
 * Activations: as in rounded.h, but with runs of 256. Weights: code · scale is within HG_WIDE_ERROR · scale
 * of the weight, where scale is the largest magnitude that its run's blocks can hold, divided by 127 (q8_0,
 * q4_k), 128 (q4_0, q6_k). A run whose blocks share one scale keeps its codes as they are (q8_0, q4_0, q6_k).
 * wide_weights.h says how they come about. Sums of codes are whole numbers and exact; runs are scaled and
 * added in floats, in their order. Where pairs of products of bytes pass through 16 bits, weights of 4 bits
 * keep their codes instead: wide_kept.h.
 */
#ifndef HG_KERNELS_WIDE_H
#define HG_KERNELS_WIDE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HG_WIDE_RUN 256
#define HG_WIDE_SUMS (HG_WIDE_RUN / 32)

/* Half a unit, and what is lost with factors of 16 bits: most in q8_0. */
#define HG_WIDE_ERROR 0.76

/* Layouts are padded to a multiple of so many rows of x. */
#define HG_WIDE_ROWS 32

/* The fewest rows of x that are worth it: with matrix registers, which take 32 in any case, and without,
 * where it is unpacking that few rows wait for. q4_0's is fast the finer way, too. */
#define HG_WIDE_LEAST 32
#define HG_WIDE_LEAST_Q4_K 9
#define HG_WIDE_LEAST_Q4_0 24

/* What a matrix register holds of x; without one, the order is the same. */
#define HG_WIDE_TILE_ROWS 16
#define HG_WIDE_TILE_COLUMNS 64
#define HG_WIDE_TILE_BYTES (HG_WIDE_TILE_ROWS * HG_WIDE_TILE_COLUMNS)
#define HG_WIDE_APART (HG_WIDE_ROWS * HG_WIDE_TILE_COLUMNS) /* bytes from a row's tile to its next */

/* Weight rows that are unpacked together, and the most that a kernel takes at a time. */
#define HG_WIDE_PANEL 64
#define HG_WIDE_MOST 256

/* T rows of K activations, K a multiple of 32. */
typedef struct hg_wide {
    int64_t t, k;
    int8_t *codes; /* in -127..127; (pairs of tiles of rows, tiles of columns, 2, 16, 64): see hg_wide_code */
    float *scales; /* (runs, T up to whole HG_WIDE_ROWS); not a number where x is not finite */
    int32_t *minus; /* as scales: -128 times the sum of a run's codes, which a sum begins with where weights
                       are multiplied as unsigned bytes, code + 128 */
    int16_t *sums;  /* (runs, T up to whole HG_WIDE_ROWS, HG_WIDE_SUMS): of 32 codes each; where weights of 4
                       bits keep their codes */
    int64_t ld;     /* scales from run to run */
} hg_wide;

static inline int64_t hg_wide_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static inline int64_t hg_wide_runs(int64_t k)
{
    return (k + HG_WIDE_RUN - 1) / HG_WIDE_RUN;
}

/* The run's length at column j, the first of the run. */
static inline int64_t hg_wide_run_length(int64_t k, int64_t j)
{
    return k - j < HG_WIDE_RUN ? k - j : HG_WIDE_RUN;
}

/* Bytes that the codes and all of it take, for memory at a multiple of 64. */
static inline size_t hg_wide_code_bytes(int64_t t, int64_t k)
{
    return (size_t)hg_wide_up(t, HG_WIDE_ROWS) * (size_t)hg_wide_up(k, HG_WIDE_TILE_COLUMNS);
}

static inline size_t hg_wide_bytes(int64_t t, int64_t k)
{
    const size_t run = sizeof(float) + sizeof(int32_t) + HG_WIDE_SUMS * sizeof(int16_t);
    return hg_wide_code_bytes(t, k) + (size_t)hg_wide_up(t, HG_WIDE_ROWS) * (size_t)hg_wide_runs(k) * run;
}

/* Zeros beyond the last row; what is beyond the last column is the rounding's to clear. */
static inline hg_wide hg_wide_make(int64_t t, int64_t k, void *memory)
{
    int64_t whole = t / HG_WIDE_ROWS * HG_WIDE_ROWS, ld = hg_wide_up(t, HG_WIDE_ROWS);
    size_t before = hg_wide_code_bytes(whole, k), bytes = hg_wide_code_bytes(t, k);
    float *scales = (float *)(void *)((int8_t *)memory + bytes);
    int32_t *minus = (int32_t *)(void *)(scales + ld * hg_wide_runs(k));
    int16_t *sums = (int16_t *)(void *)(minus + ld * hg_wide_runs(k));
    hg_wide w = {t, k, memory, scales, minus, sums, ld};
    memset(w.codes + before, 0, bytes - before);
    memset(w.scales, 0, hg_wide_bytes(t, k) - bytes);
    return w;
}

/* The scale of a run of x with this largest magnitude, and the factor that makes it codes. */
static inline float hg_wide_x_scale(float largest, float *factor)
{
    bool zeros = largest < 0x1p-100F; /* 127 / largest would leave float's range */
    *factor = isfinite(largest) && !zeros ? 127 / largest : 0;
    return !isfinite(largest) ? NAN : zeros ? 0 : largest / 127;
}

/* Where column j of row t lies; as far as a tile reaches, the next columns follow. */
static inline int8_t *hg_wide_code(const hg_wide *w, int64_t t, int64_t j)
{
    int64_t tiles = hg_wide_up(w->k, HG_WIDE_TILE_COLUMNS) / HG_WIDE_TILE_COLUMNS;
    int64_t pair = t / HG_WIDE_ROWS * tiles + j / HG_WIDE_TILE_COLUMNS;
    return w->codes + (pair * HG_WIDE_ROWS + t % HG_WIDE_ROWS) * HG_WIDE_TILE_COLUMNS +
           j % HG_WIDE_TILE_COLUMNS;
}

static inline float *hg_wide_scale(const hg_wide *w, int64_t t, int64_t run)
{
    return w->scales + run * w->ld + t;
}

static inline int32_t *hg_wide_minus(const hg_wide *w, int64_t t, int64_t run)
{
    return w->minus + run * w->ld + t;
}

static inline int16_t *hg_wide_sums(const hg_wide *w, int64_t t, int64_t run)
{
    return w->sums + (run * w->ld + t) * HG_WIDE_SUMS;
}

/* `count` rows from row `first` on, a multiple of HG_WIDE_ROWS. */
static inline hg_wide hg_wide_rows(const hg_wide *w, int64_t first, int64_t count)
{
    return (hg_wide){count,
                     w->k,
                     hg_wide_code(w, first, 0),
                     w->scales + first,
                     w->minus + first,
                     hg_wide_sums(w, first, 0),
                     w->ld};
}

/* The weights for which many rows of x should go this way: none, those whose own 4 bits round so much more
 * that nothing of it is seen, or all. */
typedef enum hg_wide_use { HG_WIDE_NONE, HG_WIDE_4_BITS, HG_WIDE_ALL } hg_wide_use;

/* Bytes that the kernels need for n rows of weights: a run's scale, and where codes are kept a second one,
 * with a number of 32 bits for every 32 inputs and one for every 64. */
static inline size_t hg_wide_scratch(int64_t n, int64_t k)
{
    const size_t run = 2 * sizeof(float) + (HG_WIDE_SUMS + HG_WIDE_SUMS / 2) * sizeof(int32_t);
    return (size_t)hg_wide_up(n, HG_WIDE_PANEL) *
           ((size_t)hg_wide_up(k, HG_WIDE_TILE_COLUMNS) + (size_t)hg_wide_runs(k) * run);
}

#endif
