/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reduce.c: run alone, and by mpirun as several processes: sums equal those of one process that adds the
 * parts in the order of ranks, bit by bit; rank 0's bytes reach all. `test_reduce die` and `test_reduce
 * abort`: the last rank is killed, or gives up, while the others wait; test_reduce_dies.sh looks at how that
 * ends.
 */
#include "train/reduce.h"

#include "base/memory.h"
#include "base/rng.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Several rounds for a few processes; sizes that nothing divides. */
static const int64_t sizes[] = {7, 1, 400003, 0, 65536, 12345};
enum { PARAMS = sizeof sizes / sizeof *sizes, TOTAL = 7 + 1 + 400003 + 65536 + 12345 };

static hg_reduce *joined;

static void fill(int rank, float *values)
{
    hg_rng rng;
    hg_rng_init(&rng, 100 + (uint64_t)rank);
    for (int64_t i = 0; i < TOTAL; i++)
        values[i] = (float)hg_rng_normal(&rng);
}

static void test_gradients(void **state)
{
    (void)state;
    float *mine = hg_mem_array(TOTAL, sizeof *mine), *sum = hg_mem_array(TOTAL, sizeof *sum),
          *other = hg_mem_array(TOTAL, sizeof *other);
    assert_true(mine != NULL && sum != NULL && other != NULL);
    fill(hg_reduce_get_rank(joined), mine);
    fill(0, sum);
    for (int rank = 1; rank < hg_reduce_get_size(joined); rank++) {
        fill(rank, other);
        for (int64_t i = 0; i < TOTAL; i++)
            sum[i] += other[i];
    }
    hg_param params[PARAMS] = {0};
    int64_t begin = 0;
    for (int i = 0; i < PARAMS; i++) {
        params[i] = (hg_param){.grad = mine + begin, .n = sizes[i]};
        begin += sizes[i];
    }
    assert_int_equal(begin, TOTAL);
    hg_error err = {0};
    if (hg_reduce_sum_gradients(joined, params, PARAMS, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(mine, sum, TOTAL * sizeof *mine);
    hg_mem_free(mine);
    hg_mem_free(sum);
    hg_mem_free(other);
}

static void test_numbers(void **state)
{
    (void)state;
    int n = hg_reduce_get_size(joined), rank = hg_reduce_get_rank(joined);
    double values[150], want[150] = {0};
    for (int i = 0; i < 150; i++) {
        values[i] = 1.0 / (1 + i + 1000 * rank);
        for (int r = 0; r < n; r++)
            want[i] += 1.0 / (1 + i + 1000 * r);
    }
    assert_int_equal(hg_reduce_sum(joined, values, 150, NULL), HG_STATUS_OK);
    assert_memory_equal(values, want, sizeof want);
}

static void test_broadcast(void **state)
{
    (void)state;
    char text[32] = "other";
    if (hg_reduce_get_rank(joined) == 0)
        strcpy(text, "the position of rank 0");
    assert_int_equal(hg_reduce_broadcast(joined, text, sizeof text, 0, NULL), HG_STATUS_OK);
    assert_string_equal(text, "the position of rank 0");
}

/* The launcher said how many there are. */
static void test_size(void **state)
{
    (void)state;
    const char *launched = getenv("OMPI_COMM_WORLD_SIZE");
    assert_int_equal(hg_reduce_get_size(joined), launched != NULL ? atoi(launched) : 1);
    assert_true(hg_reduce_get_rank(joined) < hg_reduce_get_size(joined));
}

/* The last rank ends; the others must not get past the sum. */
static int lose_one(const char *how)
{
    double value = 1;
    bool last = hg_reduce_get_rank(joined) == hg_reduce_get_size(joined) - 1;
    if (last && strcmp(how, "die") == 0)
        raise(SIGKILL);
    if (last)
        hg_reduce_abort(joined, 3);
    return hg_reduce_sum(joined, &value, 1, NULL) == HG_STATUS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_broadcast),
    };
    hg_error err = {0};
    if (hg_reduce_open(&joined, &err) != HG_STATUS_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    int failed = argc > 1 ? lose_one(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
    if (failed != 0)
        return 1; /* without the regular end: mpirun ends the others */
    hg_reduce_close(joined);
    return 0;
}
