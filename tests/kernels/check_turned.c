/* SPDX-License-Identifier: Apache-2.0
 *
 * check_turned.c: see check_turned.h. Codes are the same on every tier, so products may differ by the order
 * of their sums alone.
 */
#include "check_turned.h"

#include "guard.h"
#include "kernel_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const hg_dtype block_types[] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};
enum { BLOCK_TYPES = sizeof block_types / sizeof *block_types };

/* One product: t rows of x, `rows` rows of n weights, ldw apart. */
typedef struct turned_case {
    hg_dtype type;
    int64_t t, rows, n, ldw;
    float *real, *x; /* the numbers; (rows, ldw) and (t, rows) */
    void *w;
    hg_rounded rounded;
    float *y, *most; /* (t, n); most: of each column's largest weight times the sum of |x| */
} turned_case;

static int64_t case_weights(const turned_case *c)
{
    return (c->rows - 1) * c->ldw + c->n;
}

static void make_case(turned_case *c, hg_rng *rng)
{
    c->real = new_floats(case_weights(c), rng, 1);
    c->w = new_weights(c->type, case_weights(c), rng, c->real);
    c->x = new_floats(c->t * c->rows, rng, 1);
    c->rounded = hg_rounded_make(c->t, c->rows, guard_alloc(hg_rounded_bytes(c->t, c->rows)));
    for (int64_t t = 0; t < c->t; t++)
        hg_kernels_get(HG_CPU_TIER_REFERENCE)->round(c->x + t * c->rows, &c->rounded, t);
    c->y = new_floats(c->t * c->n, rng, 1);
    c->most = new_floats(c->t * c->n, rng, 1);
    for (int64_t i = 0; i < c->t * c->n; i++) {
        float largest = 0, sum = 0;
        for (int64_t r = 0; r < c->rows; r++) {
            largest = fmaxf(largest, fabsf(c->real[r * c->ldw + i % c->n]));
            sum += fabsf(c->x[i / c->n * c->rows + r]);
        }
        c->most[i] = largest * sum;
    }
}

static void free_case(const turned_case *c)
{
    free_weights(c->type, c->w, case_weights(c));
    free_floats(c->real, case_weights(c));
    free_floats(c->x, c->t * c->rows);
    guard_free(c->rounded.codes, hg_rounded_bytes(c->t, c->rows));
    free_floats(c->y, c->t * c->n);
    free_floats(c->most, c->t * c->n);
}

/* Added to y, whose rows are ldy apart. */
static void run_case(const hg_kernels *kernels, const turned_case *c, float *y, int64_t ldy)
{
    void *scratch = guard_alloc(hg_turned_scratch(c->t));
    kernels->gemm_turned(c->type, c->n, c->w, c->ldw, &c->rounded, y, ldy, scratch);
    guard_free(scratch, hg_turned_scratch(c->t));
}

static void check_case(const hg_kernels *kernels, turned_case *c, hg_rng *rng)
{
    make_case(c, rng);
    int64_t ldy = c->n + 3, count = (c->t - 1) * ldy + c->n;
    float *want = new_floats(count, rng, 1), *got = new_floats(count, rng, 1);
    for (int64_t i = 0; i < count; i++)
        got[i] = want[i];
    run_case(hg_kernels_get(HG_CPU_TIER_REFERENCE), c, want, ldy);
    run_case(kernels, c, got, ldy);
    for (int64_t t = 0; t < c->t; t++) {
        compare("gemm_turned", c->n, want + t * ldy, got + t * ldy, c->most + t * c->n, 2e-6, 2e-7);
        for (int64_t i = c->n; i < ldy && t + 1 < c->t; i++)
            assert_true(want[t * ldy + i] == got[t * ldy + i]); /* between rows nothing is written */
    }
    free_floats(want, count);
    free_floats(got, count);
    free_case(c);
}

void check_turned(const hg_kernels *t, hg_rng *rng)
{
    static const int64_t columns[] = {32, 64, 160, 256}, rows[] = {32, 64, 96, 256, 480, 512},
                         tokens[] = {1, 2, 5, 6, 7, 13, 3};
    for (size_t i = 0; i < BLOCK_TYPES * 6 * 7; i++) {
        turned_case c = {.type = block_types[i % BLOCK_TYPES], .t = tokens[i % 7], .rows = rows[i % 6]};
        c.n = columns[i / 4 % 4];
        if (!type_holds(c.type, c.n))
            c.n = 256;
        c.ldw = c.n + (i % 3 == 0 ? 2 * hg_dtype_block(c.type) : 0);
        check_case(t, &c, rng);
    }
}

/* An element of the product of the numbers themselves, and how far from it rounding may lead. */
static void expect_element(const turned_case *c, int64_t e, float *plain, float *bound)
{
    const float *w = c->real + e % c->n;
    const int64_t first = e / c->n * c->rows;
    double sum = 0, most = 0, largest = 0;
    for (int64_t r = 0; r < c->rows; r++)
        if (fabs((double)w[r * c->ldw]) > largest)
            largest = fabs((double)w[r * c->ldw]);
    for (int64_t r = 0; r < c->rows; r++)
        sum += (double)c->x[first + r] * (double)w[r * c->ldw];
    for (int64_t r = 0; r < c->rows; r++) { /* x' is at most as far from x as half its scale */
        double half = (double)c->rounded.scales[(first + r) / HG_ROUNDED_RUN] / 2;
        most += half * fabs((double)w[r * c->ldw]) + (fabs((double)c->x[first + r]) + half) * largest / 254;
    }
    *plain = (float)sum;
    *bound = (float)most;
}

/* A number of x moves by at most half of its run's scale, a weight by at most half of its column's: with x'
 * and w' for what they become, a sum moves by at most that of |x - x'| |w| + |x'| |w - w'|. */
void check_turned_error(hg_rng *rng)
{
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        turned_case c = {.type = block_types[i], .t = 3, .rows = HG_TURNED_ROWS, .n = 256, .ldw = 256};
        make_case(&c, rng);
        float *plain = new_floats(c.t * c.n, rng, 0), *bound = new_floats(c.t * c.n, rng, 0);
        memset(c.y, 0, (size_t)(c.t * c.n) * sizeof *c.y);
        run_case(hg_kernels_get(HG_CPU_TIER_REFERENCE), &c, c.y, c.n);
        for (int64_t e = 0; e < c.t * c.n; e++)
            expect_element(&c, e, &plain[e], &bound[e]);
        compare("rounding of columns", c.t * c.n, plain, c.y, bound, 1.0001, 0);
        free_floats(plain, c.t * c.n);
        free_floats(bound, c.t * c.n);
        free_case(&c);
    }
}
