/* SPDX-License-Identifier: Apache-2.0
 *
 * check_wide.c: see check_wide.h. Rounding must be the same bit for bit; products may differ by the order of
 * their sums. The reference is checked through products with rows of x that have a single 1: they give its
 * weights back.
 */
#include "check_wide.h"

#include "base/memory.h"
#include "guard.h"
#include "kernel_values.h"
#include "kernels/reference/reference.h"
#include "kernels/wide_kept.h"
#include "tensor/interleave.h"
#include "tensor/quant_blocks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const hg_dtype block_types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};

static const hg_kernels *reference_table(void)
{
    return hg_kernels_get(HG_CPU_TIER_REFERENCE);
}

/* The reference's product with weights as the tier's. */
static void reference_gemm(const hg_kernels *kernels, int64_t n, const hg_wide_term *terms, int n_terms,
                           bool add, float *y, void *scratch)
{
    if (kernels->wide_keeps)
        hg_reference_gemm_kept(n, terms, n_terms, add, y, n, scratch);
    else
        hg_reference_gemm_wide(n, terms, n_terms, add, y, n, scratch);
}

static hg_wide new_wide(int64_t t, int64_t k)
{
    return hg_wide_make(t, k, guard_alloc(hg_wide_bytes(t, k)));
}

static void free_wide(const hg_wide *x)
{
    guard_free(x->codes, hg_wide_bytes(x->t, x->k));
}

/* Rows of ordinary runs, zeros, tiny and huge numbers, and of some that are not finite. */
static void make_hard(int64_t t, int64_t k, float *x)
{
    static const float special[] = {0, 1e-45F, 1e-32F, 1e38F, INFINITY, -INFINITY, NAN};
    for (int64_t j = 0; j < k; j++) {
        int64_t kind = (t + j / HG_WIDE_RUN) % 12;
        if (kind >= 8)
            x[j] *= special[kind - 8];
        else if (kind >= 5 && j % 256 == 9 * kind)
            x[j] = special[4 + kind - 5];
    }
    x[k / 2] = 0.5F; /* with 127 for the largest: a tie, which goes to the even neighbour */
    x[k / 2 + 1] = 127;
    x[k / 2 + 2] = -1.5F;
}

static void check_round(const hg_kernels *kernels, int64_t t, int64_t k, hg_rng *rng)
{
    hg_wide want = new_wide(t, k), got = new_wide(t, k);
    for (int64_t row = 0; row < t; row++) {
        float *x = new_floats(k, rng, 3);
        make_hard(row, k, x);
        reference_table()->round_wide(x, &want, row);
        kernels->round_wide(x, &got, row);
        free_floats(x, k);
    }
    assert_memory_equal(want.codes, got.codes, hg_wide_code_bytes(t, k));
    for (int64_t i = 0; i < hg_wide_up(t, HG_WIDE_ROWS) * hg_wide_runs(k); i++)
        assert_true(want.scales[i] == got.scales[i] || (isnan(want.scales[i]) && isnan(got.scales[i])));
    assert_memory_equal(want.minus, got.minus, (size_t)(want.ld * hg_wide_runs(k)) * sizeof *want.minus);
    if (kernels->wide_keeps)
        assert_memory_equal(want.sums, got.sums,
                            (size_t)(want.ld * hg_wide_runs(k)) * HG_WIDE_SUMS * sizeof *want.sums);
    free_wide(&want);
    free_wide(&got);
}

typedef struct wide_case {
    hg_dtype type;
    int64_t n, k, t, ldw;
    bool add;
    int64_t joined; /* columns of a second term of q8_0; 0: none */
} wide_case;

/* A term's weights and rows of x, and what its products are made of. */
typedef struct wide_side {
    hg_dtype type;
    int64_t n, k, t, ldw;
    float *real, *x;
    void *w;
    hg_wide rows;
} wide_side;

static int64_t side_count(const wide_side *s)
{
    return (s->n - 1) * s->ldw + s->k;
}

static void make_side(wide_side *s, hg_rng *rng)
{
    s->real = new_floats(side_count(s), rng, 1);
    s->x = new_floats(s->t * s->k, rng, 1);
    s->w = new_weights(s->type, side_count(s), rng, s->real);
    s->rows = new_wide(s->t, s->k);
    for (int64_t t = 0; t < s->t; t++)
        reference_table()->round_wide(s->x + t * s->k, &s->rows, t);
}

static void free_side(wide_side *s)
{
    free_wide(&s->rows);
    free_weights(s->type, s->w, side_count(s));
    free_floats(s->real, side_count(s));
    free_floats(s->x, s->t * s->k);
}

/* scale[t, i] += sum_j |w[i, j] x[t, j]|: what rounding errors grow with. */
static void product_scale(const wide_side *s, float *scale)
{
    for (int64_t t = 0; t < s->t; t++) {
        for (int64_t i = 0; i < s->n; i++) {
            double sum = 0;
            for (int64_t j = 0; j < s->k; j++)
                sum += fabs((double)s->real[i * s->ldw + j] * (double)s->x[t * s->k + j]);
            scale[t * s->n + i] += (float)sum;
        }
    }
}

/* Interleaved weights, alone or with the second term: the bits that rows give. `begin`: what results begin
 * with. */
static void check_interleaved(const hg_kernels *kernels, const wide_case *c, const hg_wide_term *rows,
                              int n_terms, const float *begin, const float *want)
{
    if (!hg_interleave_holds(c->type, c->n, c->k) || c->ldw != c->k)
        return;
    const size_t bytes = hg_dtype_span(c->type, c->n * c->k), n_y = (size_t)(c->n * c->t) * sizeof(float),
                 group = hg_dtype_span(c->type, HG_INTERLEAVE_ROWS * c->k),
                 scratch_bytes = hg_wide_scratch(c->n, c->k) + hg_wide_scratch(c->n, c->joined);
    uint8_t *w = guard_alloc(bytes);
    void *scratch = guard_alloc(scratch_bytes);
    float *got = guard_alloc(n_y);
    for (size_t at = 0; at < bytes; at += group)
        hg_interleave_pack(c->type, c->k, (const uint8_t *)rows->w + at, w + at);
    hg_wide_term terms[HG_WIDE_TERMS] = {{c->type, true, w, c->k, rows->x}, rows[1]};
    memcpy(got, begin, n_y);
    kernels->gemm_wide(c->n, terms, n_terms, c->add, got, c->n, scratch);
    assert_memory_equal(got, want, n_y);
    guard_free(got, n_y);
    guard_free(scratch, scratch_bytes);
    guard_free(w, bytes);
}

static void check_product(const hg_kernels *kernels, const wide_case *c, hg_rng *rng)
{
    const int64_t n_y = c->n * c->t;
    wide_side sides[HG_WIDE_TERMS] = {{.type = c->type, .n = c->n, .k = c->k, .t = c->t, .ldw = c->ldw},
                                      {.type = HG_DTYPE_Q8_0, .n = c->n, .k = c->joined, .t = c->t}};
    const int n_terms = c->joined == 0 ? 1 : 2;
    sides[1].ldw = c->joined;
    hg_wide_term terms[HG_WIDE_TERMS] = {{0}};
    float *want = new_floats(n_y, rng, 1), *got = new_floats(n_y, rng, 1), *scale = new_floats(n_y, rng, 0),
          *begin = new_floats(n_y, rng, 1);
    for (int i = 0; i < n_terms; i++) {
        make_side(&sides[i], rng);
        product_scale(&sides[i], scale);
        terms[i] = (hg_wide_term){sides[i].type, false, sides[i].w, sides[i].ldw, &sides[i].rows};
    }
    const size_t scratch_bytes = hg_wide_scratch(c->n, c->k) + hg_wide_scratch(c->n, c->joined);
    void *scratch = guard_alloc(scratch_bytes);
    for (int64_t i = 0; i < n_y; i++)
        want[i] = got[i] = begin[i] =
            c->add ? (float)hg_rng_uniform(rng) : NAN; /* not read unless added to */
    reference_gemm(kernels, c->n, terms, n_terms, c->add, want, scratch);
    kernels->gemm_wide(c->n, terms, n_terms, c->add, got, c->n, scratch);
    compare("gemm_wide", n_y, want, got, scale, 2e-6, 1e-7);
    check_interleaved(kernels, c, terms, n_terms, begin, got);
    for (int i = 0; i < n_terms; i++)
        free_side(&sides[i]);
    guard_free(scratch, scratch_bytes);
    free_floats(want, n_y);
    free_floats(got, n_y);
    free_floats(scale, n_y);
    free_floats(begin, n_y);
}

void check_wide_same(const hg_kernels *a, const hg_kernels *b, hg_rng *rng)
{
    enum { N = 41, K = 544, R = 96, T = 75 };
    for (size_t type = 0; type < sizeof block_types / sizeof *block_types; type++) {
        const int64_t k = hg_dtype_block(block_types[type]) == 32 ? K : 512;
        wide_side sides[HG_WIDE_TERMS] = {{.type = block_types[type], .n = N, .k = k, .t = T, .ldw = k},
                                          {.type = HG_DTYPE_Q8_0, .n = N, .k = R, .t = T, .ldw = R}};
        hg_wide_term terms[HG_WIDE_TERMS];
        float *y[2] = {new_floats(T * N, rng, 1), new_floats(T * N, rng, 1)};
        void *scratch = guard_alloc(hg_wide_scratch(N, k) + hg_wide_scratch(N, R));
        for (int i = 0; i < HG_WIDE_TERMS; i++) {
            make_side(&sides[i], rng);
            terms[i] = (hg_wide_term){sides[i].type, false, sides[i].w, sides[i].ldw, &sides[i].rows};
        }
        a->gemm_wide(N, terms, HG_WIDE_TERMS, false, y[0], N, scratch);
        b->gemm_wide(N, terms, HG_WIDE_TERMS, false, y[1], N, scratch);
        assert_memory_equal(y[0], y[1], (size_t)T * N * sizeof(float));
        for (int i = 0; i < HG_WIDE_TERMS; i++) {
            free_side(&sides[i]);
            free_floats(y[i], T * N);
        }
        guard_free(scratch, hg_wide_scratch(N, k) + hg_wide_scratch(N, R));
    }
}

/* The second of two terms is a plain one's product more: by the reference, which the others are held against.
 */
static void check_terms(hg_rng *rng)
{
    enum { N = 17, K = 256, R = 64, T = 40 };
    wide_side sides[HG_WIDE_TERMS] = {{.type = HG_DTYPE_Q4_K, .n = N, .k = K, .t = T, .ldw = K},
                                      {.type = HG_DTYPE_Q8_0, .n = N, .k = R, .t = T, .ldw = R}};
    hg_wide_term terms[HG_WIDE_TERMS];
    float both[T * N], apart[T * N], scale[T * N] = {0};
    void *scratch = guard_alloc(hg_wide_scratch(N, K) + hg_wide_scratch(N, R));
    for (int i = 0; i < HG_WIDE_TERMS; i++) {
        make_side(&sides[i], rng);
        product_scale(&sides[i], scale);
        terms[i] = (hg_wide_term){sides[i].type, false, sides[i].w, sides[i].ldw, &sides[i].rows};
        reference_table()->gemm_wide(N, &terms[i], 1, i > 0, apart, N, scratch);
    }
    reference_table()->gemm_wide(N, terms, HG_WIDE_TERMS, false, both, N, scratch);
    compare("two terms", (int64_t)T * N, apart, both, scale, 1e-6, 1e-7);
    for (int i = 0; i < HG_WIDE_TERMS; i++)
        free_side(&sides[i]);
    guard_free(scratch, hg_wide_scratch(N, K) + hg_wide_scratch(N, R));
}

/* Results of many rows, which may pass the caches, and some rows of x alone: the same bits. */
static void check_rows(const hg_kernels *kernels, hg_rng *rng)
{
    enum { N = 48, K = 64, T = 1100, LDY = 1024, FIRST = 96, COUNT = 70 };
    wide_side side = {.type = HG_DTYPE_Q8_0, .n = N, .k = K, .t = T, .ldw = K};
    make_side(&side, rng);
    const hg_wide part = hg_wide_rows(&side.rows, FIRST, COUNT);
    const hg_wide_term all = {side.type, false, side.w, K, &side.rows},
                       some = {side.type, false, side.w, K, &part};
    const size_t bytes = (size_t)T * LDY * sizeof(float);
    float *whole = hg_mem_aligned(64, bytes), *rows = hg_mem_aligned(64, bytes);
    void *scratch = guard_alloc(hg_wide_scratch(N, K));
    assert_true(whole != NULL && rows != NULL);
    kernels->gemm_wide(N, &all, 1, false, whole, LDY, scratch);
    kernels->gemm_wide(N, &some, 1, false, rows, LDY, scratch);
    for (int64_t t = 0; t < COUNT; t++)
        assert_memory_equal(rows + t * LDY, whole + (FIRST + t) * LDY, N * sizeof(float));
    hg_mem_free(whole);
    hg_mem_free(rows);
    guard_free(scratch, hg_wide_scratch(N, K));
    free_side(&side);
}

/* Where a weight's scale or a row of x is no number, neither is the result, and the others are. */
static void check_not_finite(const hg_kernels *kernels, hg_rng *rng)
{
    enum { N = 3, K = 512, T = 33 };
    for (size_t type = 0; type < 4; type++) {
        float *real = new_floats(N * K, rng, 1), *x = new_floats(K, rng, 1), y[T * N];
        uint8_t *w = new_weights(block_types[type], N * K, rng, real);
        void *scratch = guard_alloc(hg_wide_scratch(N, K));
        static const uint16_t infinite = 0x7c00;
        uint8_t *row = w + hg_dtype_span(block_types[type], K);
        memcpy(row + (block_types[type] == HG_DTYPE_Q6_K ? 208 : 0), &infinite, sizeof infinite);
        hg_wide rows = new_wide(T, K);
        for (int t = 0; t < T; t++) {
            x[300] = t == 32 ? NAN : 1;
            kernels->round_wide(x, &rows, t);
        }
        const hg_wide_term term = {block_types[type], false, w, K, &rows};
        kernels->gemm_wide(N, &term, 1, false, y, N, scratch);
        for (int i = 0; i < T * N; i++)
            assert_true((isnan(y[i]) != 0) == (i % N == 1 || i / N == 32));
        free_wide(&rows);
        guard_free(scratch, hg_wide_scratch(N, K));
        free_weights(block_types[type], w, N * K);
        free_floats(real, N * K);
        free_floats(x, K);
    }
}

void check_wide(const hg_kernels *t, hg_rng *rng)
{
    static const int64_t columns[] = {32, 64, 96, 256, 288, 512, 768, 1056};
    static const int64_t outputs[] = {1, 16, 17, 33, 48, 64, 112, HG_WIDE_MOST},
                         rows[] = {1, 16, 31, 32, 33, 64, 65, 100, 130};
    for (size_t i = 0; i < 8; i++)
        check_round(t, rows[i], columns[i], rng);
    int interleaved = 0;
    for (size_t i = 0; i < 4 * 8 * 9; i++) {
        wide_case c = {
            .type = block_types[i % 4], .n = outputs[i / 4 % 8], .t = rows[i % 9], .add = i % 5 < 2};
        c.k = columns[(i / 4 + i / 32) % 8];
        if (!type_holds(c.type, c.k))
            c.k = 256 * (int64_t)(1 + i % 3);
        c.ldw = c.k + (i % 3 == 0 ? 2 * hg_dtype_block(c.type) : 0);
        c.joined = i % 7 < 3 ? (int64_t[]){32, 64, 288}[i % 7] : 0;
        check_product(t, &c, rng);
        interleaved += hg_interleave_holds(c.type, c.n, c.k) && c.ldw == c.k;
    }
    assert_true(interleaved >= 20);
    check_terms(rng);
    check_rows(t, rng);
    check_not_finite(t, rng);
}

/* ---- what the rounding costs ---- */

enum { ROWS = 48, COLUMNS = 1024, RUNS = COLUMNS / HG_WIDE_RUN };

/* The reference's products, of weights that become bytes or of those that keep their codes. */
typedef struct wide_way {
    hg_dtype type;
    void (*gemm)(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y, int64_t ldy,
                 void *scratch);
    double error; /* of a weight, in steps */
} wide_way;

static const wide_way ways[] = {
    {HG_DTYPE_Q8_0, hg_reference_gemm_wide, HG_WIDE_ERROR},
    {HG_DTYPE_Q4_0, hg_reference_gemm_wide, HG_WIDE_ERROR},
    {HG_DTYPE_Q4_K, hg_reference_gemm_wide, HG_WIDE_ERROR},
    {HG_DTYPE_Q6_K, hg_reference_gemm_wide, HG_WIDE_ERROR},
    {HG_DTYPE_Q4_0, hg_reference_gemm_kept, HG_KEPT_ERROR},
    {HG_DTYPE_Q4_K, hg_reference_gemm_kept, HG_KEPT_ERROR},
};
enum { WAYS = sizeof ways / sizeof *ways };

typedef struct wide_weights {
    hg_dtype type;
    void *w;
    float *real;                /* (ROWS, COLUMNS) */
    float given[ROWS][COLUMNS]; /* as the products take them */
    float step[ROWS][RUNS];     /* a run's largest possible magnitude / 127 */
} wide_weights;

/* The largest magnitude that blocks allow: that of the same blocks with the least or the largest of codes. */
static float largest_allowed(const wide_weights *weights, int64_t row, int64_t run)
{
    uint8_t blocks[HG_WIDE_RUN / 32 * sizeof(hg_block_q8_0)];
    float real[HG_WIDE_RUN], largest = 0;
    size_t bytes = hg_dtype_span(weights->type, HG_WIDE_RUN), block = hg_dtype_block_bytes(weights->type);
    const uint8_t *from = (const uint8_t *)weights->w + (size_t)(row * RUNS + run) * bytes;
    for (int code = 0; code < 2; code++) {
        int fill = weights->type == HG_DTYPE_Q8_0 ? 0x80 : code == 0 ? 0 : 0xff; /* -128; 0, or all bits */
        memcpy(blocks, from, bytes);
        if (weights->type == HG_DTYPE_Q6_K)
            memset(blocks, fill, 192);
        else if (weights->type == HG_DTYPE_Q4_K)
            memset(blocks + 16, fill, 128);
        else
            for (size_t i = 0; i < bytes; i += block)
                memset(blocks + i + 2, fill, block - 2);
        hg_dtype_to_real(weights->type, HG_WIDE_RUN, blocks, real);
        for (int i = 0; i < HG_WIDE_RUN; i++)
            largest = fmaxf(largest, fabsf(real[i]));
    }
    return largest;
}

static wide_weights *new_wide_weights(const wide_way *way, hg_rng *rng)
{
    const hg_dtype type = way->type;
    wide_weights *weights = guard_alloc(sizeof *weights);
    weights->type = type;
    weights->real = new_floats(ROWS * COLUMNS, rng, 1);
    weights->w = new_weights(type, ROWS * COLUMNS, rng, weights->real);
    hg_wide ones = new_wide(COLUMNS, COLUMNS);
    float x[COLUMNS] = {0}, *y = new_floats((int64_t)COLUMNS * ROWS, rng, 1);
    void *scratch = guard_alloc(hg_wide_scratch(HG_WIDE_PANEL, COLUMNS));
    for (int64_t j = 0; j < COLUMNS; j++) {
        x[j] = 1;
        reference_table()->round_wide(x, &ones, j);
        x[j] = 0;
    }
    const hg_wide_term term = {type, false, weights->w, COLUMNS, &ones};
    way->gemm(ROWS, &term, 1, false, y, ROWS, scratch);
    for (int64_t i = 0; i < ROWS; i++) {
        for (int64_t j = 0; j < COLUMNS; j++)
            weights->given[i][j] = y[j * ROWS + i];
        for (int64_t run = 0; run < RUNS; run++)
            weights->step[i][run] = largest_allowed(weights, i, run) / 127;
    }
    guard_free(scratch, hg_wide_scratch(HG_WIDE_PANEL, COLUMNS));
    free_floats(y, (int64_t)COLUMNS * ROWS);
    free_wide(&ones);
    return weights;
}

static void free_wide_weights(wide_weights *weights)
{
    free_weights(weights->type, weights->w, ROWS * COLUMNS);
    free_floats(weights->real, ROWS * COLUMNS);
    guard_free(weights, sizeof *weights);
}

void check_wide_weights(hg_rng *rng)
{
    for (const wide_way *way = ways; way < ways + WAYS; way++) {
        wide_weights *weights = new_wide_weights(way, rng);
        for (int64_t i = 0; i < ROWS; i++) {
            for (int64_t j = 0; j < COLUMNS; j++) {
                double error = fabs((double)weights->given[i][j] - (double)weights->real[i * COLUMNS + j]);
                double step = (double)weights->step[i][j / HG_WIDE_RUN];
                if (!(error <= way->error * step))
                    fail_msg("%s: a weight moves by %g of a step", hg_dtype_name(way->type), error / step);
            }
        }
        free_wide_weights(weights);
    }
}

/* With x' and w' what x and w become: |x w - x' w'| <= |x - x'| |w| + |x'| |w - w'|, and both are bounded. */
void check_wide_error(hg_rng *rng)
{
    for (const wide_way *way = ways; way < ways + WAYS; way++) {
        wide_weights *weights = new_wide_weights(way, rng);
        float *x = new_floats(COLUMNS, rng, 4), plain[ROWS], got[ROWS], bound[ROWS];
        hg_wide row = new_wide(1, COLUMNS);
        void *scratch = guard_alloc(hg_wide_scratch(HG_WIDE_PANEL, COLUMNS));
        reference_table()->round_wide(x, &row, 0);
        reference_table()->matvec(way->type, ROWS, COLUMNS, weights->w, COLUMNS, x, true, plain);
        const hg_wide_term term = {way->type, false, weights->w, COLUMNS, &row};
        way->gemm(ROWS, &term, 1, false, got, ROWS, scratch);
        for (int64_t i = 0; i < ROWS; i++) {
            double sum = 0;
            for (int64_t j = 0; j < COLUMNS; j++) {
                double half = (double)*hg_wide_scale(&row, 0, j / HG_WIDE_RUN) / 2;
                sum += fabs((double)weights->real[i * COLUMNS + j]) * half +
                       (fabs((double)x[j]) + half) * way->error * (double)weights->step[i][j / HG_WIDE_RUN];
            }
            bound[i] = (float)sum;
        }
        compare("wide rounding", ROWS, plain, got, bound, 1.0001, 0);
        guard_free(scratch, hg_wide_scratch(HG_WIDE_PANEL, COLUMNS));
        free_wide(&row);
        free_floats(x, COLUMNS);
        free_wide_weights(weights);
    }
}
