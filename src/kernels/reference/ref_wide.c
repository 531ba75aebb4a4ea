/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_wide.c: products with one scale for every 256 inputs, in plain C, one weight after the other. The codes
 * are the definition: other tiers give the same.
 */
#include "kernels/reference/reference.h"

#include "kernels/wide_weights.h"
#include "tensor/interleave.h"

/* Not a number when one of them is none. */
static float ref_largest(const hg_real *x, int64_t n)
{
    float largest = 0;
    for (int64_t i = 0; i < n; i++) {
        float size = fabsf((float)x[i]);
        largest = isnan(size) || size > largest ? size : largest;
    }
    return largest;
}

void hg_reference_round_wide(const hg_real *x, const hg_wide *to, int64_t row)
{
    for (int64_t j = 0; j < to->k; j += HG_WIDE_RUN) {
        int64_t n = hg_wide_run_length(to->k, j);
        float factor, scale = hg_wide_x_scale(ref_largest(x + j, n), &factor);
        int32_t sum = 0;
        for (int64_t i = 0; i < hg_wide_up(n, HG_WIDE_TILE_COLUMNS); i++) {
            const int8_t code = (int8_t)(factor > 0 && i < n ? lrintf((float)x[j + i] * factor) : 0);
            *hg_wide_code(to, row, j + i) = code;
            sum += code;
        }
        *hg_wide_scale(to, row, j / HG_WIDE_RUN) = scale;
        *hg_wide_minus(to, row, j / HG_WIDE_RUN) = -128 * sum;
    }
}

/* The code of weight i of a run, as it is stored. */
static int ref_wide_code(hg_dtype type, const void *blocks, int64_t i)
{
    int64_t half = i / 128, quarter = i / 32 % 4, l = i % 32;
    if (type == HG_DTYPE_Q8_0)
        return ((const hg_block_q8_0 *)blocks)[i / 32].codes[l];
    if (type == HG_DTYPE_Q4_0)
        return ((const hg_block_q4_0 *)blocks)[i / 32].codes[l % 16] >> (l < 16 ? 0 : 4) & 15;
    if (type == HG_DTYPE_Q4_K)
        return ((const hg_block_q4_k *)blocks)->codes[i / 64 * 32 + l] >> (quarter % 2 == 0 ? 0 : 4) & 15;
    const hg_block_q6_k *block = blocks;
    int low = block->low[64 * half + 32 * (quarter % 2) + l] >> (quarter < 2 ? 0 : 4) & 15;
    return low | (block->high[32 * half + l] >> 2 * quarter & 3) << 4;
}

/* A run of n weights from its blocks. */
static float ref_wide_run(hg_dtype type, int64_t n, const void *blocks, int8_t *codes)
{
    hg_wide_plan plan;
    hg_wide_plan_make(type, n, blocks, &plan);
    for (int64_t i = 0; i < n; i++)
        codes[i] = hg_wide_byte(ref_wide_code(type, blocks, i), plan.factor[i / 16], plan.offset[i / 16]);
    return plan.scale;
}

/* A weight row as bytes, and the scales of its runs. */
static void ref_wide_row(hg_dtype type, int64_t k, const void *row, int8_t *codes, float *scales)
{
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN)
        scales[j / HG_WIDE_RUN] = ref_wide_run(type, hg_wide_run_length(k, j),
                                               (const uint8_t *)row + hg_dtype_span(type, j), codes + j);
}

/* Row `row` of 16 interleaved ones. */
static void ref_wide_taken(hg_dtype type, int64_t k, const void *rows, int row, int8_t *codes, float *scales)
{
    const int64_t columns = hg_interleave_columns(type);
    uint8_t blocks[HG_WIDE_RUN / 32 * sizeof(hg_block_q8_0)];
    for (int64_t j = 0; j < k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(k, j);
        for (int64_t i = 0; i < n; i += columns)
            hg_interleave_take(type,
                               (const uint8_t *)rows + hg_dtype_span(type, (j + i) * HG_INTERLEAVE_ROWS), row,
                               blocks + hg_dtype_span(type, i));
        scales[j / HG_WIDE_RUN] = ref_wide_run(type, n, blocks, codes + j);
    }
}

static double ref_wide_dot(const int8_t *codes, const float *scales, const hg_wide *x, int64_t t)
{
    double total = 0;
    for (int64_t j = 0; j < x->k; j += HG_WIDE_RUN) {
        int32_t sum = 0;
        for (int64_t i = j; i < j + hg_wide_run_length(x->k, j); i++)
            sum += codes[i] * *hg_wide_code(x, t, i);
        total +=
            (double)sum * (double)scales[j / HG_WIDE_RUN] * (double)*hg_wide_scale(x, t, j / HG_WIDE_RUN);
    }
    return total;
}

/* Row i of a term's weights as bytes with scales, in `scratch`, times all its rows of x: added to y's column.
 */
static void ref_wide_term(const hg_wide_term *term, int64_t i, hg_real *y, int64_t ldy, void *scratch)
{
    const hg_wide *x = term->x;
    float *scales = scratch;
    int8_t *codes = (int8_t *)(scales + hg_wide_runs(x->k));
    const int64_t row = i % HG_INTERLEAVE_ROWS,
                  elements = term->interleaved ? (i - row) * x->k : i * term->ldw;
    const void *w = (const uint8_t *)term->w + hg_dtype_span(term->type, elements);
    if (term->interleaved)
        ref_wide_taken(term->type, x->k, w, (int)row, codes, scales);
    else
        ref_wide_row(term->type, x->k, w, codes, scales);
    for (int64_t t = 0; t < x->t; t++, y += ldy)
        *y = (hg_real)((double)*y + ref_wide_dot(codes, scales, x, t));
}

void hg_reference_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y,
                            int64_t ldy, void *scratch)
{
    for (int64_t t = 0; t < terms[0].x->t && !add; t++) {
        for (int64_t i = 0; i < n; i++)
            y[t * ldy + i] = 0;
    }
    for (int term = 0; term < n_terms; term++) {
        for (int64_t i = 0; i < n; i++)
            ref_wide_term(&terms[term], i, y + i, ldy, scratch);
    }
}
