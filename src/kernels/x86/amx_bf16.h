/* SPDX-License-Identifier: Apache-2.0
 *
 * amx_bf16.h: products of bf16 with tiles, of the sizes that attention has: a few hundred inputs and outputs.
 * oneDNN, which has the others, needs longer to begin such a product than tiles do to make it.
 *
 * Rows of x are the left factor as they are, 16 rows by 32 inputs a tile. w is the right one, which needs two
 * inputs of each output side by side: 32 outputs with all inputs are packed at a time. 2 x 1 tiles of sums
 * stay in registers over all inputs, begin with y or zeros, and go there; at the edges, to a place of their
 * own.
 */
#ifndef HG_KERNELS_AMX_BF16_H
#define HG_KERNELS_AMX_BF16_H

#include "kernels/onednn_bf16.h"
#include "kernels/x86/amx_tiles.h"
#include "kernels/x86/wide_turn.h"

#define BF16_SIDE 32    /* rows of x, and outputs, that are multiplied together: two tiles of either */
#define BF16_STEP 32    /* inputs of a tile */
#define BF16_MOST_K 640 /* inputs, whose panel fits the first-level cache */
#define BF16_MOST_N 640 /* outputs, for which x is read as many times as they are panels */
#define BF16_TILE (AMX_TILE_ROWS * BF16_STEP)

/* BF16_SIDE outputs: (steps, 2, 16, 16, 2). */
typedef struct bf16_panel {
    _Alignas(64) uint16_t tiles[BF16_MOST_K / BF16_STEP][2][BF16_TILE];
} bf16_panel;

/* A row of w as it is stored, as far as it reaches, then zeros. */
typedef WIDE_VECTOR(uint16_t, BF16_STEP) bf16_row;

static void bf16_row_load(bf16_row *row, const uint16_t *from, int64_t count)
{
    *row = (bf16_row){0};
    if (count >= BF16_STEP)
        memcpy(row, from, sizeof *row);
    else if (count > 0)
        memcpy(row, from, (size_t)count * sizeof *from);
}

static int64_t bf16_left(int64_t n, int64_t begin)
{
    return n - begin < BF16_SIDE ? n - begin : BF16_SIDE;
}

/* A step of w (k, n): each two rows of inputs, output by output. */
static void bf16_pack_plain(const hg_bf16_product *s, const uint16_t *w, int64_t first, int64_t l,
                            uint16_t (*tiles)[BF16_TILE])
{
    const int64_t n = bf16_left(s->n, first);
    for (int64_t i = 0; i < BF16_STEP; i += 2) {
        bf16_row a, b, low, high;
        bf16_row_load(&a, w + (l + i) * s->ldw + first, l + i < s->k ? n : 0);
        bf16_row_load(&b, w + (l + i + 1) * s->ldw + first, l + i + 1 < s->k ? n : 0);
        low = __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9,
                                      41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
        high = __builtin_shufflevector(a, b, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
                                       24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
        memcpy(tiles[0] + i * AMX_TILE_ROWS, &low, sizeof low);
        memcpy(tiles[1] + i * AMX_TILE_ROWS, &high, sizeof high);
    }
}

/* A step of w (n, k): 16 outputs' pairs of inputs, the other way round. */
static void bf16_pack_turned(const hg_bf16_product *s, const uint16_t *w, int64_t first, int64_t l,
                             uint16_t (*tiles)[BF16_TILE])
{
    for (int64_t tile = 0; tile < 2; tile++) {
        wide_row rows[AMX_TILE_ROWS];
        for (int64_t i = 0; i < AMX_TILE_ROWS; i++) {
            const int64_t output = first + tile * AMX_TILE_ROWS + i;
            bf16_row row;
            bf16_row_load(&row, w + output * s->ldw + l, output < s->n ? s->k - l : 0);
            memcpy(&rows[i], &row, sizeof row);
        }
        wide_transpose(rows);
        memcpy(tiles[tile], rows, sizeof rows);
    }
}

static void bf16_pack(const hg_bf16_product *s, const uint16_t *w, int64_t first, bf16_panel *panel)
{
    for (int64_t l = 0; l < s->k; l += BF16_STEP) {
        if (s->plain_w)
            bf16_pack_plain(s, w, first, l, panel->tiles[l / BF16_STEP]);
        else
            bf16_pack_turned(s, w, first, l, panel->tiles[l / BF16_STEP]);
    }
}

/* Rows of x and a panel, and where their sums begin and go. */
typedef struct bf16_block {
    const uint16_t *x;
    int64_t ldx; /* elements */
    const bf16_panel *panel;
    int64_t steps;
    float *y;
    int64_t ldy;
    bool add;
} bf16_block;

/* 32 rows by one of the panel's tiles, in four registers, for the reason that amx_orders.h has its narrow
 * order for. */
static void bf16_multiply_half(amx_tiles *tiles, const bf16_block *b, int half)
{
    const int64_t x_bytes = b->ldx * (int64_t)sizeof *b->x, y_bytes = b->ldy * (int64_t)sizeof *b->y;
    float *y[2] = {b->y + half * AMX_TILE_ROWS, b->y + half * AMX_TILE_ROWS + AMX_TILE_ROWS * b->ldy};
    if (b->add) {
        AMX_LOAD(tiles, 0, y[0], y_bytes);
        AMX_LOAD(tiles, 1, y[1], y_bytes);
    } else {
        AMX_ZERO(tiles, 0);
        AMX_ZERO(tiles, 1);
    }
    for (int64_t i = 0; i < b->steps; i++) {
        const uint16_t *x = b->x + i * BF16_STEP;
        AMX_LOAD(tiles, 6, b->panel->tiles[i][half], AMX_TILE_ROW_BYTES);
        AMX_LOAD(tiles, 4, x, x_bytes);
        AMX_DOT_BF16(tiles, 0, 4, 6);
        AMX_LOAD(tiles, 4, x + AMX_TILE_ROWS * b->ldx, x_bytes);
        AMX_DOT_BF16(tiles, 1, 4, 6);
    }
    AMX_STORE(tiles, 0, y[0], y_bytes);
    AMX_STORE(tiles, 1, y[1], y_bytes);
}

static void bf16_multiply(amx_tiles *tiles, const bf16_block *b)
{
    bf16_multiply_half(tiles, b, 0);
    bf16_multiply_half(tiles, b, 1);
}

/* What an edge needs: rows of x with zeros behind and below them, and a block of sums. */
typedef struct bf16_edge {
    _Alignas(64) uint16_t x[BF16_SIDE][BF16_MOST_K];
    _Alignas(64) float y[BF16_SIDE][BF16_SIDE];
} bf16_edge;

static void bf16_edge_x(bf16_edge *edge, const hg_bf16_product *s, const uint16_t *x, int64_t count)
{
    memset(edge->x, 0, sizeof edge->x);
    for (int64_t i = 0; i < count; i++)
        memcpy(edge->x[i], x + i * s->ldx, (size_t)s->k * sizeof *x);
}

/* m rows and n columns of a block's sums to y. */
static void bf16_edge_y(const bf16_edge *edge, int64_t m, int64_t n, bool add, float *y, int64_t ldy)
{
    for (int64_t i = 0; i < m; i++, y += ldy) {
        for (int64_t j = 0; j < n; j++)
            y[j] = add ? y[j] + edge->y[i][j] : edge->y[i][j];
    }
}

/* Rows t and the next of x by a panel, to column `first` of y and the next. */
static void bf16_rows_times(amx_tiles *tiles, const hg_bf16_product *s, const uint16_t *x, int64_t t,
                            const bf16_panel *panel, int64_t first, float *y, bf16_edge *edge)
{
    const int64_t m = bf16_left(s->m, t), n = bf16_left(s->n, first);
    const bool add = s->end == HG_BF16_END_ADD, is_whole = m == BF16_SIDE && n == BF16_SIDE;
    float *to = y + t * s->ldy + first;
    bf16_block b = {x + t * s->ldx, s->ldx, panel, (s->k + BF16_STEP - 1) / BF16_STEP, to, s->ldy, add};
    if (m < BF16_SIDE || s->k % BF16_STEP != 0) {
        bf16_edge_x(edge, s, b.x, m);
        b.x = edge->x[0];
        b.ldx = BF16_MOST_K;
    }
    if (!is_whole) {
        b.y = edge->y[0];
        b.ldy = BF16_SIDE;
        b.add = false;
    }
    bf16_multiply(tiles, &b);
    if (!is_whole)
        bf16_edge_y(edge, m, n, add, to, s->ldy);
}

static void amx_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w, const hg_real *bias,
                          void *y)
{
    if (s->to_bf16 || bias != NULL || (s->end != HG_BF16_END_STORE && s->end != HG_BF16_END_ADD) ||
        s->k > BF16_MOST_K || s->n > BF16_MOST_N) {
        hg_onednn_gemm_bf16(s, x, w, bias, y);
        return;
    }
    bf16_panel panel;
    bf16_edge edge;
    amx_tiles tiles;
    amx_open(&tiles, &amx_whole);
    for (int64_t first = 0; first < s->n; first += BF16_SIDE) {
        bf16_pack(s, w, first, &panel);
        for (int64_t t = 0; t < s->m; t += BF16_SIDE)
            bf16_rows_times(&tiles, s, x, t, &panel, first, y, &edge);
    }
    amx_close(&tiles);
}

#endif
