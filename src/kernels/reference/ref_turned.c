/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_turned.c: products along the columns of block-quantised weights in plain C: the definition of the
 * columns' scales and codes.
 */
#include "kernels/reference/reference.h"

#include <math.h>

/* Codes of the first `rows` of a column of unpacked weights; returns their scale. */
static float ref_turn_column(int64_t rows, const hg_real *column, int8_t *codes)
{
    float largest = HG_TURNED_LEAST;
    for (int64_t i = 0; i < rows; i++)
        largest = fmaxf(largest, fabsf((float)column[i * HG_TURNED_STRIDE]));
    float factor = 127 / largest;
    for (int64_t i = 0; i < rows; i++)
        codes[i] = (int8_t)lrintf((float)column[i * HG_TURNED_STRIDE] * factor);
    return largest / 127;
}

void hg_reference_gemm_turned(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                              hg_real *y, int64_t ldy, void *scratch)
{
    hg_real *all = scratch;
    int8_t codes[HG_TURNED_ROWS];
    for (int64_t i = 0; i < x->k; i++)
        hg_dtype_to_real(type, n, (const uint8_t *)w + hg_dtype_span(type, i * ldw),
                         all + i * HG_TURNED_STRIDE);
    for (int64_t j = 0; j < n; j++) {
        float scale = ref_turn_column(x->k, all + j, codes);
        for (int64_t t = 0; t < x->t; t++) {
            double sum = 0;
            for (int64_t i = 0; i < x->k; i++)
                sum += (double)x->scales[(t * x->k + i) / HG_ROUNDED_RUN] * x->codes[t * x->k + i] * codes[i];
            y[t * ldy + j] += (hg_real)(sum * (double)scale);
        }
    }
}
