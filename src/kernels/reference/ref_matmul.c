/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_matmul.c: products in plain C. Weights of other types are converted in runs that stay in the
 * first-level cache; every sum is kept in double.
 */
#include "kernels/reference/reference.h"

/* Elements converted or summed at a time; whole blocks of every type. */
#define RUN HG_DTYPE_MAX_BLOCK

static const void *ref_at(hg_dtype type, const void *base, int64_t element)
{
    return (const uint8_t *)base + hg_dtype_span(type, element);
}

static int64_t ref_run(int64_t n, int64_t begin)
{
    return n - begin < RUN ? n - begin : RUN;
}

void hg_reference_matvec(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const hg_real *x,
                         bool ask, hg_real *y)
{
    (void)ask;
    hg_real row[RUN];
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < k; j += RUN) {
            int64_t run = ref_run(k, j);
            hg_dtype_to_real(type, run, ref_at(type, w, i * ldw + j), row);
            for (int64_t l = 0; l < run; l++)
                sum += (double)row[l] * (double)x[j + l];
        }
        y[i] = (hg_real)sum;
    }
}

void hg_reference_matvecs(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int64_t n_x,
                          const hg_real *x, int64_t ldx, bool ask, hg_real *y, int64_t ldy)
{
    for (int64_t t = 0; t < n_x; t++)
        hg_reference_matvec(type, n, k, w, ldw, x + t * ldx, ask, y + t * ldy);
}

void hg_reference_head_scores(const hg_head_rows *k, const hg_real *q, int64_t ldq, hg_real *p, int64_t ldp)
{
    for (int head = 0; head < k->heads; head++)
        hg_reference_matvec(k->type, k->n, k->d, ref_at(k->type, k->rows, head * k->d), k->ld, q + head * ldq,
                            k->ask, p + head * ldp);
}

/* y (D) of one head, whose first row is `rows`. */
static void ref_head_sum(const hg_head_rows *v, const void *rows, const hg_real *p, hg_real *y)
{
    hg_real row[RUN];
    double sum[RUN];
    for (int64_t j = 0; j < v->d; j += RUN) {
        int64_t run = ref_run(v->d, j);
        for (int64_t l = 0; l < run; l++)
            sum[l] = 0;
        for (int64_t i = 0; i < v->n; i++) {
            hg_dtype_to_real(v->type, run, ref_at(v->type, rows, i * v->ld + j), row);
            for (int64_t l = 0; l < run; l++)
                sum[l] += (double)p[i] * (double)row[l];
        }
        for (int64_t l = 0; l < run; l++)
            y[j + l] = (hg_real)sum[l];
    }
}

void hg_reference_head_sums(const hg_head_rows *v, const hg_real *p, int64_t ldp, hg_real *y, int64_t ldy)
{
    for (int head = 0; head < v->heads; head++)
        ref_head_sum(v, ref_at(v->type, v->rows, head * v->d), p + head * ldp, y + head * ldy);
}

/* sum[j] = row i of op(A) times columns `begin` to `begin + run` of op(B). */
static void ref_gemm_run(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, int64_t i, int64_t begin,
                         int64_t run, double *sum)
{
    const hg_real *a_row = s->trans_a ? a + i : a + i * s->lda;
    int64_t a_step = s->trans_a ? s->lda : 1;
    if (s->trans_b) { /* rows of B are contiguous in k */
        for (int64_t j = 0; j < run; j++) {
            const hg_real *b_row = b + (begin + j) * s->ldb;
            sum[j] = 0;
            for (int64_t l = 0; l < s->k; l++)
                sum[j] += (double)a_row[l * a_step] * (double)b_row[l];
        }
        return;
    }
    for (int64_t j = 0; j < run; j++)
        sum[j] = 0;
    for (int64_t l = 0; l < s->k; l++) {
        const hg_real *b_row = b + l * s->ldb + begin;
        double scale = (double)a_row[l * a_step];
        for (int64_t j = 0; j < run; j++)
            sum[j] += scale * (double)b_row[j];
    }
}

void hg_reference_gemm(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, hg_real beta, hg_real *c)
{
    double sum[RUN];
    for (int64_t i = 0; i < s->m; i++) {
        for (int64_t begin = 0; begin < s->n; begin += RUN) {
            int64_t run = ref_run(s->n, begin);
            hg_real *c_row = c + i * s->ldc + begin;
            ref_gemm_run(s, a, b, i, begin, run, sum);
            /* C is not read when beta is 0: it may be uninitialised. */
            for (int64_t j = 0; j < run; j++)
                c_row[j] = (hg_real)(beta == 0 ? sum[j] : sum[j] + (double)beta * (double)c_row[j]);
        }
    }
}
