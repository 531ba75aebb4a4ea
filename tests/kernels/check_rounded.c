/* SPDX-License-Identifier: Apache-2.0
 *
 * check_rounded.c: see check_rounded.h. Rounding must be the same bit for bit; products may differ by the
 * order of their sums.
 */
#include "check_rounded.h"

#include "guard.h"
#include "kernel_values.h"
#include "tensor/interleave.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const hg_kernels *reference_table(void)
{
    return hg_kernels_get(HG_CPU_TIER_REFERENCE);
}

static hg_rounded new_rounded(int64_t t, int64_t k)
{
    return hg_rounded_make(t, k, guard_alloc(hg_rounded_bytes(t, k)));
}

static void free_rounded(const hg_rounded *r)
{
    guard_free(r->codes, hg_rounded_bytes(r->t, r->k));
}

/* Ordinary runs, runs of zeros, tiny and huge ones, and runs with something that is not finite. */
static void make_hard(int64_t k, float *x)
{
    static const float special[] = {0, 1e-45F, 1e-32F, 1e38F, INFINITY, -INFINITY, NAN};
    for (int64_t j = 0; j < k; j++) {
        int64_t run = j / 32;
        if (run % 3 == 1)
            x[j] *= special[run / 3 % 4];
        if (run % 6 == 5 && j % 32 == run % 32)
            x[j] = special[4 + run / 6 % 3];
    }
}

static void check_round(const hg_kernels *t, int64_t k, hg_rng *rng)
{
    float *x = new_floats(k, rng, 3);
    make_hard(k, x);
    x[0] = 0.5F; /* with the largest of the run 127: a tie, which goes to the even neighbour */
    x[1] = 127;
    x[2] = -1.5F;
    hg_rounded want = new_rounded(2, k), got = new_rounded(2, k);
    for (int row = 0; row < 2; row++) {
        reference_table()->round(x, &want, row);
        t->round(x, &got, row);
    }
    assert_int_equal(want.codes[0], 0);
    assert_int_equal(want.codes[2], -2);
    for (int64_t i = 0; i < 2 * k / 32; i++)
        assert_true(want.scales[i] == got.scales[i] || (isnan(want.scales[i]) && isnan(got.scales[i])));
    for (int64_t i = 0; i < 2 * k / 32; i++)
        assert_true(want.sums[i] == got.sums[i] || (isnan(want.sums[i]) && isnan(got.sums[i])));
    assert_memory_equal(want.codes, got.codes, (size_t)(2 * k));
    assert_memory_equal(want.minus_4, got.minus_4, (size_t)(2 * k / 4) * sizeof(int32_t));
    assert_memory_equal(want.minus_16, got.minus_16, (size_t)(2 * k / 16) * sizeof(int32_t));
    assert_memory_equal(want.minus_32, got.minus_32, (size_t)(2 * k / 32) * sizeof(int32_t));
    free_rounded(&want);
    free_rounded(&got);
    free_floats(x, k);
}

/* scale[t, i] = sum_j |w[i, j] x[t, j]|, of minima and codes apart: what rounding errors grow with. */
static void product_scale(const float *w, int64_t ldw, int64_t n, const hg_rounded *x, float *scale)
{
    for (int64_t i = 0; i < n * x->t; i++) {
        double sum = 0;
        for (int64_t j = 0, t = i / n; j < x->k; j++)
            sum += fabs((double)w[i % n * ldw + j] * x->codes[t * x->k + j] *
                        (double)x->scales[(t * x->k + j) / 32]);
        scale[i] = (float)sum;
    }
}

typedef struct product_case {
    hg_dtype type;
    int64_t n, k, t, ldw;
    bool add;
    bool largest; /* codes of weights and of x, which have one sign: no sums can be larger */
} product_case;

static uint8_t *case_weights(const product_case *c, int64_t count, hg_rng *rng, float *real)
{
    return (c->largest ? new_largest_weights : new_weights)(c->type, count, rng, real);
}

/* The rows of x, rounded. */
static hg_rounded case_rows(const product_case *c, hg_rng *rng)
{
    hg_rounded rows = new_rounded(c->t, c->k);
    float *x = new_floats(c->k, rng, 1);
    for (int64_t t = 0; t < c->t; t++) {
        for (int64_t j = 0; j < c->k; j++)
            x[j] = c->largest ? (t % 2 == 0 ? 1 : -1) : (float)(2 * hg_rng_uniform(rng) - 1);
        reference_table()->round(x, &rows, t);
    }
    free_floats(x, c->k);
    return rows;
}

static void check_product(const hg_kernels *kernels, const product_case *c, hg_rng *rng)
{
    int64_t count = (c->n - 1) * c->ldw + c->k, n_y = c->n * c->t;
    float *real = new_floats(count, rng, 1);
    float *want = new_floats(n_y, rng, 1), *got = new_floats(n_y, rng, 1), *scale = new_floats(n_y, rng, 1);
    void *w = case_weights(c, count, rng, real), *scratch = guard_alloc(hg_rounded_scratch(c->k));
    hg_rounded rows = case_rows(c, rng);
    product_scale(real, c->ldw, c->n, &rows, scale);
    for (int way = 0; way < 2; way++) {
        for (int64_t i = 0; i < n_y; i++)
            want[i] = got[i] = c->add ? (float)hg_rng_uniform(rng) : NAN; /* not read unless added to */
        reference_table()->matvec_rounded(c->type, c->n, w, c->ldw, &rows, c->add, want, c->n);
        if (way == 0)
            kernels->matvec_rounded(c->type, c->n, w, c->ldw, &rows, c->add, got, c->n);
        else
            kernels->gemm_rounded(c->type, c->n, w, c->ldw, &rows, c->add, got, c->n, scratch);
        compare(way == 0 ? "matvec_rounded" : "gemm_rounded", n_y, want, got, scale,
                c->type == HG_DTYPE_Q4_K ? 4e-6 : 2e-6, 1e-7);
    }
    free_rounded(&rows);
    guard_free(scratch, hg_rounded_scratch(c->k));
    free_weights(c->type, w, count);
    free_floats(real, count);
    free_floats(want, n_y);
    free_floats(got, n_y);
    free_floats(scale, n_y);
}

/* Interleaved weights: few rows and many, to the bit the same, which is that of gemm_rounded. */
static void check_interleaved(const hg_kernels *kernels, const product_case *c, hg_rng *rng)
{
    const int64_t count = c->n * c->k, n_y = c->n * c->t;
    const size_t group = hg_dtype_span(c->type, HG_INTERLEAVE_ROWS * c->k);
    float *real = new_floats(count, rng, 1), *y[4], *scale;
    uint8_t *rows = case_weights(c, count, rng, real), *w = guard_alloc(hg_dtype_span(c->type, count));
    void *scratch = guard_alloc(hg_rounded_scratch(c->k));
    for (int64_t i = 0; i < c->n / HG_INTERLEAVE_ROWS; i++)
        hg_interleave_pack(c->type, c->k, rows + (size_t)i * group, w + (size_t)i * group);
    hg_rounded rounded = case_rows(c, rng);
    scale = new_floats(n_y, rng, 1);
    product_scale(real, c->k, c->n, &rounded, scale);
    for (int way = 0; way < 4; way++)
        y[way] = new_floats(n_y, rng, 1);
    for (int64_t i = 0; i < n_y; i++)
        y[0][i] = y[1][i] = y[2][i] = y[3][i] = c->add ? (float)hg_rng_uniform(rng) : NAN;
    reference_table()->matvec_rounded(c->type, c->n, rows, c->k, &rounded, c->add, y[0], c->n);
    kernels->gemm_rounded(c->type, c->n, rows, c->k, &rounded, c->add, y[1], c->n, scratch);
    kernels->matvec_interleaved(c->type, c->n, w, (hg_prefetch)(hg_rng_next(rng) % HG_PREFETCH_COUNT),
                                &rounded, c->add, y[2], c->n);
    kernels->gemm_interleaved(c->type, c->n, w, &rounded, c->add, y[3], c->n, scratch);
    compare("matvec_interleaved", n_y, y[0], y[2], scale, c->type == HG_DTYPE_Q4_K ? 4e-6 : 2e-6, 1e-7);
    assert_memory_equal(y[2], y[3], (size_t)n_y * sizeof(float));
    if (kernels->interleaves)
        assert_memory_equal(y[1], y[2], (size_t)n_y * sizeof(float));
    for (int way = 0; way < 4; way++)
        free_floats(y[way], n_y);
    free_floats(scale, n_y);
    free_rounded(&rounded);
    guard_free(scratch, hg_rounded_scratch(c->k));
    guard_free(w, hg_dtype_span(c->type, count));
    free_weights(c->type, rows, count);
    free_floats(real, count);
}

static const hg_dtype block_types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};

void check_rounded(const hg_kernels *t, hg_rng *rng)
{
    static const int64_t columns[] = {32, 64, 96, 256, 512, 768, 1056};
    static const int64_t outputs[] = {1, 3, 8, 16, 17, 33, 64}, rows[] = {1, 2, 3, 4, 5, 6, 7, 13, 8};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        check_round(t, columns[i], rng);
    for (size_t i = 0; i < 4 * 7 * 9; i++) {
        product_case c = {
            .type = block_types[i % 4], .n = outputs[i / 4 % 7], .t = rows[i % 9], .add = i % 5 < 2};
        c.k = columns[(i / 4 + i / 28) % 7];
        if (!type_holds(c.type, c.k))
            c.k = 256 * (int64_t)(1 + i % 3);
        c.ldw = c.k + (i % 3 == 0 ? 2 * hg_dtype_block(c.type) : 0);
        check_product(t, &c, rng);
    }
    for (size_t i = 0; i < 3 * 3 * 9; i++) {
        static const int64_t groups[] = {16, 48, 64};
        product_case c = {.type = block_types[i % 3], .n = groups[i / 3 % 3], .t = rows[i % 9], .add = i % 2};
        c.k = (c.type == HG_DTYPE_Q4_K ? 256 : 64) * (int64_t)(1 + i / 9 % 5);
        check_interleaved(t, &c, rng);
    }
    for (size_t i = 0; i < 4 * 4; i++) {
        product_case c = {
            .type = block_types[i % 4], .n = 32, .k = 512, .t = 1 + (int64_t)i / 4 * 2, .ldw = 512};
        c.largest = true;
        check_product(t, &c, rng);
        if (c.type != HG_DTYPE_Q6_K)
            check_interleaved(t, &c, rng);
    }
}

/* A run's activations move by at most half a step, largest / 254, each: no sum of products can move by more
 * than half a step times the weights' magnitudes. */
void check_rounding_error(hg_rng *rng)
{
    enum { N = 64, K = 1024 };
    for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
        float *real = new_floats(N * K, rng, 1), *x = new_floats(K, rng, 4);
        float *plain = new_floats(N, rng, 1), *got = new_floats(N, rng, 1), *bound = new_floats(N, rng, 1);
        void *w = new_weights(block_types[i], N * K, rng, real);
        hg_rounded row = new_rounded(1, K);
        reference_table()->round(x, &row, 0);
        reference_table()->matvec(block_types[i], N, K, w, K, x, true, plain);
        reference_table()->matvec_rounded(block_types[i], N, w, K, &row, false, got, N);
        for (int n = 0; n < N; n++) {
            double sum = 0;
            for (int j = 0; j < K; j++)
                sum += fabs((double)real[n * K + j]) * (double)row.scales[j / 32] / 2;
            bound[n] = (float)sum;
        }
        compare("rounding", N, plain, got, bound, 1.0001, 0);
        free_rounded(&row);
        free_weights(block_types[i], w, N * K);
        free_floats(real, N * K);
        free_floats(x, K);
        free_floats(plain, N);
        free_floats(got, N);
        free_floats(bound, N);
    }
}
