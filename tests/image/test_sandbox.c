/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sandbox.c: what a confined child may do, and what becomes of one that crashes, hangs, ends early, asks
 * for too much or tries to reach the system. Also on several threads, as a server does; and lists of items.
 */
#include "image/sandbox.h"

#include "image_golden.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static hg_status box_run(hg_sandbox_result *result, hg_sandbox_work work, void *arg, hg_error *err)
{
    hg_sandbox_limits limits = hg_sandbox_limits_default();
    limits.wall_seconds = 2;
    limits.cpu_seconds = 1;
    limits.memory_bytes = (size_t)256 << 20;
    limits.result_bytes = (size_t)64 << 20;
    return hg_sandbox_run(result, work, arg, &limits, err);
}

static hg_status work_squares(void *arg, hg_sandbox_out *out, hg_error *err)
{
    size_t n = *(size_t *)arg;
    uint32_t *values = hg_sandbox_reserve(out, n * sizeof *values, err);
    if (values == NULL)
        return err->code;
    for (size_t i = 0; i < n; i++)
        values[i] = (uint32_t)(i * i);
    *(size_t *)arg = 0; /* the parent does not see this */
    return HG_STATUS_OK;
}

static void test_result(void **state)
{
    (void)state;
    size_t n = 1000003;
    hg_error err = {0};
    hg_sandbox_result result;
    assert_int_equal(box_run(&result, work_squares, &n, &err), HG_STATUS_OK);
    assert_int_equal(n, 1000003);
    assert_int_equal(result.n, 4 * n);
    for (size_t i = 0; i < n; i++) {
        uint32_t value;
        memcpy(&value, result.data + 4 * i, 4);
        assert_int_equal(value, (uint32_t)(i * i));
    }
    hg_sandbox_result_free(&result);
    n = (size_t)17 << 20; /* 68 MiB, past the limit of the result */
    assert_int_equal(box_run(&result, work_squares, &n, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "at most"));
}

static hg_status work_fail(void *arg, hg_sandbox_out *out, hg_error *err)
{
    (void)out;
    return hg_error_set(err, *(hg_status *)arg, "row %d is\nbad", 7);
}

static void test_failure(void **state)
{
    (void)state;
    for (int code = HG_STATUS_FAILED; code <= HG_STATUS_TASK; code++) {
        hg_error err = {0};
        hg_sandbox_result result;
        hg_status wanted = (hg_status)code;
        assert_int_equal(box_run(&result, work_fail, &wanted, &err), wanted);
        assert_string_equal(err.text, "row 7 is?bad");
        assert_null(result.data);
    }
}

static hg_status work_break(void *arg, hg_sandbox_out *out, hg_error *err)
{
    (void)out;
    (void)err;
    switch (*(int *)arg) {
    case 0:
        __builtin_trap(); /* SIGILL, which no sanitizer takes for its own */
    case 1:
        _exit(5);
    default:
        for (volatile int forever = 1; forever;)
            ;
    }
    return HG_STATUS_OK;
}

static void test_broken(void **state)
{
    (void)state;
    /* The last two run for ever; one is stopped by its own time, the other by the clock. */
    static const struct {
        int how, cpu, wall;
        const char *part;
    } cases[] = {{0, 10, 60, "crashed its decoder"},
                 {1, 10, 60, "exit code 5"},
                 {2, 1, 60, "more than 1 seconds"},
                 {2, 61, 1, "more than 1 seconds"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_error err = {0};
        hg_sandbox_result result;
        hg_sandbox_limits limits = hg_sandbox_limits_default();
        int how = cases[i].how;
        limits.cpu_seconds = cases[i].cpu;
        limits.wall_seconds = cases[i].wall;
        assert_int_equal(hg_sandbox_run(&result, work_break, &how, &limits, &err), HG_STATUS_INPUT);
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("'%s' lacks '%s'", err.text, cases[i].part);
    }
}

/* Every way out that a broken decoder might try; bit i is set when number i worked. */
static hg_status work_escape(void *arg, hg_sandbox_out *out, hg_error *err)
{
    int *worked = hg_sandbox_reserve(out, sizeof *worked, err);
    int fd = *(int *)arg;
    if (worked == NULL)
        return HG_STATUS_FAILED;
    char byte = 'x';
    char *const argv[] = {"true", NULL};
    *worked |= (open("/etc/passwd", O_RDONLY) >= 0) << 0;
    *worked |= (open("/tmp/hg-escape", O_CREAT | O_WRONLY, 0600) >= 0) << 1;
    *worked |= (socket(AF_INET, SOCK_STREAM, 0) >= 0) << 2;
    *worked |= (write(fd, &byte, 1) == 1) << 3;
    *worked |= (read(fd, &byte, 1) == 1) << 4;
    *worked |= (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) << 5;
    *worked |= (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
               << 6;
    *worked |= (kill(1, 0) == 0) << 7;
    *worked |= (execv("/bin/true", argv) == 0) << 8;
    *worked |= (ftruncate(fd, 0) == 0) << 9;
    *worked |= (unlink("/tmp/hg-escape-there") == 0) << 10;
    return HG_STATUS_OK;
}

static void test_confined(void **state)
{
    (void)state;
    char path[] = "/tmp/hg-escape-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abcd", 4), 4);
    lseek(fd, 0, SEEK_SET);
    hg_error err = {0};
    hg_sandbox_result result;
    assert_int_equal(box_run(&result, work_escape, &fd, &err), HG_STATUS_OK);
    int worked;
    memcpy(&worked, result.data, sizeof worked);
    assert_int_equal(worked, 0);
    hg_sandbox_result_free(&result);
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);
    close(fd);
    unlink(path);
}

/* What a work may do that has one file to read: bit i is set when number i worked. */
static hg_status work_read(void *arg, hg_sandbox_out *out, hg_error *err)
{
    int *worked = hg_sandbox_reserve(out, sizeof *worked, err);
    char path[40], text[4] = "";
    if (worked == NULL)
        return HG_STATUS_FAILED;
    snprintf(path, sizeof path, "/proc/self/fd/%d", *(int *)arg);
    int fd = open(path, O_RDONLY);
    *worked |= (fd >= 0 && read(fd, text, 4) == 4 && memcmp(text, "abcd", 4) == 0) << 0;
    *worked |= (open(path, O_RDWR) >= 0) << 1;
    *worked |= (open(path, O_WRONLY | O_TRUNC) >= 0) << 2;
    *worked |= (open("/etc/passwd", O_RDONLY) >= 0) << 3;
    *worked |= (open("/proc/self/maps", O_RDONLY) >= 0) << 4;
    *worked |= (open("/tmp", O_RDONLY | O_DIRECTORY) >= 0) << 5;
    *worked |= (open("/tmp/hg-escape", O_CREAT | O_WRONLY, 0600) >= 0) << 6;
    *worked |= (write(fd, text, 4) == 4) << 7;
    *worked |= (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED) << 8;
    *worked |= (socket(AF_INET, SOCK_STREAM, 0) >= 0) << 9;
    *worked |= (kill(1, 0) == 0) << 10;
    return HG_STATUS_OK;
}

static void test_one_file(void **state)
{
    (void)state;
    char path[] = "/tmp/hg-escape-XXXXXX";
    int fd = mkstemp(path), worked = 0;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abcd", 4), 4);
    hg_error err = {0};
    hg_sandbox_result result;
    hg_sandbox_limits limits = hg_sandbox_limits_default();
    limits.fd = fd;
    if (hg_sandbox_run(&result, work_read, &fd, &limits, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    memcpy(&worked, result.data, sizeof worked);
    assert_int_equal(worked, 1);
    hg_sandbox_result_free(&result);
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);
    close(fd);
    unlink(path);
}

static hg_status work_allocate(void *arg, hg_sandbox_out *out, hg_error *err)
{
    (void)arg;
    (void)out;
    void *much = hg_mem_alloc((size_t)1 << 30);
    if (much == NULL)
        return hg_error_memory(err, (size_t)1 << 30, "too much");
    hg_mem_free(much);
    return HG_STATUS_OK;
}

static void test_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    print_message("skipped: the sanitizers' own memory passes every limit\n");
    skip();
#endif
#endif
    hg_error err = {0};
    hg_sandbox_result result;
    assert_int_equal(box_run(&result, work_allocate, NULL, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "out of memory"));
}

static void run_one(void *arg, int64_t index, int worker)
{
    (void)worker;
    size_t n = (size_t)index + 1;
    hg_error err;
    hg_sandbox_result result;
    if (box_run(&result, work_squares, &n, &err) != HG_STATUS_OK || result.n != 4 * n)
        return;
    uint32_t last;
    memcpy(&last, result.data + 4 * (n - 1), 4);
    ((bool *)arg)[index] = last == (uint32_t)(index * index);
    hg_sandbox_result_free(&result);
}

static void test_threads(void **state)
{
    (void)state;
    bool good[64] = {false};
    hg_parallel_for(4, 64, run_one, good);
    for (int i = 0; i < 64; i++)
        assert_true(good[i]);
}

/* ---- lists ---- */

/* What an item of a list does. */
typedef enum list_kind {
    LIST_GOOD,   /* leaves its child's number, and a page of its own */
    LIST_REFUSE, /* fails with HG_STATUS_INPUT */
    LIST_SHORT,  /* fails with HG_STATUS_FAILED but for a child's first item, as when memory is short */
    LIST_TRAP,
    LIST_EXIT,
    LIST_HANG,
    LIST_SECOND, /* traps but for a child's first item, as when what was before has done damage */
    LIST_LARGE   /* leaves 30 MiB */
} list_kind;

#define LIST_MOST 300
#define LIST_PAGE 5000
#define LIST_LARGE_BYTES ((size_t)30 << 20)

typedef struct list_test {
    list_kind kinds[LIST_MOST];
    size_t n, n_before; /* n_before: counted in the child alone */
    size_t n_taken, end_at;
    hg_status got[LIST_MOST];
    char why[LIST_MOST][80];
    long child[LIST_MOST];
} list_test;

static hg_status list_good(const list_test *t, size_t index, hg_sandbox_out *out, hg_error *err)
{
    size_t n = t->kinds[index] == LIST_LARGE ? LIST_LARGE_BYTES : LIST_PAGE;
    uint8_t *to = hg_sandbox_reserve(out, n, err);
    if (to == NULL)
        return HG_STATUS_INPUT;
    const long child = (long)getpid();
    memset(to, (int)(index & 0xff), n);
    memcpy(to, &child, sizeof child);
    return HG_STATUS_OK;
}

static hg_status list_work(void *arg, size_t index, hg_sandbox_out *out, hg_error *err)
{
    list_test *t = arg;
    bool first = t->n_before++ == 0;
    switch (t->kinds[index]) {
    case LIST_REFUSE:
        return hg_error_set(err, HG_STATUS_INPUT, "item %zu is bad", index);
    case LIST_SHORT:
        return first ? list_good(t, index, out, err) : hg_error_memory(err, 1, "an item");
    case LIST_TRAP:
        __builtin_trap();
    case LIST_EXIT:
        _exit(5);
    case LIST_HANG:
        for (volatile int forever = 1; forever;)
            ;
        return HG_STATUS_OK;
    case LIST_SECOND:
        if (!first)
            __builtin_trap();
        return list_good(t, index, out, err);
    default:
        return list_good(t, index, out, err);
    }
}

static hg_status list_take(void *arg, size_t index, hg_status status, hg_sandbox_result *result,
                           const hg_error *why, hg_error *err)
{
    list_test *t = arg;
    assert_int_equal(index, t->n_taken++);
    t->got[index] = status;
    snprintf(t->why[index], sizeof t->why[index], "%.79s", why->text);
    if (status == HG_STATUS_OK) {
        assert_int_equal(result->n, t->kinds[index] == LIST_LARGE ? LIST_LARGE_BYTES : LIST_PAGE);
        memcpy(&t->child[index], result->data, sizeof t->child[index]);
        size_t n_wrong = 0;
        for (size_t i = sizeof(long); i < result->n; i++)
            n_wrong += result->data[i] != (uint8_t)index;
        assert_int_equal(n_wrong, 0);
    }
    return index == t->end_at ? hg_error_set(err, HG_STATUS_TASK, "enough") : HG_STATUS_OK;
}

static list_test *list_new(size_t n)
{
    list_test *t = hg_mem_array(1, sizeof *t);
    assert_non_null(t);
    t->n = n;
    t->end_at = SIZE_MAX;
    return t;
}

static hg_status list_run(list_test *t, hg_error *err)
{
    hg_sandbox_limits limits = hg_sandbox_limits_default();
    const hg_sandbox_list list = {t->n, list_work, list_take, t};
    limits.cpu_seconds = 1;
    return hg_sandbox_run_list(&list, &limits, err);
}

static size_t list_children(const list_test *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->child[i] != 0 && (i == 0 || t->child[i] != t->child[i - 1]);
    return n;
}

/* Up to 64 share a child. */
static void test_list(void **state)
{
    (void)state;
    static const size_t counts[][2] = {{0, 0}, {1, 1}, {64, 1}, {65, 2}, {200, 4}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        hg_error err = {0};
        list_test *t = list_new(counts[k][0]);
        assert_int_equal(list_run(t, &err), HG_STATUS_OK);
        assert_int_equal(t->n_taken, t->n);
        assert_int_equal(list_children(t), counts[k][1]);
        for (size_t i = 0; i < t->n; i++)
            assert_int_equal(t->got[i], HG_STATUS_OK);
        hg_mem_free(t);
    }
}

/* Broken ones at the beginning, side by side, in the middle and at the end of good ones: each is told of with
 * its own reason, and costs nothing else. */
static void test_list_broken(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        list_kind kind;
        const char *why; /* NULL: it is good in a child of its own */
    } odd[] = {{0, LIST_TRAP, "crashed its decoder"},
               {5, LIST_REFUSE, "item 5 is bad"},
               {6, LIST_TRAP, "crashed its decoder"},
               {7, LIST_TRAP, "crashed its decoder"},
               {8, LIST_EXIT, "exit code 5"},
               {20, LIST_HANG, "more than 1 seconds"},
               {30, LIST_SECOND, NULL},
               {40, LIST_SHORT, NULL},
               {99, LIST_TRAP, "crashed its decoder"}};
    hg_error err = {0};
    list_test *t = list_new(100);
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
        t->kinds[odd[k].at] = odd[k].kind;
    assert_int_equal(list_run(t, &err), HG_STATUS_OK);
    assert_int_equal(t->n_taken, 100);
    size_t k = 0;
    for (size_t i = 0; i < 100; i++) {
        bool is_odd = k < sizeof odd / sizeof *odd && odd[k].at == i;
        const char *why = is_odd ? odd[k].why : NULL;
        assert_int_equal(t->got[i], why == NULL ? HG_STATUS_OK : HG_STATUS_INPUT);
        if (why != NULL && strstr(t->why[i], why) == NULL)
            fail_msg("item %zu: '%s' lacks '%s'", i, t->why[i], why);
        k += is_odd;
    }
    assert_true(t->child[29] != t->child[30] && t->child[30] == t->child[31]);
    hg_mem_free(t);
}

/* Results of a child do not pile up without end, and one as large as allowed finds its place behind others.
 */
static void test_list_large(void **state)
{
    (void)state;
    hg_error err = {0};
    list_test *t = list_new(7);
    for (size_t i = 1; i < 7; i++)
        t->kinds[i] = LIST_LARGE;
    assert_int_equal(list_run(t, &err), HG_STATUS_OK);
    assert_int_equal(list_children(t), 2); /* 90 MiB are more than 64; then another three */
    hg_mem_free(t);
}

static void test_list_ended(void **state)
{
    (void)state;
    hg_error err = {0};
    list_test *t = list_new(100);
    t->end_at = 3;
    assert_int_equal(list_run(t, &err), HG_STATUS_TASK);
    assert_string_equal(err.text, "enough");
    assert_int_equal(t->n_taken, 4);
    hg_mem_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_result),      cmocka_unit_test(test_failure),
                                       cmocka_unit_test(test_broken),      cmocka_unit_test(test_confined),
                                       cmocka_unit_test(test_one_file),    cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_threads),     cmocka_unit_test(test_list),
                                       cmocka_unit_test(test_list_broken), cmocka_unit_test(test_list_large),
                                       cmocka_unit_test(test_list_ended)};
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
