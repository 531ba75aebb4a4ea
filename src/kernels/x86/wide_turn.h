/* SPDX-License-Identifier: Apache-2.0
 *
 * wide_turn.h: 16 rows of blocks, as files have them, turned to the interleaved order (tensor/interleave.h),
 * a run at a time: words of 4 bytes are the elements of squares of 16 x 16, which are transposed.
 */
#ifndef HG_KERNELS_WIDE_TURN_H
#define HG_KERNELS_WIDE_TURN_H

#include "kernels/kernels.h"
#include "kernels/simd/simd_types.h"
#include "kernels/x86/wide_lanes.h"
#include "tensor/quant_blocks.h"

/* ---- a square ---- */

/* 16 words, in one register or two. */
typedef struct wide_row {
    wide_floats part[HG_WIDE_TILE_ROWS / WIDE_LANES];
} wide_row;

typedef WIDE_VECTOR(float, 8) wide_eight;

/* Shuffles of two registers' lanes that are one instruction each: neighbours from either in turns, first or
 * second half of each 128 bits. */
#if WIDE_LANES == 16
#define WIDE_ZIP_LOW(a, b)                                                                                   \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define WIDE_ZIP_HIGH(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define WIDE_ZIP_LOW2(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define WIDE_ZIP_HIGH2(a, b)                                                                                 \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#else
#define WIDE_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define WIDE_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define WIDE_ZIP_LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define WIDE_ZIP_HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#endif

/* Transposes 4 x 4 within each 128 bits of four registers. */
SIMD_INLINE void wide_transpose_four(wide_floats *const rows[4])
{
    const wide_floats a = WIDE_ZIP_LOW(*rows[0], *rows[1]), b = WIDE_ZIP_HIGH(*rows[0], *rows[1]),
                      c = WIDE_ZIP_LOW(*rows[2], *rows[3]), d = WIDE_ZIP_HIGH(*rows[2], *rows[3]);
    *rows[0] = WIDE_ZIP_LOW2(a, c);
    *rows[1] = WIDE_ZIP_HIGH2(a, c);
    *rows[2] = WIDE_ZIP_LOW2(b, d);
    *rows[3] = WIDE_ZIP_HIGH2(b, d);
}

#if WIDE_LANES == 16
/* Transposes the 128 bits of rows i, i + 4, i + 8 and i + 12. */
SIMD_INLINE void wide_transpose_quarters(wide_row *rows, int i)
{
    const wide_floats a = rows[i].part[0], b = rows[i + 4].part[0], c = rows[i + 8].part[0],
                      d = rows[i + 12].part[0];
#define FIRST(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define SECOND(x, y)                                                                                         \
    __builtin_shufflevector(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define EVEN(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD(x, y) __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
    const wide_floats ab = FIRST(a, b), cd = FIRST(c, d), ab2 = SECOND(a, b), cd2 = SECOND(c, d);
    rows[i].part[0] = EVEN(ab, cd);
    rows[i + 4].part[0] = ODD(ab, cd);
    rows[i + 8].part[0] = EVEN(ab2, cd2);
    rows[i + 12].part[0] = ODD(ab2, cd2);
#undef FIRST
#undef SECOND
#undef EVEN
#undef ODD
}

SIMD_INLINE void wide_transpose(wide_row rows[HG_WIDE_TILE_ROWS])
{
    for (int i = 0; i < HG_WIDE_TILE_ROWS; i += 4)
        wide_transpose_four(
            (wide_floats *[]){rows[i].part, rows[i + 1].part, rows[i + 2].part, rows[i + 3].part});
    for (int i = 0; i < 4; i++)
        wide_transpose_quarters(rows, i);
}

SIMD_INLINE void wide_row_make(const wide_eight *first, const wide_eight *second, wide_row *to)
{
    to->part[0] =
        __builtin_shufflevector(*first, *second, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
#else
/* 8 x 8. */
SIMD_INLINE void wide_transpose_eight(wide_floats rows[8])
{
    for (int i = 0; i < 8; i += 4)
        wide_transpose_four((wide_floats *[]){&rows[i], &rows[i + 1], &rows[i + 2], &rows[i + 3]});
    for (int i = 0; i < 4; i++) {
        const wide_floats a = rows[i], b = rows[i + 4];
        rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        rows[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Four squares of 8 x 8, of which the second and the third change places. */
SIMD_INLINE void wide_transpose(wide_row rows[HG_WIDE_TILE_ROWS])
{
    wide_row to[HG_WIDE_TILE_ROWS];
    for (int i = 0; i < 4; i++) {
        wide_floats square[8];
        for (int r = 0; r < 8; r++)
            square[r] = rows[i / 2 * 8 + r].part[i % 2];
        wide_transpose_eight(square);
        for (int r = 0; r < 8; r++)
            to[i % 2 * 8 + r].part[i / 2] = square[r];
    }
    memcpy(rows, to, sizeof to);
}

SIMD_INLINE void wide_row_make(const wide_eight *first, const wide_eight *second, wide_row *to)
{
    to->part[0] = *first;
    to->part[1] = *second;
}
#endif

/* ---- from rows to the interleaved order ---- */

/* 16 rows of blocks. */
typedef struct wide_group {
    const uint8_t *row[HG_WIDE_TILE_ROWS];
} wide_group;

typedef WIDE_VECTOR(float, 4) wide_four;

/* Eight words, four at either place. */
SIMD_INLINE void wide_join(const uint8_t *first, const uint8_t *second, wide_eight *to)
{
    wide_four a, b;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    *to = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

/* n words that follow each other in all rows, from byte `from` on, to words `word` and on of a step. */
SIMD_INLINE void wide_turn_words(const wide_group *rows, size_t from, int n, int word, uint8_t *step)
{
    wide_row square[HG_WIDE_TILE_ROWS];
    memset(square, 0, sizeof square);
    for (int r = 0; r < HG_WIDE_TILE_ROWS; r++)
        memcpy(&square[r], rows->row[r] + from, (size_t)n * 4);
    wide_transpose(square);
    memcpy(step + HG_INTERLEAVE_HEAD + (size_t)word * WIDE_LINE, square, (size_t)n * WIDE_LINE);
}

/* The same of 4 words: rows i, i + 4, i + 8 and i + 12 are a row of the square. */
SIMD_INLINE void wide_turn_four(const wide_group *rows, size_t from, int word, uint8_t *step)
{
    wide_row square[4];
    for (int r = 0; r < 4; r++) {
        wide_eight first, second;
        wide_join(rows->row[r] + from, rows->row[r + 4] + from, &first);
        wide_join(rows->row[r + 8] + from, rows->row[r + 12] + from, &second);
        wide_row_make(&first, &second, &square[r]);
    }
    for (int i = 0; i < HG_WIDE_TILE_ROWS / WIDE_LANES; i++)
        wide_transpose_four((wide_floats *[]){&square[0].part[i], &square[1].part[i], &square[2].part[i],
                                              &square[3].part[i]});
    memcpy(step + HG_INTERLEAVE_HEAD + (size_t)word * WIDE_LINE, square, sizeof square);
}

SIMD_INLINE void wide_turn_heads(const wide_group *rows, size_t from, int head, uint8_t *step)
{
    for (int r = 0; r < HG_WIDE_TILE_ROWS; r++)
        memcpy(step + (size_t)(head * HG_WIDE_TILE_ROWS + r) * 2, rows->row[r] + from, 2);
}

/* What a step of 64 columns of q8_0 or q4_0 is made of: blocks of a 16-bit scale and words. */
typedef struct wide_short {
    size_t bytes; /* of a block */
    int words;    /* 8 or 4 */
} wide_short;

SIMD_INLINE wide_short wide_short_of(hg_dtype type)
{
    return type == HG_DTYPE_Q8_0 ? (wide_short){sizeof(hg_block_q8_0), 8}
                                 : (wide_short){sizeof(hg_block_q4_0), 4};
}

/* A step of n blocks, one or two; where there is no second one, its scale is 0. */
SIMD_INLINE void wide_turn_step(hg_dtype type, const wide_group *rows, size_t from, int64_t n, uint8_t *step)
{
    const wide_short b = wide_short_of(type);
    memset(step, 0, HG_INTERLEAVE_HEAD + 2 * (size_t)b.words * WIDE_LINE);
    for (int i = 0; i < n; i++, from += b.bytes) {
        wide_turn_heads(rows, from, i, step);
        wide_turn_words(rows, from + 2, b.words, i * b.words, step);
    }
}

/* 16 words of a row, of two blocks or four. */
SIMD_INLINE void wide_join_blocks(hg_dtype type, const uint8_t *words, wide_row *to)
{
    const size_t bytes = wide_short_of(type).bytes;
    wide_eight first, second;
    if (type == HG_DTYPE_Q8_0) {
        memcpy(&first, words, sizeof first);
        memcpy(&second, words + bytes, sizeof second);
    } else {
        wide_join(words, words + bytes, &first);
        wide_join(words + 2 * bytes, words + 3 * bytes, &second);
    }
    wide_row_make(&first, &second, to);
}

/* Whole steps that fill a square: one of q8_0, two of q4_0, `step_bytes` apart. */
SIMD_INLINE void wide_turn_square(hg_dtype type, const wide_group *rows, size_t from, size_t step_bytes,
                                  uint8_t *step)
{
    const wide_short b = wide_short_of(type);
    wide_row square[HG_WIDE_TILE_ROWS];
    for (int r = 0; r < HG_WIDE_TILE_ROWS; r++)
        wide_join_blocks(type, rows->row[r] + from + 2, &square[r]);
    wide_transpose(square);
    for (int i = 0; i < 8 / b.words; i++, step += step_bytes) {
        for (int head = 0; head < 2; head++)
            wide_turn_heads(rows, from + (size_t)(2 * i + head) * b.bytes, head, step);
        memcpy(step + HG_INTERLEAVE_HEAD, square + 2 * b.words * i, 2 * (size_t)b.words * WIDE_LINE);
    }
}

/* A run of n columns, a multiple of 32, squares first; returns its steps. */
SIMD_INLINE int wide_turn_short(hg_dtype type, int64_t n, const wide_group *rows, size_t step_bytes,
                                uint8_t *run)
{
    const wide_short b = wide_short_of(type);
    const int64_t blocks = n / 32, square = HG_WIDE_TILE_ROWS / b.words;
    int64_t i = 0;
    for (; i + square <= blocks; i += square)
        wide_turn_square(type, rows, (size_t)i * b.bytes, step_bytes, run + (size_t)i / 2 * step_bytes);
    for (; i < blocks; i += 2)
        wide_turn_step(type, rows, (size_t)i * b.bytes, blocks - i < 2 ? 1 : 2,
                       run + (size_t)i / 2 * step_bytes);
    return (int)((blocks + 1) / 2);
}

SIMD_INLINE void wide_turn_q4_k(const wide_group *rows, uint8_t *step)
{
    wide_turn_heads(rows, 0, 0, step);
    wide_turn_heads(rows, 2, 1, step);
    wide_turn_words(rows, 4, 16, 0, step);
    wide_turn_words(rows, 68, 16, 16, step);
    wide_turn_four(rows, 128, 31, step); /* the last of those before, too: blocks end behind it */
}

SIMD_INLINE void wide_turn_q6_k(const wide_group *rows, uint8_t *step)
{
    wide_turn_heads(rows, offsetof(hg_block_q6_k, scale), 0, step);
    for (int i = 0; i < 48; i += 16)
        wide_turn_words(rows, (size_t)i * 4, 16, i, step);
    wide_turn_four(rows, 192, WIDE_Q6_K_SCALES, step);
}

/* Bytes of a run in the interleaved order: q8_0 has most. */
#define WIDE_RUN_BYTES (4 * (HG_INTERLEAVE_HEAD + 16 * WIDE_LINE))
static_assert(WIDE_RUN_BYTES >= HG_INTERLEAVE_HEAD + WIDE_Q6_K_WORDS * WIDE_LINE, "q6_k has less");

/* A run of n columns; moves the rows on. */
SIMD_INLINE wide_steps wide_turn_run(hg_dtype type, int64_t n, wide_group *rows, uint8_t run[WIDE_RUN_BYTES])
{
    if (type == HG_DTYPE_Q4_K)
        wide_turn_q4_k(rows, run);
    else if (type == HG_DTYPE_Q6_K)
        wide_turn_q6_k(rows, run);
    wide_steps steps = {run, WIDE_RUN_BYTES / 4, 1};
    if (type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0)
        steps.count = wide_turn_short(type, n, rows, steps.bytes, run);
    for (int r = 0; r < HG_WIDE_TILE_ROWS; r++)
        rows->row[r] += hg_dtype_span(type, n);
    return steps;
}

#endif
