/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parallel.c: each chunk once, workers in range, the same results for any number of threads; chunks that
 * wait for others, and what each thread does once; processor tiers.
 */
#include "base/cpu.h"
#include "base/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 1000

typedef struct counts {
    int n_threads;
    int times[CHUNKS];
    int bad_worker[CHUNKS];
    double sum[CHUNKS];
} counts;

static void count_chunk(void *arg, int64_t index, int worker)
{
    counts *c = arg;
    c->times[index]++;
    c->bad_worker[index] = worker < 0 || worker >= c->n_threads;
    for (int i = 1; i < 100; i++)
        c->sum[index] += 1.0 / (double)(index + i);
}

static void test_each_once(void **state)
{
    (void)state;
    static counts one, many;
    memset(&one, 0, sizeof one);
    one.n_threads = 1;
    hg_parallel_for(1, CHUNKS, count_chunk, &one);
    for (int n = 1; n <= 16; n++) {
        memset(&many, 0, sizeof many);
        many.n_threads = n;
        hg_parallel_for(n, CHUNKS, count_chunk, &many);
        for (int i = 0; i < CHUNKS; i++) {
            assert_int_equal(many.times[i], 1);
            assert_false(many.bad_worker[i]);
        }
        assert_memory_equal(one.sum, many.sum, sizeof one.sum);
    }
}

static void test_few_chunks(void **state)
{
    (void)state;
    static counts c;
    for (int n = 0; n <= 3; n++) {
        memset(&c, 0, sizeof c);
        c.n_threads = 4;
        hg_parallel_for(4, n, count_chunk, &c);
        for (int i = 0; i < CHUNKS; i++)
            assert_int_equal(c.times[i], i < n ? 1 : 0);
    }
    memset(&c, 0, sizeof c);
    c.n_threads = 1;
    hg_parallel_for(0, 2, count_chunk, &c); /* fewer than one thread is one */
    assert_true(c.times[1] == 1 && !c.bad_worker[1]);
}

/* The second kind reads what the first has summed up, the third what the second has left. */
typedef struct chain {
    atomic_llong left;
    atomic_llong sum;
    int each[16];
    int64_t second; /* its chunks */
    int times[CHUNKS];
    int64_t seen[CHUNKS], third[CHUNKS];
} chain;

static void chain_first(void *arg, int64_t index, int worker)
{
    (void)worker;
    chain *c = arg;
    atomic_fetch_add_explicit(&c->sum, index + 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->left, 1, memory_order_release);
}

static void chain_second(void *arg, int64_t index, int worker)
{
    (void)worker;
    chain *c = arg;
    c->times[index]++;
    hg_parallel_wait(&c->left);
    c->seen[index] = atomic_load_explicit(&c->sum, memory_order_relaxed);
}

static void chain_third(void *arg, int64_t index, int worker)
{
    (void)worker;
    chain *c = arg;
    for (int64_t i = 0; i < c->second; i++)
        c->third[index] += c->times[i];
}

/* Once on every thread. */
static void chain_each(void *arg, int64_t index, int worker)
{
    chain *c = arg;
    if (index == worker)
        c->each[index]++;
}

static void test_parts(void **state)
{
    (void)state;
    static chain c;
    static const int64_t n_chunks[][3] = {{3, 200, 7}, {0, 5, 3}, {5, 0, 1}, {40, 1, 0}, {1, 1, 90}};
    for (size_t n = 0; n < sizeof n_chunks / sizeof *n_chunks; n++) {
        for (int threads = 1; threads <= 9; threads++) {
            const int64_t first = n_chunks[n][0], second = n_chunks[n][1], third = n_chunks[n][2];
            const hg_parallel_part parts[] = {{first, chain_first, &c, false},
                                              {second, chain_second, &c, false},
                                              {third, chain_third, &c, true},
                                              {HG_PARALLEL_EACH, chain_each, &c, true}};
            memset(&c, 0, sizeof c);
            atomic_init(&c.left, first);
            c.second = second;
            hg_parallel_for_parts(threads, 4, parts);
            assert_int_equal(atomic_load(&c.sum), first * (first + 1) / 2);
            for (int i = 0; i < 16; i++)
                assert_int_equal(c.each[i], i < threads ? 1 : 0);
            for (int64_t i = 0; i < CHUNKS; i++) {
                assert_int_equal(c.times[i], i < second ? 1 : 0);
                assert_int_equal(c.seen[i], i < second ? first * (first + 1) / 2 : 0);
                assert_int_equal(c.third[i], i < third ? second : 0);
            }
        }
    }
}

static void test_processors(void **state)
{
    (void)state;
    assert_true(hg_parallel_processors() >= 1);
    assert_true(hg_cpu_detect() < HG_CPU_TIER_COUNT);
    assert_true(hg_cpu_has(HG_CPU_TIER_REFERENCE) && hg_cpu_has(hg_cpu_detect()));
    assert_string_equal(hg_cpu_tier_name(HG_CPU_TIER_REFERENCE), "reference");
    hg_cpu_tier tier;
    assert_true(hg_cpu_tier_find("avx2_vnni", &tier) && tier == HG_CPU_TIER_AVX2_VNNI);
    assert_true(hg_cpu_tier_find("avx512_bf16", &tier) && tier == HG_CPU_TIER_AVX512_BF16);
    assert_false(hg_cpu_tier_find("avx", &tier));
    hg_error err;
    assert_true(hg_cpu_choose(NULL, &tier, &err) == HG_STATUS_OK && tier == hg_cpu_detect());
    assert_true(hg_cpu_choose("reference", &tier, &err) == HG_STATUS_OK && tier == HG_CPU_TIER_REFERENCE);
    /* No machine has both. */
    assert_true(!hg_cpu_has(HG_CPU_TIER_AVX2) || !hg_cpu_has(HG_CPU_TIER_NEON));
    const char *other = hg_cpu_has(HG_CPU_TIER_NEON) ? "avx2" : "neon_i8mm";
    assert_int_equal(hg_cpu_choose(other, &tier, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "there is reference"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_few_chunks),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
