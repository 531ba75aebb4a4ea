/* SPDX-License-Identifier: Apache-2.0
 *
 * check_heads.c: attention of one query, before and after the softmax, with one head and with heads abreast.
 */
#include "check_heads.h"

#include "kernel_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* scale[j] = sum_i |p[i] v[i, j]|. */
static void head_sums_scale(int64_t n, int64_t d, const float *p, const float *v, int64_t ldv, float *scale)
{
    for (int64_t j = 0; j < d; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += fabs((double)p[i] * (double)v[i * ldv + j]);
        scale[j] = (float)sum;
    }
}

/* Queries and weights of the heads abreast, ld* apart. */
typedef struct head_inputs {
    hg_head_rows rows;
    float *real; /* the rows' elements */
    float *q, *p;
    int64_t ldq, ldp;
} head_inputs;

/* Head h: near the reference's results, and the bits that it has without its neighbours. */
static void check_head(const hg_kernels *t, const head_inputs *in, int64_t h, const float *scores,
                       const float *sums, hg_rng *rng)
{
    const int64_t n = in->rows.n, d = in->rows.d;
    const float *q = in->q + h * in->ldq, *p = in->p + h * in->ldp, *real = in->real + h * d;
    float *want_p = new_floats(n, rng, 1), *alone_p = new_floats(n, rng, 1), *scale_p = new_floats(n, rng, 1);
    float *want_y = new_floats(d, rng, 1), *alone_y = new_floats(d, rng, 1), *scale_y = new_floats(d, rng, 1);
    hg_head_rows one = in->rows;
    one.heads = 1;
    one.rows = (const uint8_t *)one.rows + hg_dtype_span(one.type, h * d);
    hg_kernels_get(HG_CPU_TIER_REFERENCE)->head_scores(&one, q, 0, want_p, 0);
    hg_kernels_get(HG_CPU_TIER_REFERENCE)->head_sums(&one, p, 0, want_y, 0);
    t->head_scores(&one, q, 0, alone_p, 0);
    t->head_sums(&one, p, 0, alone_y, 0);
    assert_memory_equal(alone_p, scores, (size_t)n * sizeof *scores);
    assert_memory_equal(alone_y, sums, (size_t)d * sizeof *sums);
    matvec_scale(n, d, real, one.ld, q, scale_p);
    head_sums_scale(n, d, p, real, one.ld, scale_y);
    compare("head_scores", n, want_p, alone_p, scale_p, one.type == HG_DTYPE_Q4_K ? 2e-6 : 1e-6, 0);
    compare("head_sums", d, want_y, alone_y, scale_y, 2e-6, 0);
    free_floats(want_p, n);
    free_floats(alone_p, n);
    free_floats(scale_p, n);
    free_floats(want_y, d);
    free_floats(alone_y, d);
    free_floats(scale_y, d);
}

/* Heads that lie abreast, with gaps between positions, queries and results. */
static void check_heads_of(const hg_kernels *t, hg_dtype type, int64_t n, int heads, int64_t d, hg_rng *rng)
{
    const int64_t ld = heads * d + (n % 2) * 3 * hg_dtype_block(type), count = (n - 1) * ld + heads * d,
                  ldq = d + 3, ldp = n + 2, ldy = d + 1;
    const int64_t n_q = (heads - 1) * ldq + d, n_p = (heads - 1) * ldp + n, n_y = (heads - 1) * ldy + d;
    head_inputs in = {.real = new_floats(count, rng, 1),
                      .q = new_floats(n_q, rng, 1),
                      .p = new_floats(n_p, rng, 1),
                      .ldq = ldq,
                      .ldp = ldp};
    float *scores = new_floats(n_p, rng, 1), *sums = new_floats(n_y, rng, 1);
    void *rows = new_weights(type, count, rng, in.real);
    in.rows = (hg_head_rows){type, n, heads, d, rows, ld, n % 2 == 0};
    t->head_scores(&in.rows, in.q, ldq, scores, ldp);
    t->head_sums(&in.rows, in.p, ldp, sums, ldy);
    for (int64_t h = 0; h < heads; h++)
        check_head(t, &in, h, scores + h * ldp, sums + h * ldy, rng);
    free_weights(type, rows, count);
    free_floats(in.real, count);
    free_floats(in.q, n_q);
    free_floats(in.p, n_p);
    free_floats(scores, n_p);
    free_floats(sums, n_y);
}

void check_heads(const hg_kernels *t, int64_t d, hg_rng *rng)
{
    static const int64_t positions[] = {1, 4, 37};
    for (size_t i = 0; i < KERNEL_TYPES * 3; i++) {
        for (int heads = 1; heads <= HG_HEADS_ABREAST && type_holds(kernel_types[i / 3], d); heads *= 2)
            check_heads_of(t, kernel_types[i / 3], positions[i % 3], heads, d, rng);
    }
}
