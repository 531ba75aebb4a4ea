/* SPDX-License-Identifier: Apache-2.0
 *
 * check_kernels.c: every kernel of every tier that this machine runs against the reference table, on odd
 * sizes and all weight types, with inputs and results ending at a guard page. `--best` checks the best tier
 * alone (emulators are slow), `--readable-guard` lets guard pages be read; `--bench` and `--bench-rounded`
 * print times instead.
 */
#include "check_amx.h"
#include "check_bf16.h"
#include "check_heads.h"
#include "check_rounded.h"
#include "check_turned.h"
#include "check_wide.h"
#include "guard.h"
#include "kernel_values.h"

#include "bench_kernels.h"
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const int64_t sizes[] = {1,  2,  3,  7,  8,   9,   15,  16,  17,  31,   32,
                                33, 64, 65, 96, 100, 128, 256, 257, 768, 1023, 1024};
#define N_SIZES (sizeof sizes / sizeof *sizes)
/* Rows whose x fills half of a first-level cache go another way. */
#define LONGER_ROW 4352

static const hg_kernels *reference_table(void)
{
    return hg_kernels_get(HG_CPU_TIER_REFERENCE);
}

/* ---- each kernel against the reference; `t` is the tier's table ---- */

static void check_to_real(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    for (size_t i = 0; i < KERNEL_TYPES; i++) {
        if (!type_holds(kernel_types[i], n))
            continue;
        float *want = new_floats(n, rng, 1), *got = new_floats(n, rng, 1);
        void *w = new_weights(kernel_types[i], n, rng, want);
        t->to_real(kernel_types[i], n, w, got);
        assert_memory_equal(want, got, (size_t)n * sizeof *want);
        free_weights(kernel_types[i], w, n);
        free_floats(want, n);
        free_floats(got, n);
    }
}

/* All 65,536 patterns of both 16-bit types, infinities and subnormals among them. NaNs need only stay NaNs.
 */
static void check_to_real_patterns(const hg_kernels *t)
{
    static uint16_t all[65536];
    static float got[65536];
    for (int i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (size_t k = 1; k <= 2; k++) {
        t->to_real(kernel_types[k], 65536, all, got);
        for (int i = 0; i < 65536; i++) {
            float want = kernel_types[k] == HG_DTYPE_F16 ? hg_f16_to_f32(all[i]) : hg_bf16_to_f32(all[i]);
            assert_true(memcmp(&want, &got[i], sizeof want) == 0 || (isnan(want) && isnan(got[i])));
        }
    }
}

/* Bit for bit, but for NaNs, which need only stay NaNs. */
static void check_from_real(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    static const hg_dtype to[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16, HG_DTYPE_Q8_0};
    static const double ranges[] = {1, 1e-6, 1e5};
    for (size_t i = 0; i < 4 * 3; i++) {
        hg_dtype type = to[i / 3];
        if (!type_holds(type, n))
            continue;
        float *x = new_floats(n, rng, ranges[i % 3]);
        x[n / 2] = INFINITY;
        size_t bytes = hg_dtype_span(type, n);
        uint8_t *want = guard_alloc(bytes), *got = guard_alloc(bytes);
        reference_table()->from_real(type, n, x, want);
        t->from_real(type, n, x, got);
        assert_memory_equal(want, got, bytes);
        guard_free(want, bytes);
        guard_free(got, bytes);
        free_floats(x, n);
    }
}

/* A row in two parts against the whole. */
static void check_softmax_part(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    float *x = new_floats(2 * n, rng, 3), *want = new_floats(2 * n, rng, 1);
    memcpy(want, x, (size_t)(2 * n) * sizeof *x);
    reference_table()->softmax(2 * n, 9, want);
    float max = -HUGE_VALF, sum = 0;
    float first = t->softmax_part(n, 9, x, &max, &sum);
    assert_true(first == 0);
    float second = t->softmax_part(n, 9, x + n, &max, &sum);
    for (int64_t i = 0; i < 2 * n; i++)
        x[i] *= (i < n ? second : 1) / sum;
    compare("softmax_part", 2 * n, want, x, NULL, 1e-5, 1e-9);
    free_floats(x, 2 * n);
    free_floats(want, 2 * n);
}

static void check_to_bf16(const hg_kernels *t, hg_rng *rng)
{
    static const hg_dtype from[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16};
    for (size_t i = 0; i < 3 * N_SIZES; i++) {
        int64_t n = sizes[i / 3];
        size_t bytes = (size_t)n * hg_dtype_bytes(from[i % 3]);
        float *x = new_floats(n, rng, 3);
        void *source = guard_alloc(bytes);
        uint16_t *want = new_bf16(n, rng), *got = new_bf16(n, rng);
        hg_dtype_from_real(from[i % 3], n, x, source);
        reference_table()->to_bf16(from[i % 3], n, source, want);
        t->to_bf16(from[i % 3], n, source, got);
        assert_memory_equal(got, want, (size_t)n * sizeof *want);
        guard_free(want, (size_t)n * sizeof *want);
        guard_free(got, (size_t)n * sizeof *got);
        guard_free(source, bytes);
        free_floats(x, n);
    }
}

/* Weights are off by half a step of bf16 and by the exponential's error, sums and factors by the latter. */
static void check_softmax_part_bf16(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    float *x = new_floats(2 * n, rng, 3), *want = new_floats(2 * n, rng, 1), *got = new_floats(2 * n, rng, 1);
    uint16_t *weights = new_bf16(2 * n, rng);
    float max = -HUGE_VALF, sum = 0, want_max = -HUGE_VALF, want_sum = 0;
    for (int i = 0; i < 2; i++) {
        memcpy(want + i * n, x + i * n, (size_t)n * sizeof *x);
        const float want_factor = reference_table()->softmax_part(n, 9, want + i * n, &want_max, &want_sum);
        const float factor = t->softmax_part_bf16(n, 9, x + i * n, &max, &sum, weights + i * n);
        compare("softmax_part_bf16's factor", 1, &want_factor, &factor, NULL, 1e-5, 1e-30);
    }
    compare("softmax_part_bf16's maximum", 1, &want_max, &max, NULL, 1e-6, 0);
    compare("softmax_part_bf16's sum", 1, &want_sum, &sum, NULL, 1e-5, 0);
    for (int64_t i = 0; i < 2 * n; i++)
        got[i] = hg_bf16_to_f32(weights[i]);
    compare("softmax_part_bf16", 2 * n, want, got, NULL, 0x1.1p-8, 1e-30);
    guard_free(weights, (size_t)(2 * n) * sizeof *weights);
    free_floats(x, 2 * n);
    free_floats(want, 2 * n);
    free_floats(got, 2 * n);
}

/* Several rows of x get the bits of one after the other. */
static void check_matvecs(const hg_kernels *t, hg_dtype type, int64_t n, int64_t k, const void *w,
                          int64_t ldw, hg_rng *rng)
{
    enum { MOST = 7 };
    const int64_t ldx = k + 3, ldy = n + 5;
    float *x = new_floats((MOST - 1) * ldx + k, rng, 1), *want = new_floats(n, rng, 1);
    for (int64_t n_x = 1; n_x <= MOST; n_x++) {
        const int64_t count = (n_x - 1) * ldy + n;
        float *got = new_floats(count, rng, 1);
        t->matvecs(type, n, k, w, ldw, n_x, x, ldx, n_x % 2 == 0, got, ldy);
        for (int64_t i = 0; i < n_x; i++) {
            t->matvec(type, n, k, w, ldw, x + i * ldx, false, want);
            assert_memory_equal(want, got + i * ldy, (size_t)n * sizeof *want);
        }
        free_floats(got, count);
    }
    free_floats(x, (MOST - 1) * ldx + k);
    free_floats(want, n);
}

static void check_matvec(const hg_kernels *t, int64_t k, hg_rng *rng)
{
    static const int64_t rows[] = {1, 3, 4, 5, 17};
    for (size_t i = 0; i < KERNEL_TYPES * 5; i++) {
        hg_dtype type = kernel_types[i / 5];
        if (!type_holds(type, k))
            continue;
        int64_t n = rows[i % 5], ldw = k + (int64_t)(i % 2) * 3 * hg_dtype_block(type),
                count = (n - 1) * ldw + k;
        float *real = new_floats(count, rng, 1), *x = new_floats(k, rng, 1), *scale = new_floats(n, rng, 1);
        float *want = new_floats(n, rng, 1), *got = new_floats(n, rng, 1);
        void *w = new_weights(type, count, rng, real);
        reference_table()->matvec(type, n, k, w, ldw, x, true, want);
        t->matvec(type, n, k, w, ldw, x, n % 2 == 0, got);
        matvec_scale(n, k, real, ldw, x, scale);
        /* q4_k is summed as codes and minima apart, both of which are larger than their difference. */
        compare("matvec", n, want, got, scale, type == HG_DTYPE_Q4_K ? 2e-6 : 1e-6, 0);
        check_matvecs(t, type, n, k, w, ldw, rng);
        free_weights(type, w, count);
        free_floats(real, count);
        free_floats(x, k);
        free_floats(scale, n);
        free_floats(want, n);
        free_floats(got, n);
    }
}

static void check_gemm_shape(const hg_kernels *t, const hg_gemm_shape *s, float beta, hg_rng *rng)
{
    int64_t a_rows = s->trans_a ? s->k : s->m, a_columns = s->trans_a ? s->m : s->k;
    int64_t b_rows = s->trans_b ? s->n : s->k, b_columns = s->trans_b ? s->k : s->n;
    int64_t n_a = (a_rows - 1) * s->lda + a_columns, n_b = (b_rows - 1) * s->ldb + b_columns;
    int64_t n_c = (s->m - 1) * s->ldc + s->n;
    float *a = new_floats(n_a, rng, 1), *b = new_floats(n_b, rng, 1);
    float *want = new_floats(n_c, rng, 1), *got = new_floats(n_c, rng, 1);
    for (int64_t i = 0; i < n_c; i++) {
        if (beta == 0 && i % s->ldc < s->n)
            want[i] = NAN; /* not read when beta is 0 */
        got[i] = want[i];
    }
    reference_table()->gemm(s, a, b, beta, want);
    t->gemm(s, a, b, beta, got);
    compare("gemm", n_c, want, got, NULL, 1e-5, 1e-6 * (double)(s->k + 1));
    free_floats(a, n_a);
    free_floats(b, n_b);
    free_floats(want, n_c);
    free_floats(got, n_c);
}

static void check_gemm(const hg_kernels *t, hg_rng *rng)
{
    static const int64_t shapes[][3] = {{1, 1, 1},   {1, 17, 5}, {5, 1, 9},     {3, 64, 65},
                                        {17, 33, 7}, {65, 3, 1}, {64, 31, 257}, {129, 65, 100}};
    for (size_t i = 0; i < 8 * 8; i++) {
        const int64_t *size = shapes[i / 8];
        hg_gemm_shape s = {.trans_a = i & 1, .trans_b = i & 2, .m = size[0], .n = size[1], .k = size[2]};
        int64_t gap = (i & 4) != 0 ? 3 : 0;
        s.lda = (s.trans_a ? s.m : s.k) + gap;
        s.ldb = (s.trans_b ? s.k : s.n) + gap;
        s.ldc = s.n + gap;
        check_gemm_shape(t, &s, 0, rng);
        check_gemm_shape(t, &s, 1, rng);
        check_gemm_shape(t, &s, 0.5F, rng);
    }
    /* An empty sum is 0. */
    float c[4] = {NAN, NAN, NAN, NAN};
    hg_gemm_shape empty = {.m = 2, .n = 2, .k = 0, .lda = 1, .ldb = 2, .ldc = 2};
    t->gemm(&empty, c, c, 0, c);
    for (int i = 0; i < 4; i++)
        assert_true(c[i] == 0);
}

/* Columns of n values: few of them, and where the sigmoid vanishes or is 1. */
static void check_lines_to_bf16(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    static const double ranges[] = {1e-3, 4, 300};
    for (int i = 0; i < 6; i++) {
        const int64_t rows = 1 + i % 3, count = rows * n;
        float *x = new_floats(count, rng, ranges[i % 3]), *slope = new_floats(n, rng, 2),
              *offset = new_floats(n, rng, 1), *scale = new_floats(count, rng, 1),
              *want = new_floats(count, rng, 1), *got = new_floats(count, rng, 1);
        uint16_t *rounded = new_bf16(count, rng);
        t->lines_to_bf16(rows, n, x, slope, offset, i >= 3, rounded);
        for (int64_t j = 0; j < count; j++) {
            double product = (double)x[j] * (double)slope[j % n], v = product + (double)offset[j % n];
            want[j] = (float)(i >= 3 ? v / (1 + exp(-v)) : v);
            got[j] = hg_bf16_to_f32(rounded[j]);
            scale[j] = (float)(0x1.1p-8 * fabs((double)want[j]) + /* half a step, and the sigmoid's error */
                               1e-6 * (fabs(product) + fabs((double)offset[j % n])) + 1e-30);
        }
        compare("lines_to_bf16", count, want, got, scale, 1, 0);
        guard_free(rounded, (size_t)count * sizeof *rounded);
        float *const arrays[] = {x, scale, want, got};
        for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++)
            free_floats(arrays[a], count);
        free_floats(slope, n);
        free_floats(offset, n);
    }
}

/* n columns of a few rows. Sums of 32 numbers in another order differ by 32 roundings of their magnitudes. */
static void check_column_sums(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    for (int64_t rows = 1; rows <= 32; rows += 31) {
        float *x = new_floats(rows * n, rng, 3), *size = new_floats(n, rng, 1);
        float *want[2], *got[2];
        for (int i = 0; i < 2; i++) {
            want[i] = new_floats(n, rng, 1);
            got[i] = new_floats(n, rng, 1);
        }
        for (int64_t j = 0; j < n; j++) {
            double sum = 0, square = 0, magnitude = 0;
            for (int64_t i = 0; i < rows; i++) {
                sum += (double)x[i * n + j];
                square += (double)x[i * n + j] * (double)x[i * n + j];
                magnitude += fabs((double)x[i * n + j]);
            }
            want[0][j] = (float)sum;
            want[1][j] = (float)square;
            size[j] = (float)magnitude;
        }
        t->column_sums(rows, n, x, got[0], got[1]);
        compare("column_sums", n, want[0], got[0], size, 32 * 0x1p-23, 0);
        compare("column_sums' squares", n, want[1], got[1], NULL, 32 * 0x1p-23, 0);
        for (int i = 0; i < 2; i++) {
            free_floats(want[i], n);
            free_floats(got[i], n);
        }
        free_floats(x, rows * n);
        free_floats(size, n);
    }
}

static void check_norms(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    float *x = new_floats(n, rng, 3), *gain = new_floats(n, rng, 1), *bias = new_floats(n, rng, 1);
    float *want = new_floats(n, rng, 1), *got = new_floats(n, rng, 1);
    reference_table()->rmsnorm(n, 1e-5F, x, gain, want);
    t->rmsnorm(n, 1e-5F, x, gain, got);
    compare("rmsnorm", n, want, got, NULL, 2e-6, 0);
    reference_table()->layernorm(n, 1e-5F, x, gain, bias, want);
    t->layernorm(n, 1e-5F, x, gain, bias, got);
    compare("layernorm", n, want, got, NULL, 1e-5, 1e-5);
    memcpy(want, x, (size_t)n * sizeof *x);
    memcpy(got, x, (size_t)n * sizeof *x);
    reference_table()->softmax(n, 9, want);
    t->softmax(n, 9, got);
    compare("softmax", n, want, got, NULL, 1e-5, 1e-9);
    free_floats(x, n);
    free_floats(gain, n);
    free_floats(bias, n);
    free_floats(want, n);
    free_floats(got, n);
}

/* Added to what is there, and to one of the two alone. */
static void check_swiglu_backward(const hg_kernels *t, int64_t n, const float *gate, const float *up,
                                  hg_rng *rng)
{
    float *dy = new_floats(n, rng, 1), *begin = new_floats(n, rng, 0.1), *got[2], *want[2];
    for (int i = 0; i < 2; i++) {
        got[i] = new_floats(n, rng, 1);
        want[i] = new_floats(n, rng, 1);
    }
    for (int which = 1; which <= 3; which++) {
        for (int i = 0; i < 2; i++) {
            memcpy(got[i], begin, (size_t)n * sizeof(float));
            memcpy(want[i], begin, (size_t)n * sizeof(float));
        }
        reference_table()->swiglu_backward(n, gate, up, dy, which & 1 ? want[0] : NULL,
                                           which & 2 ? want[1] : NULL);
        t->swiglu_backward(n, gate, up, dy, which & 1 ? got[0] : NULL, which & 2 ? got[1] : NULL);
        for (int i = 0; i < 2; i++)
            compare("swiglu_backward", n, want[i], got[i], NULL, 1e-5, 1e-6);
    }
    for (int i = 0; i < 2; i++) {
        free_floats(got[i], n);
        free_floats(want[i], n);
    }
    free_floats(dy, n);
    free_floats(begin, n);
}

/* Ranges: near 0, ordinary, and where exp overflows or vanishes. */
static void check_activations(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    static const double ranges[] = {1e-6, 1, 12, 300};
    const struct {
        const char *name;
        void (*want)(int64_t n, const float *x, float *y);
        void (*got)(int64_t n, const float *x, float *y);
    } pairs[] = {{"silu", reference_table()->silu, t->silu},
                 {"gelu", reference_table()->gelu, t->gelu},
                 {"quick_gelu", reference_table()->quick_gelu, t->quick_gelu}};
    float *want = new_floats(n, rng, 1), *got = new_floats(n, rng, 1);
    for (size_t i = 0; i < 4; i++) {
        float *x = new_floats(n, rng, ranges[i]), *up = new_floats(n, rng, 1);
        for (size_t f = 0; f < 3; f++) {
            pairs[f].want(n, x, want);
            pairs[f].got(n, x, got);
            /* The reference's own gelu loses its relative error at x = -5, where 1 + erf cancels; exp's grows
             * with its argument. */
            compare(pairs[f].name, n, want, got, NULL, 1e-5, 1e-6 * fmin(ranges[i], 1));
        }
        reference_table()->swiglu(n, x, up, want);
        t->swiglu(n, x, up, got);
        compare("swiglu", n, want, got, NULL, 1e-5, 1e-30);
        check_swiglu_backward(t, n, x, up, rng);
        free_floats(x, n);
        free_floats(up, n);
    }
    free_floats(want, n);
    free_floats(got, n);
}

/* Bit for bit, in another place and in x's own. */
static void check_in_place(const char *name, int64_t n, const float *want, const float *got, const float *x)
{
    compare(name, n, want, got, NULL, 0, 0);
    assert_memory_equal(want, got, (size_t)n * sizeof *want);
    assert_memory_equal(want, x, (size_t)n * sizeof *want);
}

static void check_turning(const hg_kernels *t, int64_t n, hg_rng *rng)
{
    float *x = new_floats(2 * n, rng, 3), *table = new_floats(2 * n, rng, 1);
    float *want = new_floats(2 * n, rng, 1), *got = new_floats(2 * n, rng, 1);
    reference_table()->scale(2 * n, 0.3F, x, want);
    t->scale(2 * n, 0.3F, x, got);
    t->scale(2 * n, 0.3F, x, x);
    check_in_place("scale", 2 * n, want, got, x);
    reference_table()->rotate(n, table, x, want);
    t->rotate(n, table, x, got);
    t->rotate(n, table, x, x);
    check_in_place("rotate", 2 * n, want, got, x);
    free_floats(x, 2 * n);
    free_floats(table, 2 * n);
    free_floats(want, 2 * n);
    free_floats(got, 2 * n);
}

static void check_not_a_number(const hg_kernels *t)
{
    float x[17], y[17];
    for (int i = 0; i < 17; i++)
        x[i] = NAN;
    void (*const activations[])(int64_t, const float *, float *) = {t->silu, t->gelu, t->quick_gelu};
    for (size_t f = 0; f < 3; f++) {
        activations[f](17, x, y);
        for (int i = 0; i < 17; i++)
            assert_true(isnan(y[i]));
    }
}

static void check_conv_shape(const hg_kernels *t, const hg_conv_shape *s, bool bias, int n_threads,
                             hg_rng *rng)
{
    int64_t n_x = s->n_images * s->c_in * s->h_in * s->w_in,
            n_y = s->n_images * s->c_out * s->h_out * s->w_out;
    int64_t n_w = s->c_out * s->c_in * s->kernel * s->kernel;
    float *x = new_floats(n_x, rng, 1), *w = new_floats(n_w, rng, 1), *b = new_floats(s->c_out, rng, 1);
    float *y = new_floats(n_y, rng, 1), *y2 = new_floats(n_y, rng, 1), *dy = new_floats(n_y, rng, 1);
    float *dx = new_floats(n_x, rng, 1), *dx2 = guard_alloc((size_t)n_x * sizeof *dx);
    float *dw = new_floats(n_w, rng, 1), *dw2 = guard_alloc((size_t)n_w * sizeof *dw);
    float *db = new_floats(s->c_out, rng, 1), *db2 = guard_alloc((size_t)s->c_out * sizeof *db);
    memcpy(dx2, dx, (size_t)n_x * sizeof *dx); /* gradients are added to what is there */
    memcpy(dw2, dw, (size_t)n_w * sizeof *dw);
    memcpy(db2, db, (size_t)s->c_out * sizeof *db);
    const hg_kernels *r = reference_table();
    assert_true(r->conv2d(n_threads, s, x, w, bias ? b : NULL, y));
    assert_true(t->conv2d(n_threads, s, x, w, bias ? b : NULL, y2));
    compare("conv2d", n_y, y, y2, NULL, 1e-5, 3e-5); /* sums of up to 577 terms */
    assert_true(r->conv2d_backward_data(n_threads, s, dy, w, dx));
    assert_true(t->conv2d_backward_data(n_threads, s, dy, w, dx2));
    compare("conv2d_backward_data", n_x, dx, dx2, NULL, 1e-5, 1e-5);
    assert_true(r->conv2d_backward_weights(n_threads, s, dy, x, dw, bias ? db : NULL));
    assert_true(t->conv2d_backward_weights(n_threads, s, dy, x, dw2, bias ? db2 : NULL));
    compare("conv2d_backward_weights", n_w, dw, dw2, NULL, 1e-5, 1e-4);
    compare("conv2d_backward_weights, bias", s->c_out, db, db2, NULL, 1e-5, 1e-4);
    free_floats(x, n_x);
    free_floats(w, n_w);
    free_floats(b, s->c_out);
    free_floats(y, n_y);
    free_floats(y2, n_y);
    free_floats(dy, n_y);
    free_floats(dx, n_x);
    free_floats(dx2, n_x);
    free_floats(dw, n_w);
    free_floats(dw2, n_w);
    free_floats(db, s->c_out);
    free_floats(db2, s->c_out);
}

static void check_conv(const hg_kernels *t, hg_rng *rng)
{
    /* channels, rows, columns, outputs, kernel, stride, padding at the beginning and at the end */
    static const int64_t shapes[][8] = {
        {1, 1, 1, 1, 1, 1, 0, 0},     {3, 17, 13, 16, 3, 1, 1, 1},   {16, 16, 16, 33, 3, 2, 0, 1},
        {17, 9, 65, 3, 3, 1, 1, 1},   {32, 7, 7, 65, 1, 1, 0, 0},    {5, 12, 11, 7, 5, 2, 2, 1},
        {64, 12, 20, 48, 3, 1, 1, 1}, {3, 28, 28, 20, 14, 14, 0, 0},
    };
    for (size_t i = 0; i < 8; i++) {
        const int64_t *v = shapes[i];
        hg_conv_shape s = {.n_images = (int64_t)(i % 4) + 1,
                           .c_in = v[0],
                           .h_in = v[1],
                           .w_in = v[2],
                           .c_out = v[3],
                           .kernel = v[4],
                           .stride = v[5],
                           .pad = v[6]};
        s.h_out = (s.h_in + v[6] + v[7] - s.kernel) / s.stride + 1;
        s.w_out = (s.w_in + v[6] + v[7] - s.kernel) / s.stride + 1;
        check_conv_shape(t, &s, i % 2 == 0, (int)(i % 3) + 1, rng);
    }
}

/* Rounding inputs to bf16 costs 1/256 of each product at most; over sums errors of both signs cancel. */
static void check_bf16_conv(hg_rng *rng)
{
    hg_kernels table = *reference_table();
    if (!hg_kernels_set_bf16_conv(&table))
        return;
    hg_conv_shape s = {.n_images = 3,
                       .c_in = 32,
                       .h_in = 13,
                       .w_in = 9,
                       .c_out = 48,
                       .h_out = 13,
                       .w_out = 9,
                       .kernel = 3,
                       .stride = 1,
                       .pad = 1};
    int64_t n_x = 3 * 32 * 13 * 9, n_y = 3 * 48 * 13 * 9, n_w = 48 * 32 * 9;
    float *x = new_floats(n_x, rng, 1), *w = new_floats(n_w, rng, 1), *b = new_floats(48, rng, 1);
    float *y = new_floats(n_y, rng, 1), *y2 = new_floats(n_y, rng, 1);
    float *dx = new_floats(n_x, rng, 0), *dx2 = new_floats(n_x, rng, 0);
    float *dw = new_floats(n_w, rng, 0), *dw2 = new_floats(n_w, rng, 0);
    const hg_kernels *r = reference_table();
    assert_true(r->conv2d(1, &s, x, w, b, y) && table.conv2d(1, &s, x, w, b, y2));
    compare("conv2d, bf16", n_y, y, y2, NULL, 0.01, 0.12);
    assert_true(r->conv2d_backward_data(1, &s, y, w, dx) && table.conv2d_backward_data(1, &s, y, w, dx2));
    compare("conv2d_backward_data, bf16", n_x, dx, dx2, NULL, 0.01, 1);
    assert_true(r->conv2d_backward_weights(1, &s, y, x, dw, NULL) &&
                table.conv2d_backward_weights(1, &s, y, x, dw2, NULL));
    compare("conv2d_backward_weights, bf16", n_w, dw, dw2, NULL, 0.01, 1);
    free_floats(x, n_x);
    free_floats(w, n_w);
    free_floats(b, 48);
    free_floats(y, n_y);
    free_floats(y2, n_y);
    free_floats(dx, n_x);
    free_floats(dx2, n_x);
    free_floats(dw, n_w);
    free_floats(dw2, n_w);
}

/* Against double at `steps` points, tighter than the float reference can show: what simd_math.h promises. */
static void check_accuracy(const hg_kernels *t, int steps)
{
    enum { LANES = 16 };
    float x[LANES], silu[LANES], quick[LANES], gelu[LANES];
    for (int i = 0; i < steps; i += LANES) {
        for (int j = 0; j < LANES; j++)
            x[j] = (float)((2.0 * (i + j) + 1) / steps - 1) * 80;
        t->silu(LANES, x, silu);
        t->quick_gelu(LANES, x, quick);
        for (int j = 0; j < LANES; j++) {
            double v = (double)x[j], size = fabs(v);
            assert_true(fabs((double)silu[j] / (v / (1 + exp(-v))) - 1) < 2.5e-7);
            if (size < 50) /* beyond, the result is no normal number */
                assert_true(fabs((double)quick[j] / (v / (1 + exp(-1.702 * v))) - 1) < 3e-7 + 1.2e-7 * size);
            x[j] *= 12.5F / 80;
        }
        t->gelu(LANES, x, gelu);
        for (int j = 0; j < LANES; j++) {
            double v = (double)x[j], want = 0.5 * v * erfc(-v * 0.70710678118654752440);
            assert_true(fabs((double)gelu[j] / want - 1) < (fabs(v) <= 5 ? 1e-6 : 5e-6));
        }
    }
}

/* ---- tests ---- */

#define STEPS 200000 /* a tenth of them where an emulator may be at work */

static void skip_without(hg_cpu_tier tier)
{
    if (!hg_cpu_has(tier)) {
        print_message("skipped: this processor has no %s\n", hg_cpu_tier_name(tier));
        skip();
    }
}

static void check_tier(hg_cpu_tier tier, int steps)
{
    skip_without(tier);
    const hg_kernels *t = hg_kernels_get(tier);
    assert_string_equal(t->name, hg_cpu_tier_name(tier));
    hg_rng rng;
    hg_rng_init(&rng, 7);
    for (size_t i = 0; i < N_SIZES; i++) {
        check_to_real(t, sizes[i], &rng);
        check_from_real(t, sizes[i], &rng);
        check_softmax_part(t, sizes[i], &rng);
        check_softmax_part_bf16(t, sizes[i], &rng);
        check_matvec(t, sizes[i], &rng);
        check_heads(t, sizes[i], &rng);
        check_column_sums(t, sizes[i], &rng);
        check_norms(t, sizes[i], &rng);
        check_lines_to_bf16(t, sizes[i], &rng);
        check_activations(t, sizes[i], &rng);
        check_turning(t, sizes[i], &rng);
    }
    check_matvec(t, LONGER_ROW, &rng);
    check_to_real_patterns(t);
    check_not_a_number(t);
    check_accuracy(t, steps);
    check_gemm(t, &rng);
    if (t->gemm_bf16 != reference_table()->gemm_bf16) { /* else it would be compared with itself */
        check_to_bf16(t, &rng);
        check_bf16_products(t, &rng);
    }
    if (t->conv2d != reference_table()->conv2d)
        check_conv(t, &rng);
    check_rounded(t, &rng);
    check_turned(t, &rng);
    check_wide(t, &rng);
    check_bf16_conv(&rng);
}

static void test_avx2(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AVX2, STEPS);
}

static void test_avx2_vnni(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AVX2_VNNI, STEPS);
}

static void test_avx512(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AVX512, STEPS);
    hg_rng rng;
    hg_rng_init(&rng, 19);
    check_wide_same(hg_kernels_get(HG_CPU_TIER_AVX2), hg_kernels_get(HG_CPU_TIER_AVX512), &rng);
}

static void test_avx512_vnni(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AVX512_VNNI, STEPS);
}

static void test_avx512_bf16(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AVX512_BF16, STEPS);
}

static void test_neon(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_NEON, STEPS);
}

static void test_neon_dotprod(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_NEON_DOTPROD, STEPS);
}

static void test_neon_i8mm(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_NEON_I8MM, STEPS);
}

static void test_best(void **state)
{
    (void)state;
    print_message("the best tier here: %s\n", hg_cpu_tier_name(hg_cpu_detect()));
    check_tier(hg_cpu_detect(), STEPS / 10);
}

static void test_amx(void **state)
{
    (void)state;
    check_tier(HG_CPU_TIER_AMX, STEPS);
}

static void test_amx_emulated(void **state)
{
    (void)state;
    hg_rng rng;
    hg_rng_init(&rng, 13);
    check_amx_tiles(&rng);
    check_amx_kernels(&rng);
    check_amx_trial();
}

#ifdef __x86_64__
void hg_kernels_set_evex_vnni(hg_kernels *table);

/* The AVX-VNNI tier's kernels, compiled once more for the instruction's other encoding. */
static void test_evex_vnni(void **state)
{
    (void)state;
    skip_without(HG_CPU_TIER_AVX512_VNNI);
    const hg_kernels *avx2 = hg_kernels_get(HG_CPU_TIER_AVX2);
    hg_kernels table = *avx2;
    hg_kernels_set_evex_vnni(&table);
    assert_true(table.gemm_rounded != avx2->gemm_rounded && table.gemm_wide != avx2->gemm_wide);
    hg_rng rng;
    hg_rng_init(&rng, 17);
    check_rounded(&table, &rng);
    check_turned(&table, &rng);
    check_wide(&table, &rng);
    check_wide_same(&table, hg_kernels_get(HG_CPU_TIER_AVX512_VNNI), &rng);
}
#endif

/* The reference itself, on cases small enough for exact results by hand. */
static void test_reference_facts(void **state)
{
    (void)state;
    const hg_kernels *t = reference_table();
    float y[6], x[4] = {1, 2, 3, 4}, w[6] = {1, 0, 2, 0, 1, -1};
    t->matvec(HG_DTYPE_F32, 2, 3, w, 3, x, true, y);
    assert_true(y[0] == 7 && y[1] == -1);
    const hg_head_rows heads = {HG_DTYPE_F32, 2, 1, 3, w, 3, true},
                       pairs = {HG_DTYPE_F32, 1, 2, 3, w, 6, true};
    t->head_sums(&heads, x, 0, y, 0);
    assert_true(y[0] == 1 && y[1] == 2 && y[2] == 0);
    t->head_scores(&pairs, x, 1, y, 1); /* [1 2 3] by the first three of w, [2 3 4] by the others */
    assert_true(y[0] == 7 && y[1] == -1);
    hg_gemm_shape s = {.m = 2, .n = 2, .k = 2, .lda = 2, .ldb = 2, .ldc = 2}; /* [1 2; 3 4]² */
    t->gemm(&s, x, x, 0, y);
    assert_true(y[0] == 7 && y[1] == 10 && y[2] == 15 && y[3] == 22);
    s.trans_a = true;
    t->gemm(&s, x, x, 0, y); /* [1 3; 2 4] [1 2; 3 4] */
    assert_true(y[0] == 10 && y[1] == 14 && y[2] == 14 && y[3] == 20);
    s.trans_a = false;
    s.trans_b = true;
    t->gemm(&s, x, x, 1, y); /* + [1 2; 3 4] [1 3; 2 4] */
    assert_true(y[0] == 15 && y[1] == 25 && y[2] == 25 && y[3] == 45);
    float z[2] = {0, 0};
    t->softmax(2, 5, z);
    assert_true(z[0] == 0.5F && z[1] == 0.5F);
    float big[2] = {1000, 0};
    t->softmax(2, 1, big); /* no overflow */
    assert_true(big[0] == 1 && big[1] == 0);
}

static void test_rounding_error(void **state)
{
    (void)state;
    hg_rng rng;
    hg_rng_init(&rng, 11);
    check_rounding_error(&rng);
    check_turned_error(&rng);
    check_wide_weights(&rng);
    check_wide_error(&rng);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--bench") == 0)
        return bench_kernels();
#ifndef HG_KERNELS_ONLY
    if (argc >= 2 && strcmp(argv[1], "--bench-rounded") == 0)
        return bench_rounded(argc > 2 ? argv[2] : NULL);
#endif
    const struct CMUnitTest best[] = {cmocka_unit_test(test_reference_facts), cmocka_unit_test(test_best)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_facts),
        cmocka_unit_test(test_rounding_error),
        cmocka_unit_test(test_avx2),
        cmocka_unit_test(test_avx2_vnni),
        cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_avx512_vnni),
        cmocka_unit_test(test_avx512_bf16),
        cmocka_unit_test(test_neon),
        cmocka_unit_test(test_neon_dotprod),
        cmocka_unit_test(test_neon_i8mm),
        cmocka_unit_test(test_amx),
        cmocka_unit_test(test_amx_emulated),
#ifdef __x86_64__
        cmocka_unit_test(test_evex_vnni),
#endif
    };
    bool best_alone = false;
    for (int i = 1; i < argc; i++) {
        best_alone = best_alone || strcmp(argv[i], "--best") == 0;
        if (strcmp(argv[i], "--readable-guard") == 0)
            guard_allow_reads();
    }
    if (best_alone)
        return cmocka_run_group_tests(best, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
