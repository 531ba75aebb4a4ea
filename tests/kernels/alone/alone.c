/* SPDX-License-Identifier: Apache-2.0
 *
 * alone.c: see cmocka.h beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka.h"

static jmp_buf alone_end; /* of the test that runs */

int alone_run(size_t n, const struct CMUnitTest *tests)
{
    for (volatile size_t i = 0; i < n; i++) {
        printf("[ RUN      ] %s\n", tests[i].name);
        fflush(stdout);
        if (setjmp(alone_end) == 0) {
            void *state = NULL;
            tests[i].test(&state);
            printf("[       OK ] %s\n", tests[i].name);
        } else {
            printf("[  SKIPPED ] %s\n", tests[i].name);
        }
        fflush(stdout);
    }
    return 0;
}

void alone_check(int ok, const char *file, int line, const char *what)
{
    if (!ok)
        alone_fail(file, line, "not true: %s", what);
}

int alone_same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

int alone_same_bytes(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n) == 0;
}

void alone_print(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
}

void alone_fail(const char *file, int line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("[  FAILED  ] %s:%d: ", file, line);
    vprintf(format, list);
    printf("\n");
    va_end(list);
    exit(EXIT_FAILURE);
}

void alone_skip(void)
{
    longjmp(alone_end, 1);
}
