/* SPDX-License-Identifier: Apache-2.0
 *
 * test_prefetch_trial.c: the trial finds the way that kernels are fast with. Here they only wait, with all
 * ways but one.
 */
#include "ops/prefetch_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define COLUMNS 8192

static hg_prefetch fast_q4_k, fast_q8_0;
static int64_t calls;

static void wait_matvec(hg_dtype type, int64_t n, const void *w, hg_prefetch prefetch, const hg_rounded *x,
                        bool add, hg_real *y, int64_t ldy)
{
    (void)w;
    (void)y;
    assert_true(n >= 1 && n <= ldy && !add);
    assert_int_equal(x->t, 1);
    for (int64_t j = 0; j < x->k; j++)
        assert_int_equal(x->codes[j], 0);
    calls++;
    const struct timespec pause = {0, 100000};
    if (prefetch != (type == HG_DTYPE_Q8_0 ? fast_q8_0 : fast_q4_k))
        nanosleep(&pause, NULL);
}

static hg_tensor matrix(hg_dtype type, int64_t rows, bool interleaved)
{
    static uint8_t never_read[1];
    hg_tensor w = hg_tensor_make(type, 2, (int64_t[]){rows, COLUMNS}, never_read);
    w.interleaved = interleaved;
    w.prefetch = HG_PREFETCH_3K;
    return w;
}

static hg_kernels waiting_kernels(void)
{
    hg_kernels kernels = *hg_kernels_get(HG_CPU_TIER_REFERENCE);
    kernels.matvec_interleaved = wait_matvec;
    calls = 0;
    return kernels;
}

/* 150 MB of q4_k and 70 of q8_0, in matrices of which one has no whole number of pieces. */
static void test_finds_the_fastest(void **state)
{
    (void)state;
    const hg_kernels kernels = waiting_kernels();
    for (int way = HG_PREFETCH_NONE; way < HG_PREFETCH_COUNT; way++) {
        hg_tensor rows = matrix(HG_DTYPE_Q4_K, 4096, false), some = matrix(HG_DTYPE_Q4_K, 20000, true),
                  odd = matrix(HG_DTYPE_Q4_K, 13008, true), few = matrix(HG_DTYPE_Q8_0, 8192, true);
        hg_tensor *const all[] = {&rows, &some, &odd, &few};
        fast_q4_k = (hg_prefetch)way;
        fast_q8_0 = way == HG_PREFETCH_6K ? HG_PREFETCH_NONE : (hg_prefetch)(way + 1);
        hg_prefetch_choose(&kernels, 4, all);
        assert_int_equal(some.prefetch, way);
        assert_int_equal(odd.prefetch, way);
        assert_int_equal(few.prefetch, way);  /* too few to be tried */
        assert_int_equal(rows.prefetch, way); /* not tried, but read like the others */
    }
}

static void test_each_type_has_its_own(void **state)
{
    (void)state;
    const hg_kernels kernels = waiting_kernels();
    hg_tensor four = matrix(HG_DTYPE_Q4_K, 32768, true), eight = matrix(HG_DTYPE_Q8_0, 32768, true);
    hg_tensor *const all[] = {&four, &eight};
    fast_q4_k = HG_PREFETCH_6K;
    fast_q8_0 = HG_PREFETCH_NONE;
    hg_prefetch_choose(&kernels, 2, all);
    assert_int_equal(four.prefetch, HG_PREFETCH_6K);
    assert_int_equal(eight.prefetch, HG_PREFETCH_NONE);
}

static void test_small_models_are_not_tried(void **state)
{
    (void)state;
    const hg_kernels kernels = waiting_kernels();
    hg_tensor few = matrix(HG_DTYPE_Q4_K, 64, true);
    hg_tensor *const all[] = {&few};
    hg_prefetch_choose(&kernels, 1, all);
    hg_prefetch_choose(&kernels, 0, NULL);
    assert_int_equal(calls, 0);
    assert_int_equal(few.prefetch, HG_PREFETCH_3K);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_fastest),
        cmocka_unit_test(test_each_type_has_its_own),
        cmocka_unit_test(test_small_models_are_not_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
