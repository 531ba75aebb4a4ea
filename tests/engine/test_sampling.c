/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sampling.c: the sampler against what its settings mean: exact choices where there is one, frequencies
 * where there is chance.
 */
#include "engine/sampling.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N 5
#define DRAWS 20000

static const float example[N] = {1.0F, 3.0F, 2.0F, 3.0F, -1.0F};

static int32_t next(hg_sampler *s, const float *logits)
{
    float copy[N];
    memcpy(copy, logits, sizeof copy);
    return hg_sampler_next(s, copy);
}

static void open_sampler(hg_sampler *s, hg_sampling how)
{
    hg_error err;
    if (how.repetition_penalty <= 0)
        how.repetition_penalty = 1;
    if (how.top_p <= 0)
        how.top_p = 1;
    assert_int_equal(hg_sampler_init(s, &how, N, &err), HG_STATUS_OK);
}

static void test_greedy_takes_the_first_of_equals(void **state)
{
    (void)state;
    hg_sampler s;
    open_sampler(&s, (hg_sampling){0});
    assert_int_equal(next(&s, example), 1);
    assert_int_equal(next(&s, example), 1);
    hg_sampler_deinit(&s);
}

static void test_not_a_number(void **state)
{
    (void)state;
    hg_sampler s;
    open_sampler(&s, (hg_sampling){0});
    assert_int_equal(next(&s, (float[N]){1, 2, NAN, 3, 4}), -1);
    hg_sampler_deinit(&s);
    open_sampler(&s, (hg_sampling){.temperature = 1});
    assert_int_equal(next(&s, (float[N]){NAN, NAN, NAN, NAN, NAN}), -1);
    hg_sampler_deinit(&s);
}

static void test_penalty_divides_and_multiplies(void **state)
{
    (void)state;
    hg_sampler s;
    open_sampler(&s, (hg_sampling){.repetition_penalty = 2});
    assert_int_equal(next(&s, example), 1); /* 3 becomes 1.5 */
    assert_int_equal(next(&s, example), 3); /* so does this */
    assert_int_equal(next(&s, example), 2); /* 2, now the largest */
    assert_int_equal(next(&s, (float[N]){-4, -1.0F, -1.2F, -9, -1.5F}),
                     4); /* -2, -2.4, -18 for the seen ones */
    hg_sampler_deinit(&s);
}

/* Relative frequencies of DRAWS draws. */
static void frequencies(hg_sampling how, double out[N])
{
    hg_sampler s;
    open_sampler(&s, how);
    memset(out, 0, N * sizeof *out);
    for (int i = 0; i < DRAWS; i++)
        out[next(&s, example)] += 1.0 / DRAWS;
    hg_sampler_deinit(&s);
}

static void expect(const double *got, const double *weights)
{
    double total = 0;
    for (int i = 0; i < N; i++)
        total += weights[i];
    for (int i = 0; i < N; i++) {
        double p = weights[i] / total, sigma = sqrt(p * (1 - p) / DRAWS);
        if (!(fabs(got[i] - p) <= 5 * sigma + 1e-12))
            fail_msg("token %d: frequency %g, probability %g", i, got[i], p);
    }
}

static void test_temperature(void **state)
{
    (void)state;
    double got[N], weights[N];
    for (int i = 0; i < N; i++)
        weights[i] = exp((double)example[i] / 0.7);
    frequencies((hg_sampling){.temperature = 0.7, .seed = 1}, got);
    expect(got, weights);
}

static void test_top_k_keeps_the_k_best(void **state)
{
    (void)state;
    double got[N];
    frequencies((hg_sampling){.temperature = 1, .top_k = 3, .seed = 2}, got);
    expect(got, (double[N]){0, exp(3), exp(2), exp(3), 0});
    frequencies((hg_sampling){.temperature = 1, .top_k = 1, .seed = 2}, got);
    expect(got, (double[N]){0, 1, 0, 0, 0});
}

static void test_top_p_keeps_the_smallest_set_that_reaches_it(void **state)
{
    (void)state;
    double got[N];
    /* shares: 0.398 (1), 0.398 (3), 0.146 (2), 0.054 (0), 0.007 (4) */
    frequencies((hg_sampling){.temperature = 1, .top_p = 0.5, .seed = 3}, got);
    expect(got, (double[N]){0, 1, 0, 1, 0});
    frequencies((hg_sampling){.temperature = 1, .top_p = 0.85, .seed = 3}, got);
    expect(got, (double[N]){0, exp(3), exp(2), exp(3), 0});
    /* top-p counts shares of what top-k keeps: 0.5 of {1, 3} is the first alone */
    frequencies((hg_sampling){.temperature = 1, .top_k = 2, .top_p = 0.45, .seed = 3}, got);
    expect(got, (double[N]){0, 1, 0, 0, 0});
}

static void test_seed_decides(void **state)
{
    (void)state;
    hg_sampler a, b;
    open_sampler(&a, (hg_sampling){.temperature = 1, .seed = 7});
    open_sampler(&b, (hg_sampling){.temperature = 1, .seed = 7});
    for (int i = 0; i < 100; i++)
        assert_int_equal(next(&a, example), next(&b, example));
    hg_sampler_deinit(&a);
    hg_sampler_deinit(&b);
}

static void test_bad_settings(void **state)
{
    (void)state;
    const hg_sampling bad[] = {{.temperature = -1, .top_p = 1, .repetition_penalty = 1},
                               {.temperature = NAN, .top_p = 1, .repetition_penalty = 1},
                               {.temperature = INFINITY, .top_p = 1, .repetition_penalty = 1},
                               {.top_p = 0, .repetition_penalty = 1},
                               {.top_p = 1.5, .repetition_penalty = 1},
                               {.top_k = -1, .top_p = 1, .repetition_penalty = 1},
                               {.top_p = 1, .repetition_penalty = -2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_sampler s;
        hg_error err;
        assert_int_equal(hg_sampler_init(&s, &bad[i], N, &err), HG_STATUS_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_greedy_takes_the_first_of_equals),
                                       cmocka_unit_test(test_not_a_number),
                                       cmocka_unit_test(test_penalty_divides_and_multiplies),
                                       cmocka_unit_test(test_temperature),
                                       cmocka_unit_test(test_top_k_keeps_the_k_best),
                                       cmocka_unit_test(test_top_p_keeps_the_smallest_set_that_reaches_it),
                                       cmocka_unit_test(test_seed_decides),
                                       cmocka_unit_test(test_bad_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
