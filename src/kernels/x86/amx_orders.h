/* SPDX-License-Identifier: Apache-2.0
 *
 * amx_orders.h: the product of a pair of tiles of x by a pair of tiles of weights over one run, in two orders
 * of the tile registers. Their sums are the same whole numbers and are added alike, so results are the same
 * bits; kernels_amx.c chooses by time.
 *
 * Square: all of it in four tiles of sums, each tile of factors loaded once. Narrow: 16 weight rows, then the
 * other 16, in two tiles of sums; tiles of x are loaded twice, half of all loads more. Where a core is one's
 * own, square is the faster by a seventh: what the first-level cache delivers is the limit. Where another
 * thread works on the same core, a load into a tile register seems to wait until all readers of its last
 * contents are done, unless few registers are in use (written since they were opened): with four of them
 * loads and multiplications take half of the time they take with eight, and narrow products 0.7 of square
 * ones.
 *
 * A product's sums stay in the registers until the next one's first step: then they are stored one by one,
 * each before the next product needs its place, and scaled and added to floats between its later steps.
 */
#ifndef HG_KERNELS_AMX_ORDERS_H
#define HG_KERNELS_AMX_ORDERS_H

#include "kernels/x86/amx_tiles.h"
#include "kernels/x86/wide_pack.h"

#define AMX_BLOCK 64 /* rows of x whose sums are kept together */
#define AMX_PAIRS (AMX_BLOCK / WIDE_PAIR)
#define AMX_W_PAIRS (HG_WIDE_PANEL / WIDE_PAIR)

/* Sums of a block by a panel. Those of a pair by a pair lie in a page of their own: in rows of a whole panel,
 * as results have them, products took 1.06 of the time and more. */
typedef struct amx_sums {
    _Alignas(4096) float of[AMX_PAIRS][AMX_W_PAIRS][WIDE_PAIR][WIDE_PAIR];
    int32_t last[WIDE_PAIR * WIDE_PAIR]; /* of a product, as the registers had them: rows of its columns */
} amx_sums;

/* Where the sums of a product go, in rows WIDE_PAIR apart, and their scales. */
typedef struct amx_part {
    const float *x_scales, *w_scales;
    float *to; /* NULL: nowhere */
} amx_part;

/* A block's products, one after the other. */
typedef struct amx_flow {
    amx_part last; /* of the product whose sums are in the registers */
    amx_sums *sums;
} amx_flow;

/* The factors of a run's product: two tiles of x and two of weights, `steps` times. */
typedef struct amx_factors {
    const int8_t *x, *w;
    int steps;
    const int8_t *ahead; /* of x's next run, what a product asks for: AMX_AHEAD bytes */
} amx_factors;

/* A pair of rows of x is multiplied with AMX_W_PAIRS pairs of weights, each of which asks for its share. */
#define AMX_AHEAD (HG_WIDE_RUN * WIDE_PAIR / AMX_W_PAIRS)

typedef enum amx_order { AMX_SQUARE, AMX_NARROW } amx_order;

/* ---- sums ---- */

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

/* Adds `count` of the stored rows of so many columns from `begin` on. */
SIMD_INLINE void amx_add(const amx_flow *flow, int columns, int begin, int count)
{
    const amx_part part = flow->last;
    const int32_t *from = flow->sums->last + begin * columns;
    const float *x_scales = part.x_scales + begin;
    float *to = part.to + begin * WIDE_PAIR;
    hg_wide_floats w_scales[WIDE_PAIR / HG_WIDE_PARTS];
    for (int i = 0; i < columns / HG_WIDE_PARTS; i++)
        memcpy(&w_scales[i], part.w_scales + i * HG_WIDE_PARTS, sizeof w_scales[i]);
    for (int t = 0; t < count; t++) {
        for (int i = 0; i < columns / HG_WIDE_PARTS; i++) {
            const hg_wide_floats scale = w_scales[i] * x_scales[t];
            amx_add_lanes(from + t * columns + i * HG_WIDE_PARTS, &scale,
                          to + t * WIDE_PAIR + i * HG_WIDE_PARTS);
        }
    }
}

/* Rows that are added behind each step but the first, where a run has four. */
#define AMX_ADDED 11

/* So many of the last product's rows are added when step s of this one is done. */
SIMD_INLINE int amx_due(int s, int steps)
{
    return s == steps - 1 ? WIDE_PAIR : s < 0 ? 0 : s * AMX_ADDED;
}

SIMD_INLINE void amx_add_due(const amx_flow *flow, int columns, int s, int steps)
{
    const int begin = amx_due(s - 1, steps);
    if (flow->last.to != NULL)
        amx_add(flow, columns, begin, amx_due(s, steps) - begin);
}

/* ---- square ---- */

/* Tile i of two by two. */
#define AMX_STORE_SQUARE(tiles, i, flow)                                                                     \
    AMX_STORE(tiles, i, (flow)->sums->last + (i) / 2 * AMX_TILE_ROWS * WIDE_PAIR + (i) % 2 * AMX_TILE_ROWS,  \
              WIDE_PAIR * sizeof(int32_t))

/* A store waits until a product is done; others are under way meanwhile. */
SIMD_INLINE void amx_square_begin(amx_tiles *tiles, const int8_t *x, const int8_t *w, amx_flow *flow)
{
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_LOAD_ONCE(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_STORE_SQUARE(tiles, 0, flow);
    AMX_ZERO(tiles, 0);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD_ONCE(tiles, 7, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_STORE_SQUARE(tiles, 1, flow);
    AMX_ZERO(tiles, 1);
    AMX_DOT(tiles, 1, 4, 7);
    AMX_LOAD(tiles, 5, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_STORE_SQUARE(tiles, 2, flow);
    AMX_ZERO(tiles, 2);
    AMX_DOT(tiles, 2, 5, 6);
    AMX_STORE_SQUARE(tiles, 3, flow);
    AMX_ZERO(tiles, 3);
    AMX_DOT(tiles, 3, 5, 7);
}

SIMD_INLINE void amx_square_step(amx_tiles *tiles, const int8_t *x, const int8_t *w)
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

SIMD_INLINE void amx_square(amx_tiles *tiles, const amx_factors *f, const amx_part *part, amx_flow *flow)
{
    amx_square_begin(tiles, f->x, f->w, flow);
    for (int s = 0; s < f->steps; s++) {
        if (s > 0)
            amx_square_step(tiles, f->x + (ptrdiff_t)s * HG_WIDE_APART, f->w + (ptrdiff_t)s * WIDE_APART);
        amx_add_due(flow, WIDE_PAIR, s, f->steps);
    }
    flow->last = *part;
}

/* ---- narrow ---- */

/* Tile i of two by one. */
#define AMX_STORE_NARROW(tiles, i, flow)                                                                     \
    AMX_STORE(tiles, i, (flow)->sums->last + (i)*AMX_TILE_ROWS * HG_WIDE_PARTS, AMX_TILE_ROW_BYTES)

SIMD_INLINE void amx_narrow_begin(amx_tiles *tiles, const int8_t *x, const int8_t *w, amx_flow *flow)
{
    AMX_LOAD(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_STORE_NARROW(tiles, 0, flow);
    AMX_ZERO(tiles, 0);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD(tiles, 4, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_STORE_NARROW(tiles, 1, flow);
    AMX_ZERO(tiles, 1);
    AMX_DOT(tiles, 1, 4, 6);
}

SIMD_INLINE void amx_narrow_step(amx_tiles *tiles, const int8_t *x, const int8_t *w)
{
    AMX_LOAD(tiles, 6, w, AMX_TILE_ROW_BYTES);
    AMX_LOAD(tiles, 4, x, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 0, 4, 6);
    AMX_LOAD(tiles, 4, x + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
    AMX_DOT(tiles, 1, 4, 6);
}

/* One of four shares of bytes. */
SIMD_INLINE void amx_ask(const int8_t *p, int share, int bytes)
{
    for (int i = 0; i < bytes / 4; i += AMX_TILE_ROW_BYTES)
        simd_prefetch_at(p, (uintptr_t)(share * bytes / 4 + i));
}

/* One of the two tiles of weights. */
SIMD_INLINE void amx_narrow_half(amx_tiles *tiles, const amx_factors *f, int half, amx_flow *flow)
{
    const int8_t *w = f->w + (ptrdiff_t)half * AMX_TILE_BYTES,
                 *ahead = f->ahead + (ptrdiff_t)half * AMX_AHEAD / 2;
    amx_narrow_begin(tiles, f->x, w, flow);
    for (int s = 0; s < f->steps; s++) {
        if (s > 0)
            amx_narrow_step(tiles, f->x + (ptrdiff_t)s * HG_WIDE_APART, w + (ptrdiff_t)s * WIDE_APART);
        amx_ask(ahead, s, AMX_AHEAD / 2);
        amx_add_due(flow, HG_WIDE_PARTS, s, f->steps);
    }
}

SIMD_INLINE void amx_narrow(amx_tiles *tiles, const amx_factors *f, const amx_part *part, amx_flow *flow)
{
    for (int half = 0; half < 2; half++) {
        amx_narrow_half(tiles, f, half, flow);
        flow->last = (amx_part){part->x_scales, part->w_scales + half * HG_WIDE_PARTS,
                                part->to + half * HG_WIDE_PARTS};
    }
}

/* ---- either ---- */

SIMD_INLINE void amx_multiply(amx_order order, amx_tiles *tiles, const amx_factors *f, const amx_part *part,
                              amx_flow *flow)
{
    if (order == AMX_SQUARE)
        amx_square(tiles, f, part, flow);
    else
        amx_narrow(tiles, f, part, flow);
}

/* What the registers have is added; then the next product may be in another order. */
static void amx_end(amx_order order, amx_tiles *tiles, amx_flow *flow)
{
    if (flow->last.to == NULL)
        return;
    if (order == AMX_SQUARE) {
        AMX_STORE_SQUARE(tiles, 0, flow);
        AMX_STORE_SQUARE(tiles, 1, flow);
        AMX_STORE_SQUARE(tiles, 2, flow);
        AMX_STORE_SQUARE(tiles, 3, flow);
        amx_add(flow, WIDE_PAIR, 0, WIDE_PAIR);
    } else {
        AMX_STORE_NARROW(tiles, 0, flow);
        AMX_STORE_NARROW(tiles, 1, flow);
        amx_add(flow, HG_WIDE_PARTS, 0, WIDE_PAIR);
    }
    flow->last.to = NULL;
}

#endif
