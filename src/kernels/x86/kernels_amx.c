/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_amx.c: the tier for AMX: products of wide.h with tiles of 16 x 64 bytes. This file is compiled with
 * AVX-512; without, and with HG_AMX_EMULATED for tiles in plain C, it runs on every processor.
 *
 * Weight rows are the left factor, as they are: 16 rows by 64 columns a tile; rows of x the right one, which
 * needs four columns of each row side by side and is brought into that order once for all weights. Sums then
 * have weight rows by rows of x; they are turned round when they are complete.
 *
 * A run of 256 inputs is four steps of 64, in which 2 x 2 tiles of whole numbers stay in registers; then they
 * are scaled and added to floats. While that is done for one run, the next one's products are under way: they
 * come first in the order of the program. Blocks of 64 weight rows by 64 rows of x keep a run's weights, x
 * and sums in the first-level cache.
 */
#include "kernels/reference/reference.h"
#include "kernels/simd/simd_inline.h"
#include "kernels/simd/simd_types.h"
#include "kernels/wide_weights.h"
#include "kernels/x86/amx_tiles.h"
#include "tensor/interleave.h"

#define AMX_PAIR (2 * AMX_TILE_ROWS) /* rows of either factor that are multiplied together */
#define AMX_BLOCK 64                 /* rows of x whose sums are kept together */

_Static_assert(AMX_TILE_BYTES == HG_WIDE_TILE_BYTES && AMX_PAIR == HG_WIDE_ROWS, "wide.h's order fits tiles");

static const amx_config amx_whole = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* ---- weights ---- */

/* HG_WIDE_PANEL weight rows. */
typedef struct amx_panel {
    int8_t *codes; /* (tiles of columns, rows, 64) */
    float *scales; /* (runs, rows) */
} amx_panel;

/* GNU vectors, which compilers take apart where the processor has shorter ones. */
#define AMX_VECTOR(type, n) type __attribute__((vector_size((n) * sizeof(type))))
typedef AMX_VECTOR(uint8_t, 16) amx_bytes16;
typedef AMX_VECTOR(uint8_t, 32) amx_bytes32;
typedef AMX_VECTOR(uint8_t, 64) amx_bytes64;
typedef AMX_VECTOR(uint16_t, 32) amx_halves;

#define AMX_8(i) i, i, i, i, i, i, i, i
#define AMX_UP(i)                                                                                            \
    i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8, i + 9, i + 10, i + 11, i + 12, i + 13,        \
        i + 14, i + 15
/* Each of four lanes eight times; quarters a and b of a vector, each twice; all of two vectors. */
#define AMX_FOUR(x, a, b, c, d) __builtin_shufflevector(x, x, AMX_8(a), AMX_8(b), AMX_8(c), AMX_8(d))
#define AMX_TWICE(x, a, b) __builtin_shufflevector(x, x, AMX_UP(a), AMX_UP(a), AMX_UP(b), AMX_UP(b))
#define AMX_JOIN16(a, b) __builtin_shufflevector(a, b, AMX_UP(0), AMX_UP(16))
#define AMX_JOIN32(a, b) __builtin_shufflevector(a, b, AMX_UP(0), AMX_UP(16), AMX_UP(32), AMX_UP(48))

/* The first lanes of a, the last of b. */
#define AMX_BOTH(a, b)                                                                                       \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 48, 49, 50, 51, 52,  \
                            53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63)

/* 32 codes to bytes; the plan's parts from `part` on are theirs: two, which differ in q6_k alone. */
SIMD_INLINE void amx_finish(const amx_halves *codes, const hg_wide_plan *plan, int part, bool differ,
                            int8_t *to)
{
    const amx_halves zero = {0};
    amx_halves factor = zero + plan->factor[part], offset = zero + plan->offset[part];
    if (differ) {
        factor = AMX_BOTH(factor, zero + plan->factor[part + 1]);
        offset = AMX_BOTH(offset, zero + plan->offset[part + 1]);
    }
    amx_bytes32 bytes = __builtin_convertvector((*codes * factor + offset) >> 8, amx_bytes32);
    memcpy(to, &bytes, sizeof bytes);
}

SIMD_INLINE void amx_finish_bytes(const amx_bytes32 *codes, const hg_wide_plan *plan, int part, bool differ,
                                  int8_t *to)
{
    amx_halves halves = __builtin_convertvector(*codes, amx_halves);
    amx_finish(&halves, plan, part, differ, to);
}

SIMD_INLINE void amx_unpack_q8_0(const hg_block_q8_0 *block, const hg_wide_plan *plan, int part, int8_t *to)
{
    AMX_VECTOR(int8_t, 32) codes;
    memcpy(&codes, block->codes, sizeof codes);
    typedef AMX_VECTOR(int16_t, 32) words;
    amx_halves halves = (amx_halves) __builtin_convertvector(codes, words);
    amx_finish(&halves, plan, part, false, to);
}

/* What the 16 codes of a run of 32 columns become: in each quarter of a vector those of one run. Even codes
 * give the lower bytes of words, odd ones the upper. */
SIMD_INLINE void amx_tables(const hg_wide_plan *plan, int first, amx_bytes64 *tables)
{
    hg_wide_halves f, o;
    memcpy(&f, plan->factor, sizeof f);
    memcpy(&o, plan->offset, sizeof o);
    amx_halves factor = first == 0 ? AMX_FOUR(f, 0, 2, 4, 6) : AMX_FOUR(f, 8, 10, 12, 14);
    amx_halves offset = first == 0 ? AMX_FOUR(o, 0, 2, 4, 6) : AMX_FOUR(o, 8, 10, 12, 14);
    const amx_halves even = {0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14,
                             0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14};
    amx_halves low = even * factor + offset, both = (low >> 8) | ((low + factor) & 0xff00);
    *tables = (amx_bytes64)both;
}

/* 64 columns from the 16 bytes that hold 32 each, or the 32 that hold all of q4_k; `half` says which two of
 * the tables are theirs. */
SIMD_INLINE void amx_unpack_four(const amx_bytes64 *codes, const amx_bytes64 *tables, int half, int8_t *to)
{
    amx_bytes64 mine = half == 0 ? AMX_TWICE(*tables, 0, 16) : AMX_TWICE(*tables, 32, 48), bytes;
    amx_look_up((const uint8_t *)&mine, (const uint8_t *)codes, (uint8_t *)&bytes);
    memcpy(to, &bytes, sizeof bytes);
}

SIMD_INLINE void amx_unpack_q4_0(const hg_block_q4_0 *blocks, int n, const amx_bytes64 *tables, int half,
                                 int8_t *to)
{
    amx_bytes16 first, second = {0};
    memcpy(&first, blocks[0].codes, sizeof first);
    if (n > 1)
        memcpy(&second, blocks[1].codes, sizeof second);
    amx_bytes32 low = AMX_JOIN16(first & 15, first >> 4), high = AMX_JOIN16(second & 15, second >> 4);
    amx_bytes64 codes = AMX_JOIN32(low, high);
    amx_unpack_four(&codes, tables, half, to);
}

/* 64 columns. */
SIMD_INLINE void amx_unpack_q4_k(const uint8_t *from, const amx_bytes64 *tables, int half, int8_t *to)
{
    amx_bytes32 both;
    memcpy(&both, from, sizeof both);
    amx_bytes64 codes = AMX_JOIN32(both & 15, both >> 4);
    amx_unpack_four(&codes, tables, half, to);
}

/* Quarter `quarter` of a half block. */
SIMD_INLINE void amx_unpack_q6_k(const uint8_t *low, const uint8_t *high, int quarter,
                                 const hg_wide_plan *plan, int part, int8_t *to)
{
    amx_bytes32 codes, upper;
    memcpy(&codes, low + quarter % 2 * 32, sizeof codes);
    memcpy(&upper, high, sizeof upper);
    codes = (quarter < 2 ? codes & 15 : codes >> 4) | (upper >> 2 * quarter & 3) << 4;
    amx_finish_bytes(&codes, plan, part + 2 * quarter, true, to);
}

/* A run of n weights; every 64 of them are AMX_STEP apart. */
#define AMX_STEP (HG_WIDE_PANEL * AMX_TILE_ROW_BYTES)

SIMD_INLINE void amx_unpack(hg_dtype type, int64_t n, const void *blocks, const hg_wide_plan *plan,
                            int8_t *to)
{
    for (int i = 0; type == HG_DTYPE_Q8_0 && i < n / 32; i++)
        amx_unpack_q8_0((const hg_block_q8_0 *)blocks + i, plan, 2 * i, to + i / 2 * AMX_STEP + i % 2 * 32);
    amx_bytes64 tables[2];
    for (int i = 0; (type == HG_DTYPE_Q4_0 || type == HG_DTYPE_Q4_K) && i < 2; i++)
        amx_tables(plan, i, &tables[i]);
    for (int i = 0; type == HG_DTYPE_Q4_0 && 64 * i < n; i++) /* of half a tile the rest is cleared later */
        amx_unpack_q4_0((const hg_block_q4_0 *)blocks + 2 * i, n > 64 * i + 32 ? 2 : 1, &tables[i / 2], i % 2,
                        to + i * AMX_STEP);
    for (int i = 0; type == HG_DTYPE_Q4_K && i < 4; i++)
        amx_unpack_q4_k(((const hg_block_q4_k *)blocks)->codes + 32 * i, &tables[i / 2], i % 2,
                        to + i * AMX_STEP);
    for (int i = 0; type == HG_DTYPE_Q6_K && i < 2; i++, to += 2 * AMX_STEP) {
        const uint8_t *low = ((const hg_block_q6_k *)blocks)->low + 64 * i,
                      *high = ((const hg_block_q6_k *)blocks)->high + 32 * i;
        amx_unpack_q6_k(low, high, 0, plan, 8 * i, to);
        amx_unpack_q6_k(low, high, 1, plan, 8 * i, to + 32);
        amx_unpack_q6_k(low, high, 2, plan, 8 * i, to + AMX_STEP);
        amx_unpack_q6_k(low, high, 3, plan, 8 * i, to + AMX_STEP + 32);
    }
}

static int8_t *amx_panel_at(const amx_panel *p, int64_t row, int64_t j)
{
    return p->codes + (j / AMX_TILE_ROW_BYTES * HG_WIDE_PANEL + row) * AMX_TILE_ROW_BYTES +
           j % AMX_TILE_ROW_BYTES;
}

/* Bytes of a run's blocks: q8_0 has most. */
#define AMX_RUN_BYTES (HG_WIDE_RUN / 32 * sizeof(hg_block_q8_0))

typedef AMX_VECTOR(float, AMX_TILE_ROWS) amx_lanes;

/* Transposes 16 x 16 by four shuffles of its rows like a pack of cards, first half and second half in turns:
 * each takes one bit of an element's index round, from the row's number to the column's. */
static void amx_transpose(amx_lanes rows[AMX_TILE_ROWS])
{
    for (int time = 0; time < 4; time++) {
        amx_lanes to[AMX_TILE_ROWS];
        for (int i = 0; i < AMX_TILE_ROWS / 2; i++) {
            amx_lanes a = rows[i], b = rows[AMX_TILE_ROWS / 2 + i];
            to[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[2 * i + 1] =
                __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(rows, to, sizeof to);
    }
}

/* n <= 16 words of each of 16 rows, word by word, to n words in a row from `to` on. */
SIMD_INLINE void amx_take_words(const uint8_t *words, int n, uint8_t to[AMX_TILE_ROWS][64])
{
    amx_lanes square[AMX_TILE_ROWS] = {{0}};
    memcpy(square, words, (size_t)n * sizeof *square);
    amx_transpose(square);
    memcpy(to, square, sizeof square);
}

/* A step of interleaved weights (tensor/interleave.h) back to the blocks of 16 rows, AMX_RUN_BYTES apart. */
SIMD_INLINE void amx_take_step(hg_dtype type, const uint8_t *step, uint8_t *rows)
{
    const uint8_t *words = step + HG_INTERLEAVE_HEAD;
    const size_t line = AMX_TILE_ROWS * sizeof(uint32_t);
    _Alignas(64) uint8_t codes[2][AMX_TILE_ROWS][64];
    if (type == HG_DTYPE_Q4_K) {
        amx_take_words(words + 3 * line, 16, codes[0]);
        amx_take_words(words + 19 * line, 16, codes[1]);
    } else {
        amx_take_words(words, type == HG_DTYPE_Q8_0 ? 16 : 8, codes[0]);
    }
    for (int r = 0; r < AMX_TILE_ROWS; r++, rows += AMX_RUN_BYTES) {
        const size_t at = (size_t)r * 2, second = AMX_TILE_ROWS * 2; /* the 16-bit numbers */
        if (type == HG_DTYPE_Q4_K) {
            memcpy(rows, step + at, 2);
            memcpy(rows + 2, step + second + at, 2);
            for (size_t i = 0; i < 3; i++)
                memcpy(rows + 4 + 4 * i, words + i * line + 4 * (size_t)r, 4);
            memcpy(rows + 16, codes[0][r], 64);
            memcpy(rows + 80, codes[1][r], 64);
            continue;
        }
        const size_t half = type == HG_DTYPE_Q8_0 ? 32 : 16; /* bytes of a block's codes */
        memcpy(rows, step + at, 2);
        memcpy(rows + 2, codes[0][r], half);
        memcpy(rows + 2 + half, step + second + at, 2);
        memcpy(rows + 4 + half, codes[0][r] + half, half);
    }
}

/* A row's run of n weights from column j on. */
SIMD_INLINE void amx_pack_run(hg_dtype type, int64_t n, const void *blocks, const amx_panel *p, int64_t row,
                              int64_t j)
{
    hg_wide_plan plan;
    hg_wide_plan_make(type, n, blocks, &plan);
    p->scales[j / HG_WIDE_RUN * HG_WIDE_PANEL + row] = plan.scale;
    amx_unpack(type, n, blocks, &plan, amx_panel_at(p, row, j));
}

SIMD_INLINE void amx_pack_row(hg_dtype type, int64_t k, const uint8_t *w, const amx_panel *p, int64_t row)
{
    size_t run_bytes = hg_dtype_span(type, HG_WIDE_RUN);
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN, w += run_bytes)
        amx_pack_run(type, hg_wide_run_length(k, j), w, p, row, j);
    if (k % AMX_TILE_ROW_BYTES != 0)
        memset(amx_panel_at(p, row, k), 0, 32);
}

/* 16 rows from `row` on, interleaved: a run at a time goes back to blocks, which stay in the first-level
 * cache. */
SIMD_INLINE void amx_pack_interleaved(hg_dtype type, int64_t k, const uint8_t *w, const amx_panel *p,
                                      int64_t row)
{
    uint8_t rows[AMX_TILE_ROWS][AMX_RUN_BYTES];
    const int64_t columns = hg_interleave_columns(type);
    const size_t step_bytes = hg_dtype_span(type, AMX_TILE_ROWS * columns),
                 bytes = hg_dtype_span(type, columns);
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(k, j);
        for (int64_t step = 0; step < n / columns; step++, w += step_bytes)
            amx_take_step(type, w, &rows[0][(size_t)step * bytes]);
        for (int64_t r = 0; r < AMX_TILE_ROWS; r++)
            amx_pack_run(type, n, rows[r], p, row + r, j);
    }
}

/* Weights as gemm_wide has them, or interleaved. */
typedef struct amx_weights {
    hg_dtype type;
    bool interleaved;
    int64_t n, k;
    const uint8_t *w;
    size_t row_bytes;
} amx_weights;

/* All rows, and zeros to the next whole pair of tiles. */
static amx_panel amx_pack(const amx_weights *from, void *scratch)
{
    const int64_t n = from->n, k = from->k, padded = hg_wide_up(k, AMX_TILE_ROW_BYTES);
    amx_panel p = {scratch, (float *)(void *)((int8_t *)scratch + HG_WIDE_PANEL * padded)};
    const uint8_t *w = from->w;
    for (int64_t i = 0; i < n; i += from->interleaved ? AMX_TILE_ROWS : 1) {
        if (from->interleaved) {
            SIMD_FOR_TYPE(from->type, amx_pack_interleaved, k, w, &p, i)
            w += AMX_TILE_ROWS * from->row_bytes;
        } else {
            SIMD_FOR_TYPE(from->type, amx_pack_row, k, w, &p, i)
            w += from->row_bytes;
        }
    }
    for (int64_t i = n; i < hg_wide_up(n, AMX_PAIR); i++) {
        for (int64_t j = 0; j < padded; j += AMX_TILE_ROW_BYTES)
            memset(amx_panel_at(&p, i, j), 0, AMX_TILE_ROW_BYTES);
        for (int64_t run = 0; run < hg_wide_runs(k); run++)
            p.scales[run * HG_WIDE_PANEL + i] = 0;
    }
    return p;
}

/* ---- products ---- */

/* A run's sums for a pair by a pair of tiles, and where they go. */
typedef struct amx_part {
    const float *w_scales, *x_scales;
    float *to; /* the first of AMX_PAIR rows, AMX_BLOCK apart; NULL: nowhere */
} amx_part;

typedef struct amx_sums {
    _Alignas(64) int32_t rows[AMX_PAIR][AMX_PAIR];
} amx_sums;

/* The rows of a product: w: tiles of two times 16 weight rows, `steps` times; x: as many tiles of 16 rows of
 * x, and of the next. */
typedef struct amx_factors {
    const int8_t *w, *x, *x_next;
    int steps;
    bool new_w, new_x; /* not in the first-level cache, for all that is known */
} amx_factors;

/* Scales some of the last product's rows and adds them to the floats. */
static void amx_add(const amx_sums *sums, const amx_part *part, int begin, int count)
{
    const float *restrict x_scales = part->x_scales;
    for (int i = begin; i < begin + count; i++) {
        const int32_t *restrict row = sums->rows[i];
        float *restrict to = part->to + (ptrdiff_t)i * AMX_BLOCK;
        for (int t = 0; t < AMX_PAIR; t++)
            to[t] = fmaf((float)row[t], part->w_scales[i] * x_scales[t], to[t]);
    }
}

/* Into the first-level cache: a tile. */
static void amx_ask(const int8_t *tile)
{
    for (uintptr_t line = 0; line < AMX_TILE_BYTES; line += 64)
        simd_prefetch_at(tile, line);
}

/* A step of a product that comes next. */
SIMD_INLINE void amx_ask_step(const amx_factors *f, int step)
{
    const ptrdiff_t w = (ptrdiff_t)step * HG_WIDE_PANEL * AMX_TILE_ROW_BYTES,
                    x = (ptrdiff_t)step * AMX_TILE_BYTES;
    if (f->new_w) {
        amx_ask(f->w + w);
        amx_ask(f->w + w + AMX_TILE_BYTES);
    }
    if (f->new_x) {
        amx_ask(f->x + x);
        amx_ask(f->x_next + x);
    }
}

/* Makes a run's sums. Meanwhile the last one's are added, a part behind each step: they are read before this
 * one's are stored, because a load waits for earlier stores at the same place of a page, and products take
 * time to come to an end. What the next one reads is asked for, too: loads of tiles do not run ahead far
 * enough. */
static void amx_multiply(amx_tiles *tiles, const amx_factors *f, const amx_factors *next,
                         const amx_part *last, amx_sums *sums)
{
    AMX_ZERO(tiles, 0);
    AMX_ZERO(tiles, 1);
    AMX_ZERO(tiles, 2);
    AMX_ZERO(tiles, 3);
    const int8_t *w = f->w, *x = f->x, *x_next = f->x_next;
    int added = 0;
    for (int s = 0; s < f->steps; s++) {
        AMX_LOAD(tiles, 4, w, AMX_TILE_ROW_BYTES);
        AMX_LOAD(tiles, 6, x, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 0, 4, 6);
        AMX_LOAD(tiles, 7, x_next, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 1, 4, 7);
        AMX_LOAD(tiles, 5, w + AMX_TILE_BYTES, AMX_TILE_ROW_BYTES);
        AMX_DOT(tiles, 2, 5, 6);
        AMX_DOT(tiles, 3, 5, 7);
        w += HG_WIDE_PANEL * AMX_TILE_ROW_BYTES;
        x += AMX_TILE_BYTES;
        x_next += AMX_TILE_BYTES;
        amx_ask_step(next, s);
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

/* The products of a block, one after the other: for each run, pairs of rows of x; for each of them, pairs of
 * weight rows. */
typedef struct amx_walk {
    const amx_panel *p;
    const hg_wide *x;
    int64_t n, t, last; /* weight rows; the block's rows of x */
    int64_t i, column, j;
} amx_walk;

static bool amx_walk_on(amx_walk *at)
{
    at->i += AMX_PAIR;
    if (at->i < at->n)
        return true;
    at->i = 0;
    at->column += AMX_PAIR;
    if (at->column < at->last)
        return true;
    at->column = at->t;
    at->j += HG_WIDE_RUN;
    return at->j < at->x->k;
}

static amx_factors amx_walk_factors(const amx_walk *at)
{
    int64_t length = hg_wide_run_length(at->x->k, at->j);
    return (amx_factors){amx_panel_at(at->p, at->i, at->j),
                         hg_wide_four(at->x, at->column, at->j),
                         hg_wide_four(at->x, at->column + AMX_TILE_ROWS, at->j),
                         (int)(hg_wide_up(length, AMX_TILE_ROW_BYTES) / AMX_TILE_ROW_BYTES),
                         at->column == at->t,
                         at->i == 0};
}

/* All runs of the panel's first n rows times AMX_BLOCK rows of x (or the AMX_PAIR that are left) from t on.
 */
static void amx_block(amx_tiles *tiles, const amx_panel *p, int64_t n, const hg_wide *x, int64_t t,
                      float (*to)[AMX_BLOCK])
{
    amx_sums sums;
    amx_walk at = {.p = p, .x = x, .n = n, .t = t, .column = t};
    at.last = hg_wide_up(x->t, AMX_PAIR) < t + AMX_BLOCK ? t + AMX_PAIR : t + AMX_BLOCK;
    amx_factors now = amx_walk_factors(&at);
    amx_part last = {0};
    for (bool more = true; more;) {
        const amx_part part = {p->scales + at.j / HG_WIDE_RUN * HG_WIDE_PANEL + at.i,
                               hg_wide_scale(x, at.column, at.j / HG_WIDE_RUN), &to[at.i][at.column - t]};
        more = amx_walk_on(&at);
        const amx_factors next = more ? amx_walk_factors(&at) : (amx_factors){0};
        amx_multiply(tiles, &now, &next, &last, &sums);
        last = part;
        now = next;
    }
    amx_add(&sums, &last, 0, AMX_PAIR);
}

/* ---- results ---- */

/* Where results go: n columns of y. */
typedef struct amx_out {
    float *y;
    int64_t ldy, n;
    bool add;
} amx_out;

static void amx_store_row(const amx_out *out, int64_t t, int64_t i, const float *sums)
{
    float *y = out->y + t * out->ldy + i;
    int64_t n = out->n - i;
    if (n >= AMX_TILE_ROWS && out->add) {
        for (int l = 0; l < AMX_TILE_ROWS; l++)
            y[l] += sums[l];
    } else if (n >= AMX_TILE_ROWS) {
        memcpy(y, sums, AMX_TILE_ROWS * sizeof *y);
    } else {
        for (int64_t l = 0; l < n; l++)
            y[l] = out->add ? y[l] + sums[l] : sums[l];
    }
}

/* Sums of AMX_BLOCK weight rows by rows of x to n_t rows of y from t on. */
static void amx_store(const amx_out *out, int64_t t, int64_t n_t, float (*sums)[AMX_BLOCK])
{
    for (int64_t i = 0; i < out->n; i += AMX_TILE_ROWS) {
        for (int64_t column = 0; column < n_t; column += AMX_TILE_ROWS) {
            amx_lanes square[AMX_TILE_ROWS];
            for (int r = 0; r < AMX_TILE_ROWS; r++)
                memcpy(&square[r], &sums[i + r][column], sizeof square[r]);
            amx_transpose(square);
            for (int64_t r = 0; r < AMX_TILE_ROWS && column + r < n_t; r++)
                amx_store_row(out, t + column + r, i, (const float *)&square[r]);
        }
    }
}

static void amx_gemm(const amx_weights *w, const hg_wide *x, const amx_out *out, void *scratch)
{
    _Alignas(64) float sums[HG_WIDE_PANEL][AMX_BLOCK];
    amx_panel panel = amx_pack(w, scratch);
    amx_tiles tiles;
    amx_open(&tiles, &amx_whole);
    for (int64_t t = 0; t < x->t; t += AMX_BLOCK) {
        memset(sums, 0, sizeof sums);
        amx_block(&tiles, &panel, w->n, x, t, sums);
        amx_store(out, t, x->t - t < AMX_BLOCK ? x->t - t : AMX_BLOCK, sums);
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

/* Where column j lies, a multiple of 16, in a row that begins at `row`: four columns are 64 bytes behind the
 * four before, in a tile and from one to the next. */
static int8_t *amx_columns_at(int8_t *row, int64_t j)
{
    return row + j / 4 * AMX_TILE_ROW_BYTES;
}

/* 16 columns of a row. */
SIMD_INLINE void amx_round_lanes(const float *x, float factor, int8_t *to)
{
    hg_wide_floats lanes;
    memcpy(&lanes, x, sizeof lanes);
    lanes *= factor;
    hg_wide_halves halves;
    hg_wide_whole(&lanes, &halves);
    amx_bytes16 bytes = __builtin_convertvector(halves, amx_bytes16);
    for (int i = 0; i < 4; i++)
        memcpy(to + i * AMX_TILE_ROW_BYTES, (const uint8_t *)&bytes + 4 * i, 4);
}

static void amx_clear(int8_t *to)
{
    for (int i = 0; i < 4; i++)
        memset(to + i * AMX_TILE_ROW_BYTES, 0, 4);
}

static void amx_round_wide(const float *x, const hg_wide *to, int64_t row)
{
    int8_t *at = hg_wide_four(to, row, 0);
    for (int64_t j = 0; j < to->k; j += HG_WIDE_RUN) {
        int64_t n = hg_wide_run_length(to->k, j);
        float factor, scale = hg_wide_x_scale(amx_largest(x + j, n), &factor);
        *hg_wide_scale(to, row, j / HG_WIDE_RUN) = scale;
        for (int64_t i = j; i < j + n; i += HG_WIDE_PARTS) {
            if (factor > 0)
                amx_round_lanes(x + i, factor, amx_columns_at(at, i));
            else
                amx_clear(amx_columns_at(at, i));
        }
    }
    if (to->k % HG_WIDE_TILE_COLUMNS != 0) {
        amx_clear(amx_columns_at(at, to->k));
        amx_clear(amx_columns_at(at, to->k + HG_WIDE_PARTS));
    }
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
