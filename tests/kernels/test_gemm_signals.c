/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gemm_signals.c: signals that arrive during products find the thread on its own stack, whatever the
 * product's shape, so that no handler's frame is written over other memory. The handler here has a stack of
 * its own, and looks at the stack pointer of what it interrupts.
 */
#define _GNU_SOURCE
#include "base/memory.h"
#include "kernels/kernels.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <ucontext.h>

#include <cmocka.h>

#if defined(__x86_64__)

#define SIGNALS 20 /* that are waited for, of each shape */
#define STACK_BYTES ((uintptr_t)64 << 20)

static volatile sig_atomic_t n_signals, n_elsewhere;
static uintptr_t stack_top;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    uintptr_t at = (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
    n_signals++;
    n_elsewhere += at > stack_top || stack_top - at > STACK_BYTES;
}

/* A signal for every millisecond (or longer tick) of processor time, handled on a stack of its own. */
static void begin_signals(void)
{
    static _Alignas(64) unsigned char stack[1 << 17];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    const struct itimerval often = {{0, 1000}, {0, 1000}};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaltstack(&own, NULL), 0);
    assert_int_equal(sigaction(SIGPROF, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_PROF, &often, NULL), 0);
}

static void end_signals(void)
{
    const struct itimerval never = {{0, 0}, {0, 0}};
    assert_int_equal(setitimer(ITIMER_PROF, &never, NULL), 0);
}

static void check_shape(const hg_kernels *t, int64_t m, int64_t n, int64_t k, bool trans_a, bool trans_b)
{
    hg_gemm_shape s = {.trans_a = trans_a, .trans_b = trans_b, .m = m, .n = n, .k = k};
    s.lda = trans_a ? m : k;
    s.ldb = trans_b ? k : n;
    s.ldc = n;
    float *a = hg_mem_array((size_t)(m * k), sizeof *a), *b = hg_mem_array((size_t)(n * k), sizeof *b),
          *c = hg_mem_array((size_t)(m * n), sizeof *c);
    assert_true(a != NULL && b != NULL && c != NULL);
    n_signals = n_elsewhere = 0;
    begin_signals();
    while (n_signals < SIGNALS)
        t->gemm(&s, a, b, 1, c);
    end_signals();
    if (n_elsewhere != 0)
        print_error("%s: %d of %d signals came on another stack (%lld x %lld x %lld)\n", t->name,
                    (int)n_elsewhere, (int)n_signals, (long long)m, (long long)n, (long long)k);
    assert_int_equal(n_elsewhere, 0);
    hg_mem_free(a);
    hg_mem_free(b);
    hg_mem_free(c);
}

static void test_on_own_stack(void **state)
{
    (void)state;
    char here;
    stack_top = (uintptr_t)&here + 4096;
    const hg_kernels *t = hg_kernels_get(hg_cpu_detect());
    for (int trans = 0; trans < 4; trans++) {
        check_shape(t, 260, 64, 192, trans & 1, trans & 2);
        check_shape(t, 260, 64, 84, trans & 1, trans & 2); /* just so long that nothing waits */
        check_shape(t, 260, 64, 85, trans & 1, trans & 2);
        check_shape(t, 64, 768, 260, trans & 1, trans & 2);
        check_shape(t, 5, 192, 2048, trans & 1, trans & 2);
    }
}

#else

static void test_on_own_stack(void **state)
{
    (void)state;
    print_message("skipped: this processor's products are not oneDNN's\n");
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_on_own_stack)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
