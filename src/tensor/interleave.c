/* SPDX-License-Identifier: Apache-2.0
 *
 * interleave.c: where each part of a block goes.
 */
#include "tensor/interleave.h"

#include "tensor/quant_blocks.h"

#include <assert.h>

#define ROWS HG_INTERLEAVE_ROWS

/* A block is n_heads numbers of 16 bits, then n_words words. */
typedef struct interleave_layout {
    int n_blocks; /* of a row in a step */
    int n_heads, n_words;
    size_t block_bytes;
} interleave_layout;

static interleave_layout layout_of(hg_dtype type)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        return (interleave_layout){2, 1, 8, sizeof(hg_block_q8_0)};
    case HG_DTYPE_Q4_0:
        return (interleave_layout){2, 1, 4, sizeof(hg_block_q4_0)};
    default:
        assert(type == HG_DTYPE_Q4_K);
        return (interleave_layout){1, 2, 35, sizeof(hg_block_q4_k)};
    }
}

int64_t hg_interleave_columns(hg_dtype type)
{
    return layout_of(type).n_blocks * hg_dtype_block(type);
}

bool hg_interleave_holds(hg_dtype type, int64_t n, int64_t k)
{
    return (type == HG_DTYPE_Q8_0 || type == HG_DTYPE_Q4_0 || type == HG_DTYPE_Q4_K) && n % ROWS == 0 &&
           k % hg_interleave_columns(type) == 0;
}

/* One row's blocks to their places in a step. */
static void put_row(const interleave_layout *l, const uint8_t *blocks, int row, uint8_t *step)
{
    for (int b = 0; b < l->n_blocks; b++, blocks += l->block_bytes) {
        const uint8_t *words = blocks + 2 * l->n_heads;
        for (int h = 0; h < l->n_heads; h++)
            memcpy(step + 2 * ((b * l->n_heads + h) * ROWS + row), blocks + 2 * h, 2);
        for (int v = 0; v < l->n_words; v++)
            memcpy(step + HG_INTERLEAVE_HEAD + 4 * ((b * l->n_words + v) * ROWS + row), words + 4 * v, 4);
    }
}

void hg_interleave_pack(hg_dtype type, int64_t k, const void *rows, void *to)
{
    const interleave_layout l = layout_of(type);
    const size_t row_bytes = hg_dtype_span(type, k), bytes = (size_t)l.n_blocks * l.block_bytes;
    uint8_t *step = to;
    for (size_t at = 0; at < row_bytes; at += bytes, step += ROWS * bytes) {
        for (int row = 0; row < ROWS; row++)
            put_row(&l, (const uint8_t *)rows + (size_t)row * row_bytes + at, row, step);
    }
}

void hg_interleave_take(hg_dtype type, const void *step, int row, void *blocks)
{
    const interleave_layout l = layout_of(type);
    const uint8_t *from = step;
    uint8_t *to = blocks;
    for (int b = 0; b < l.n_blocks; b++, to += l.block_bytes) {
        uint8_t *words = to + 2 * l.n_heads;
        for (int h = 0; h < l.n_heads; h++)
            memcpy(to + 2 * h, from + 2 * ((b * l.n_heads + h) * ROWS + row), 2);
        for (int v = 0; v < l.n_words; v++)
            memcpy(words + 4 * v, from + HG_INTERLEAVE_HEAD + 4 * ((b * l.n_words + v) * ROWS + row), 4);
    }
}
