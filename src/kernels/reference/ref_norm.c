/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_norm.c: normalisations of one row, in plain C.
 */
#include "kernels/reference/reference.h"

void hg_reference_rmsnorm(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain, hg_real *y)
{
    double squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    double r = 1 / sqrt(squares / (double)n + (double)eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (hg_real)((double)x[i] * r * (double)gain[i]);
}

void hg_reference_layernorm(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain,
                            const hg_real *bias, hg_real *y)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    double mean = sum / (double)n;
    /* A second pass: the squares of large values would lose the variance. */
    for (int64_t i = 0; i < n; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    double r = 1 / sqrt(squares / (double)n + (double)eps);
    for (int64_t i = 0; i < n; i++)
        y[i] = (hg_real)(((double)x[i] - mean) * r * (double)gain[i] + (double)bias[i]);
}

void hg_reference_softmax(int64_t n, hg_real scale, hg_real *x)
{
    hg_real max = -HG_REAL_MAX;
    for (int64_t i = 0; i < n; i++) {
        x[i] *= scale;
        max = x[i] > max ? x[i] : max;
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = HG_REAL_EXP(x[i] - max);
        sum += (double)x[i];
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (hg_real)((double)x[i] / sum);
}

void hg_reference_column_sums(int64_t n, int64_t c, const hg_real *x, hg_real *sum, hg_real *square)
{
    memset(sum, 0, (size_t)c * sizeof *sum);
    memset(square, 0, (size_t)c * sizeof *square);
    for (int64_t i = 0; i < n; i++, x += c) {
        for (int64_t j = 0; j < c; j++) {
            sum[j] += x[j];
            square[j] += x[j] * x[j];
        }
    }
}

/* A part's exponentials to x, or, where `to` is not NULL, there in bf16. */
static hg_real ref_softmax_part(int64_t n, hg_real scale, const hg_real *from, hg_real *x, uint16_t *to,
                                hg_real *max, hg_real *sum)
{
    hg_real most = *max;
    for (int64_t i = 0; i < n; i++)
        most = scale * from[i] > most ? scale * from[i] : most;
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        const hg_real e = HG_REAL_EXP(scale * from[i] - most);
        if (to != NULL)
            hg_dtype_from_real(HG_DTYPE_BF16, 1, &e, to + i);
        else
            x[i] = e;
        total += (double)e;
    }
    hg_real factor = HG_REAL_EXP(*max - most);
    *sum = (hg_real)((double)*sum * (double)factor + total);
    *max = most;
    return factor;
}

hg_real hg_reference_softmax_part(int64_t n, hg_real scale, hg_real *x, hg_real *max, hg_real *sum)
{
    return ref_softmax_part(n, scale, x, x, NULL, max, sum);
}

hg_real hg_reference_softmax_part_bf16(int64_t n, hg_real scale, const hg_real *x, hg_real *max, hg_real *sum,
                                       uint16_t *to)
{
    return ref_softmax_part(n, scale, x, NULL, to, max, sum);
}
