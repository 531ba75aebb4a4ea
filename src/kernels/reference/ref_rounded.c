/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_rounded.c: rounding to 8 bits and products of what comes out, in plain C. The rounding is the
 * definition: other tiers give the same bits. Products are those of the plain kernels, on code · scale.
 */
#include "kernels/reference/reference.h"

#include "tensor/interleave.h"

#include <math.h>

/* Smaller runs are zeros: 127 / max would leave float's range. */
#define REF_LEAST 0x1p-100F
/* The largest step of interleaved weights that a row has: a block of q4_k. */
#define REF_STEP_BYTES 144

static float ref_run_max(const hg_real *x)
{
    float max = 0;
    for (int i = 0; i < HG_ROUNDED_RUN; i++) {
        float size = fabsf((float)x[i]);
        if (!(size <= max)) /* a NaN is largest, and stays */
            max = isnan(max) ? max : size;
    }
    return max;
}

static void ref_round_run(const hg_real *x, int8_t *codes, float *scale)
{
    float max = ref_run_max(x);
    *scale = isfinite(max) ? max / 127 : NAN;
    float inverse = isfinite(max) && max >= REF_LEAST ? 127 / max : 0;
    if (inverse == 0 && isfinite(max))
        *scale = 0;
    for (int i = 0; i < HG_ROUNDED_RUN; i++)
        codes[i] = (int8_t)(inverse == 0 ? 0 : lrintf((float)x[i] * inverse));
}

void hg_reference_round(const hg_real *x, const hg_rounded *to, int64_t row)
{
    hg_rounded r = hg_rounded_rows(to, row, 1);
    for (int64_t j = 0; j < r.k; j += HG_ROUNDED_RUN, x += HG_ROUNDED_RUN) {
        ref_round_run(x, r.codes + j, &r.scales[j / 32]);
        for (int i = 0; i < HG_ROUNDED_RUN; i++) {
            int32_t code = r.codes[j + i];
            r.minus_4[(j + i) / 4] = (i % 4 == 0 ? 0 : r.minus_4[(j + i) / 4]) - code;
            r.minus_16[(j + i) / 16] = (i % 16 == 0 ? 0 : r.minus_16[(j + i) / 16]) - code;
            r.minus_32[j / 32] = (i == 0 ? 0 : r.minus_32[j / 32]) - code;
        }
        r.sums[j / 32] = -r.scales[j / 32] * (float)r.minus_32[j / 32];
    }
}

/* n weights times row t of x from column j on. */
static double ref_rounded_dot(const hg_real *w, int64_t n, const hg_rounded *x, int64_t t, int64_t j)
{
    double sum = 0;
    for (int64_t l = 0; l < n; l++)
        sum += (double)w[l] * (double)x->codes[t * x->k + j + l] * (double)x->scales[(t * x->k + j + l) / 32];
    return sum;
}

void hg_reference_matvec_rounded(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                                 bool add, hg_real *y, int64_t ldy)
{
    hg_real row[HG_DTYPE_MAX_BLOCK];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t t = 0; t < x->t; t++) {
            double sum = 0;
            for (int64_t j = 0; j < x->k; j += HG_DTYPE_MAX_BLOCK) {
                int64_t run = x->k - j < HG_DTYPE_MAX_BLOCK ? x->k - j : HG_DTYPE_MAX_BLOCK;
                hg_dtype_to_real(type, run, (const uint8_t *)w + hg_dtype_span(type, i * ldw + j), row);
                sum += ref_rounded_dot(row, run, x, t, j);
            }
            y[t * ldy + i] = (hg_real)(add ? sum + (double)y[t * ldy + i] : sum);
        }
    }
}

void hg_reference_gemm_rounded(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                               bool add, hg_real *y, int64_t ldy, void *scratch)
{
    (void)scratch;
    hg_reference_matvec_rounded(type, n, w, ldw, x, add, y, ldy);
}

/* Step by step taken apart. */
void hg_reference_matvec_interleaved(hg_dtype type, int64_t n, const void *w, hg_prefetch prefetch,
                                     const hg_rounded *x, bool add, hg_real *y, int64_t ldy)
{
    (void)prefetch;
    const int64_t columns = hg_interleave_columns(type);
    uint8_t blocks[REF_STEP_BYTES];
    hg_real row[HG_DTYPE_MAX_BLOCK];
    for (int64_t i = 0; i < n; i++) {
        const int64_t first = i / HG_INTERLEAVE_ROWS * HG_INTERLEAVE_ROWS;
        for (int64_t t = 0; t < x->t; t++) {
            double sum = 0;
            for (int64_t j = 0; j < x->k; j += columns) {
                const uint8_t *step =
                    (const uint8_t *)w + hg_dtype_span(type, first * x->k + j * HG_INTERLEAVE_ROWS);
                hg_interleave_take(type, step, (int)(i - first), blocks);
                hg_dtype_to_real(type, columns, blocks, row);
                sum += ref_rounded_dot(row, columns, x, t, j);
            }
            y[t * ldy + i] = (hg_real)(add ? sum + (double)y[t * ldy + i] : sum);
        }
    }
}

void hg_reference_gemm_interleaved(hg_dtype type, int64_t n, const void *w, const hg_rounded *x, bool add,
                                   hg_real *y, int64_t ldy, void *scratch)
{
    (void)scratch;
    hg_reference_matvec_interleaved(type, n, w, HG_PREFETCH_NONE, x, add, y, ldy);
}
