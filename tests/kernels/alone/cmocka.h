/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka.h: as much of cmocka as check_kernels needs, for machines that it is built for by a cross compiler,
 * where only the C library is at hand. Include <setjmp.h> before, as for cmocka itself.
 */
#ifndef HG_TESTS_ALONE_CMOCKA_H
#define HG_TESTS_ALONE_CMOCKA_H

#include <stddef.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
};

#define cmocka_unit_test(f)                                                                                  \
    {                                                                                                        \
#f, f                                                                                                \
    }
#define cmocka_run_group_tests(tests, setup, teardown) alone_run(sizeof(tests) / sizeof *(tests), tests)

#define assert_true(x) alone_check(x, __FILE__, __LINE__, #x)
#define assert_int_equal(a, b) alone_check((a) == (b), __FILE__, __LINE__, #a " == " #b)
#define assert_string_equal(a, b) alone_check(alone_same_text(a, b), __FILE__, __LINE__, #a " is " #b)
#define assert_memory_equal(a, b, n)                                                                         \
    alone_check(alone_same_bytes(a, b, n), __FILE__, __LINE__, #a " holds " #b)
#define fail_msg(...) alone_fail(__FILE__, __LINE__, __VA_ARGS__)
#define print_message alone_print
#define skip() alone_skip()

int alone_run(size_t n, const struct CMUnitTest *tests);
void alone_check(int ok, const char *file, int line, const char *what);
int alone_same_text(const char *a, const char *b);
int alone_same_bytes(const void *a, const void *b, size_t n);
void alone_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the program: what comes after would test what is known to be broken. */
_Noreturn void alone_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void alone_skip(void);

#endif
