/* SPDX-License-Identifier: Apache-2.0
 *
 * test_arena.c: alignment, mark and reset, reuse of blocks, the maximum.
 */
#include "base/arena.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_alignment(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 1000, 1 << 20); /* the block size need not be a multiple */
    uint8_t *end = NULL;
    assert_non_null(hg_arena_alloc(&a, 0));
    for (size_t n = 1; n < 300; n++) {
        uint8_t *p = hg_arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % HG_ARENA_ALIGNMENT, 0);
        memset(p, (int)n, n); /* its own memory: the sanitizer would object */
        assert_true(p != end);
        end = p;
    }
    hg_arena_deinit(&a);
    assert_null(a.first);
    assert_int_equal(a.total_bytes, 0);
}

static void test_nothing_before_first_use(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 4096, 1 << 20);
    assert_int_equal(a.total_bytes, 0);
    hg_arena_mark mark = hg_arena_get_mark(&a);
    hg_arena_reset(&a, mark); /* an empty arena */
    hg_arena_deinit(&a);
}

static void test_mark_and_reset(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 4096, 1 << 20);
    char *kept = hg_arena_alloc(&a, 10);
    strcpy(kept, "kept");
    hg_arena_mark mark = hg_arena_get_mark(&a);
    char *first = hg_arena_alloc(&a, 100);
    assert_non_null(hg_arena_alloc(&a, 9000)); /* a block of its own */
    assert_non_null(hg_arena_alloc(&a, 4000));
    size_t total = a.total_bytes;
    for (int i = 0; i < 10; i++) { /* a steady loop asks the system for nothing */
        hg_arena_reset(&a, mark);
        assert_ptr_equal(hg_arena_alloc(&a, 100), first);
        assert_non_null(hg_arena_alloc(&a, 9000));
        assert_non_null(hg_arena_alloc(&a, 4000));
        assert_int_equal(a.total_bytes, total);
    }
    assert_string_equal(kept, "kept");
    hg_arena_reset(&a, (hg_arena_mark){0});
    assert_ptr_equal(hg_arena_alloc(&a, 10), kept);
    hg_arena_deinit(&a);
}

/* A mark in an empty arena, taken before the first block exists. */
static void test_mark_of_empty(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 4096, 1 << 20);
    hg_arena_mark mark = hg_arena_get_mark(&a);
    void *p = hg_arena_alloc(&a, 64);
    hg_arena_reset(&a, mark);
    assert_ptr_equal(hg_arena_alloc(&a, 64), p);
    hg_arena_deinit(&a);
}

static void test_maximum(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 4096, 10000);
    assert_non_null(hg_arena_alloc(&a, 4000));
    assert_null(hg_arena_alloc(&a, 6000)); /* 4096 and 6016 pass the maximum */
    assert_int_equal(a.total_bytes, 4096);
    assert_non_null(hg_arena_alloc(&a, 4000)); /* the refusal did no harm */
    assert_null(hg_arena_alloc(&a, SIZE_MAX));
    assert_null(hg_arena_alloc(&a, SIZE_MAX - 100));
    hg_arena_deinit(&a);
}

static void test_array(void **state)
{
    (void)state;
    hg_arena a;
    hg_arena_init(&a, 4096, 1 << 20);
    hg_arena_mark mark = hg_arena_get_mark(&a);
    memset(hg_arena_alloc(&a, 800), 0xff, 800);
    hg_arena_reset(&a, mark);
    const uint64_t *zeros = hg_arena_array(&a, 100, 8);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
    assert_null(hg_arena_array(&a, SIZE_MAX / 4, 8)); /* the product does not fit */
    hg_arena_deinit(&a);
}

/* Blocks that child processes do not get: a child that reads one is ended by it, and does not see the rest.
 */
static void test_apart(void **state)
{
    (void)state;
    hg_arena a;
    int how = 0;
    hg_arena_init_apart(&a, 1000, (size_t)1 << 30);
    volatile uint8_t *first = hg_arena_alloc(&a, 100);
    assert_non_null((const void *)first);
    first[99] = 7;
    assert_non_null(hg_arena_alloc(&a, (size_t)5 << 20)); /* a block of its own */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(first[99] == 7 ? 1 : 2);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGSEGV);
    assert_int_equal(first[99], 7);
    hg_arena_reset(&a, (hg_arena_mark){0});
    assert_ptr_equal(hg_arena_alloc(&a, 100), (const void *)first);
    hg_arena_deinit(&a);
    assert_int_equal(a.total_bytes, 0);
    assert_non_null(hg_arena_alloc(&a, 1)); /* it can be used again */
    hg_arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_nothing_before_first_use),
        cmocka_unit_test(test_mark_and_reset),
        cmocka_unit_test(test_mark_of_empty),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
