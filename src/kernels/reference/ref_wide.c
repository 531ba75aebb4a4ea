/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_wide.c: products with one scale for every 256 inputs, in plain C, one weight after the other. The codes
 * are the definition: other tiers give the same.
 */
#include "kernels/reference/reference.h"

#include "kernels/wide_kept.h"
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
        int16_t *sums = hg_wide_sums(to, row, j / HG_WIDE_RUN);
        memset(sums, 0, HG_WIDE_SUMS * sizeof *sums);
        for (int64_t i = 0; i < hg_wide_up(n, HG_WIDE_TILE_COLUMNS); i++) {
            const int8_t code = (int8_t)(factor > 0 && i < n ? lrintf((float)x[j + i] * factor) : 0);
            *hg_wide_code(to, row, j + i) = code;
            sum += code;
            sums[i / 32] = (int16_t)(sums[i / 32] + code);
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

/* A weight row: bytes with scales, or codes as they are stored with what is kept beside them. */
typedef struct ref_row {
    bool keeps;
    int8_t *codes;      /* (K) */
    float *scales;      /* (runs) */
    hg_wide_kept *kept; /* (runs) */
} ref_row;

/* Its place in `scratch`. */
static ref_row ref_row_at(int64_t k, bool keeps, void *scratch)
{
    hg_wide_kept *kept = scratch;
    float *scales = (float *)(kept + (keeps ? hg_wide_runs(k) : 0));
    return (ref_row){keeps, (int8_t *)(scales + hg_wide_runs(k)), scales, kept};
}

/* The run of n weights at column j, from its blocks, as bytes. */
static void ref_row_bytes(hg_dtype type, int64_t j, int64_t n, const void *blocks, const ref_row *row)
{
    hg_wide_plan plan;
    hg_wide_plan_make(type, n, blocks, &plan);
    for (int64_t i = 0; i < n; i++)
        row->codes[j + i] =
            hg_wide_byte(ref_wide_code(type, blocks, i), plan.factor[i / 16], plan.offset[i / 16]);
    row->scales[j / HG_WIDE_RUN] = plan.scale;
}

/* The same, as codes that are kept. */
static void ref_row_codes(hg_dtype type, int64_t j, int64_t n, const void *blocks, const ref_row *row)
{
    hg_wide_kept_make(type, n, blocks, &row->kept[j / HG_WIDE_RUN]);
    for (int64_t i = 0; i < n; i++)
        row->codes[j + i] = (int8_t)ref_wide_code(type, blocks, i);
}

/* The blocks of n columns from j on of a term's weight row i; in `taken` where rows are interleaved. */
static const void *ref_blocks(const hg_wide_term *term, int64_t i, int64_t j, int64_t n, uint8_t *taken)
{
    const uint8_t *w = term->w;
    if (!term->interleaved)
        return w + hg_dtype_span(term->type, i * term->ldw + j);
    const int64_t row = i % HG_INTERLEAVE_ROWS, columns = hg_interleave_columns(term->type);
    for (int64_t at = 0; at < n; at += columns)
        hg_interleave_take(
            term->type, w + hg_dtype_span(term->type, (i - row) * term->x->k + (j + at) * HG_INTERLEAVE_ROWS),
            (int)row, taken + hg_dtype_span(term->type, at));
    return taken;
}

/* The product of a run at column j, of n. */
static double ref_bytes_dot(const ref_row *row, int64_t j, int64_t n, const hg_wide *x, int64_t t)
{
    int32_t sum = 0;
    for (int64_t i = j; i < j + n; i++)
        sum += row->codes[i] * *hg_wide_code(x, t, i);
    return (double)sum * (double)row->scales[j / HG_WIDE_RUN];
}

static double ref_kept_dot(const ref_row *row, int64_t j, int64_t n, const hg_wide *x, int64_t t)
{
    const hg_wide_kept *kept = &row->kept[j / HG_WIDE_RUN];
    int32_t sum = 0, offsets = 0;
    for (int64_t i = 0; i < n; i++) {
        const int code = *hg_wide_code(x, t, j + i);
        sum += kept->factor[i / 32] * row->codes[j + i] * code;
        offsets += kept->offset[i / 32] * code;
    }
    return (double)sum * (double)kept->scale - (double)offsets * (double)kept->minimum;
}

static double ref_wide_dot(const ref_row *row, const hg_wide *x, int64_t t)
{
    double total = 0;
    for (int64_t j = 0; j < x->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(x->k, j);
        total += (row->keeps ? ref_kept_dot(row, j, n, x, t) : ref_bytes_dot(row, j, n, x, t)) *
                 (double)*hg_wide_scale(x, t, j / HG_WIDE_RUN);
    }
    return total;
}

/* Row i of a term's weights times all its rows of x: added to y's column. */
static void ref_wide_term(const hg_wide_term *term, int64_t i, bool keeps, hg_real *y, int64_t ldy,
                          void *scratch)
{
    const hg_wide *x = term->x;
    const ref_row row = ref_row_at(x->k, keeps && hg_wide_kept_holds(term->type), scratch);
    uint8_t taken[HG_WIDE_RUN / 32 * sizeof(hg_block_q8_0)];
    for (int64_t j = 0; j < x->k; j += HG_WIDE_RUN) {
        const int64_t n = hg_wide_run_length(x->k, j);
        const void *blocks = ref_blocks(term, i, j, n, taken);
        (row.keeps ? ref_row_codes : ref_row_bytes)(term->type, j, n, blocks, &row);
    }
    for (int64_t t = 0; t < x->t; t++, y += ldy)
        *y = (hg_real)((double)*y + ref_wide_dot(&row, x, t));
}

static void ref_wide_terms(int64_t n, const hg_wide_term *terms, int n_terms, bool keeps, bool add,
                           hg_real *y, int64_t ldy, void *scratch)
{
    for (int64_t t = 0; t < terms[0].x->t && !add; t++) {
        for (int64_t i = 0; i < n; i++)
            y[t * ldy + i] = 0;
    }
    for (int term = 0; term < n_terms; term++) {
        for (int64_t i = 0; i < n; i++)
            ref_wide_term(&terms[term], i, keeps, y + i, ldy, scratch);
    }
}

void hg_reference_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y,
                            int64_t ldy, void *scratch)
{
    ref_wide_terms(n, terms, n_terms, false, add, y, ldy, scratch);
}

void hg_reference_gemm_kept(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y,
                            int64_t ldy, void *scratch)
{
    ref_wide_terms(n, terms, n_terms, true, add, y, ldy, scratch);
}
