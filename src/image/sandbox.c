/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c: fork, confine, wait. Results lie in a memory file that parent and child share: a head for each
 * item of the child's, with status and error text, then the items' bytes, each on pages of its own. The
 * parent looks at them only when the child is gone, so nothing changes under its eyes. memfd_create is Linux,
 * hence _GNU_SOURCE.
 */
#define _GNU_SOURCE
#include "image/sandbox.h"

#include "base/checked.h"
#include "image/confine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_POISONS 1
#endif
#endif
#ifdef SANDBOX_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define SANDBOX_DONE 0x68676f6bU

/* One item of a child's. */
typedef struct sandbox_head {
    uint32_t done; /* SANDBOX_DONE once the work has come back */
    int32_t status;
    uint64_t begin, n; /* the bytes of the result, in the file */
    char text[HG_ERROR_TEXT_BYTES];
} sandbox_head;

/* A child takes up to so many items of a list, and none more when it has left so many bytes. */
#define SANDBOX_ITEMS 64
#define SANDBOX_LIST_BYTES ((size_t)64 << 20)

struct hg_sandbox_out {
    int fd;
    size_t max_bytes;
    size_t begin; /* in the file; on a page */
    uint8_t *data;
    size_t n;
};

/* The file of one child, and its heads as both see them. */
typedef struct sandbox_box {
    int fd;
    sandbox_head *heads;
    size_t n, head_bytes; /* whole pages */
} sandbox_box;

hg_sandbox_limits hg_sandbox_limits_default(void)
{
    return (hg_sandbox_limits){.memory_bytes = (size_t)6 << 30,
                               .result_bytes = (size_t)3 << 29,
                               .cpu_seconds = 60,
                               .wall_seconds = 120};
}

/* Whole pages. */
static size_t sandbox_round(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static hg_status box_open(sandbox_box *box, size_t n, hg_error *err)
{
    *box = (sandbox_box){.n = n, .head_bytes = sandbox_round(n * sizeof *box->heads)};
    box->fd = memfd_create("healthgpt", MFD_CLOEXEC);
    void *heads = MAP_FAILED;
    if (box->fd >= 0 && ftruncate(box->fd, (off_t)box->head_bytes) == 0)
        heads = mmap(NULL, box->head_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, box->fd, 0);
    if (heads != MAP_FAILED) {
        box->heads = heads;
        return HG_STATUS_OK;
    }
    hg_status status = hg_error_set(err, HG_STATUS_FAILED, "cannot make shared memory: %s", strerror(errno));
    if (box->fd >= 0)
        close(box->fd);
    return status;
}

static void box_close(const sandbox_box *box)
{
    munmap(box->heads, box->head_bytes);
    close(box->fd);
}

/* ---- the child ---- */

void *hg_sandbox_reserve(hg_sandbox_out *out, size_t bytes, hg_error *err)
{
    size_t total, mapped = bytes == 0 ? 1 : bytes;
    if (bytes > out->max_bytes || !hg_checked_add(mapped, out->begin, &total) || out->data != NULL) {
        hg_error_set(err, HG_STATUS_INPUT, "a result of %zu bytes; at most %zu are accepted", bytes,
                     out->max_bytes);
        return NULL;
    }
    void *map = MAP_FAILED;
    if (ftruncate(out->fd, (off_t)total) == 0)
        map = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd, (off_t)out->begin);
    if (map == MAP_FAILED) {
        hg_error_memory(err, total, "a result");
        return NULL;
    }
    /* Where the parent has memory that children get no copy of, addresses are free here that its arenas
     * poisoned. */
    ASAN_UNPOISON_MEMORY_REGION(map, mapped);
    out->data = map;
    out->n = bytes;
    return out->data;
}

/* One item, whose result begins at *begin, which moves behind it. False when it is to be tried in the next
 * child: what came before may have left too little memory for it. */
static bool child_item(const sandbox_box *box, size_t i, size_t *begin, const hg_sandbox_list *list,
                       size_t first, const hg_sandbox_limits *limits)
{
    hg_error err = {0};
    sandbox_head *head = &box->heads[i];
    hg_sandbox_out out = {.fd = box->fd, .max_bytes = limits->result_bytes, .begin = *begin};
    head->status = (int32_t)list->work(list->arg, first + i, &out, &err);
    if (i > 0 && head->status == HG_STATUS_FAILED)
        return false;
    memcpy(head->text, err.text, sizeof head->text);
    head->begin = *begin;
    head->n = out.n;
    *begin += sandbox_round(out.n);
    if (out.data != NULL)
        munmap(out.data, out.n == 0 ? 1 : out.n);
    head->done = SANDBOX_DONE;
    return true;
}

/* All that the child does: items from number `first` of the list on. */
static void child_run(const sandbox_box *box, const hg_sandbox_list *list, size_t first, size_t space,
                      const hg_sandbox_limits *limits)
{
    size_t most = box->head_bytes + sandbox_round(limits->result_bytes), begin = box->head_bytes;
    if (!hg_confine(limits, box->fd, box->n > 1 ? most + SANDBOX_LIST_BYTES : most, space)) {
        hg_error err;
        box->heads->status = (int32_t)hg_error_set(&err, HG_STATUS_FAILED,
                                                   "the image decoder cannot be confined on this system (%s)",
                                                   limits->fd > 0 ? "seccomp, Landlock" : "seccomp");
        memcpy(box->heads->text, err.text, sizeof box->heads->text);
        box->heads->done = SANDBOX_DONE;
        return;
    }
    for (size_t i = 0; i < box->n && begin - box->head_bytes <= SANDBOX_LIST_BYTES; i++) {
        if (!child_item(box, i, &begin, list, first, limits))
            return;
    }
}

/* ---- the parent ---- */

/* Bytes of address space that this process has; 0 when the system does not say. */
static size_t sandbox_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%zu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Sleeps until the child ends, `seconds` at most. False where the system cannot (before Linux 5.3). */
static bool sandbox_sleep(pid_t child, int seconds)
{
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    if (fd < 0)
        return false;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int got = poll(&wait, 1, seconds * 1000);
    close(fd);
    return got >= 0; /* else a signal: the caller's loop goes on */
}

/* Waits for the child, where sandbox_sleep cannot with a growing pause; kills it when its time is over. What
 * waitpid said of it is in *how, 0 when somebody else had already asked. */
static bool sandbox_wait(pid_t child, int seconds, int *how)
{
    struct timespec begin, now, pause = {.tv_nsec = 50000};
    *how = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    (void)sandbox_sleep(child, seconds);
    for (;;) {
        pid_t got = waitpid(child, how, WNOHANG);
        if (got == child || (got < 0 && errno != EINTR))
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > seconds)
            break;
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec < 2000000 ? 2 * pause.tv_nsec : pause.tv_nsec;
    }
    kill(child, SIGKILL);
    while (waitpid(child, how, 0) < 0 && errno == EINTR)
        ;
    return false;
}

static hg_status sandbox_explain(int how, bool in_time, const hg_sandbox_limits *limits, hg_error *err)
{
    int sign = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    if (!in_time || sign == SIGXCPU || sign == SIGKILL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "decoding was stopped: it took more than %d seconds or too much memory",
                            in_time ? limits->cpu_seconds : limits->wall_seconds);
    if (sign != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the file crashed its decoder (%s)", strsignal(sign));
    return hg_error_set(err, HG_STATUS_INPUT, "the file made its decoder stop (exit code %d)",
                        WIFEXITED(how) ? WEXITSTATUS(how) : -1);
}

/* Heads and size of the file are the child's word; the file's real size is the system's. */
static hg_status box_collect(const sandbox_box *box, size_t i, hg_sandbox_result *result, hg_error *err)
{
    const sandbox_head *head = &box->heads[i];
    if (head->status != HG_STATUS_OK) {
        bool known = head->status > HG_STATUS_OK && head->status <= HG_STATUS_TASK;
        return hg_error_set(err, known ? (hg_status)head->status : HG_STATUS_INPUT, "%.*s",
                            (int)sizeof head->text - 1, head->text);
    }
    struct stat info;
    uint64_t begin = head->begin, n = head->n, end;
    if (n == 0)
        return HG_STATUS_OK;
    if (fstat(box->fd, &info) != 0 || __builtin_add_overflow(begin, n, &end) ||
        end > (uint64_t)info.st_size || begin < box->head_bytes || sandbox_round((size_t)begin) != begin)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a result of the wrong size");
    void *map = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, box->fd, (off_t)begin);
    if (map == MAP_FAILED)
        return hg_error_memory(err, n, "a result");
    *result = (hg_sandbox_result){.data = map, .n = (size_t)n};
    return HG_STATUS_OK;
}

/* Runs a child on the items from `first` on. *n_done of them are done then; when none is, the status says
 * what became of the first. */
static hg_status box_run(const sandbox_box *box, const hg_sandbox_list *list, size_t first,
                         const hg_sandbox_limits *limits, size_t *n_done, hg_error *err)
{
    size_t space = sandbox_space();
    *n_done = 0;
    pid_t child = fork();
    if (child < 0)
        return hg_error_set(err, HG_STATUS_FAILED, "cannot make a process for decoding: %s", strerror(errno));
    if (child == 0) {
        child_run(box, list, first, space, limits);
        _exit(0);
    }
    int how;
    bool in_time = sandbox_wait(child, limits->wall_seconds, &how);
    while (*n_done < box->n && box->heads[*n_done].done == SANDBOX_DONE)
        ++*n_done;
    return *n_done > 0 ? HG_STATUS_OK : sandbox_explain(how, in_time, limits, err);
}

/* Hands over what the first `n` items left. */
static hg_status list_take(const sandbox_box *box, size_t n, const hg_sandbox_list *list, size_t first,
                           hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        hg_error why = {0};
        hg_sandbox_result result = {0};
        hg_status how = box_collect(box, i, &result, &why);
        status = list->take(list->arg, first + i, how, &result, &why, err);
        hg_sandbox_result_free(&result);
    }
    return status;
}

/* One child's worth of the list; *first moves behind what it did. A child that had done something before it
 * broke may have been broken by that, or have had its time used up: the next child begins with the same item,
 * and only a child's first item is blamed. */
static hg_status list_run(const hg_sandbox_list *list, size_t *first, const hg_sandbox_limits *limits,
                          hg_error *err)
{
    hg_error why = {0};
    sandbox_box box;
    size_t left = list->n - *first, n_done;
    hg_status status = box_open(&box, left < SANDBOX_ITEMS ? left : SANDBOX_ITEMS, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_status how = box_run(&box, list, *first, limits, &n_done, &why);
    if (n_done > 0)
        status = list_take(&box, n_done, list, *first, err);
    else
        status = list->take(list->arg, *first, how, &(hg_sandbox_result){0}, &why, err);
    *first += n_done > 0 ? n_done : 1;
    box_close(&box);
    return status;
}

hg_status hg_sandbox_run_list(const hg_sandbox_list *list, const hg_sandbox_limits *limits, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t first = 0; first < list->n && status == HG_STATUS_OK;)
        status = list_run(list, &first, limits, err);
    return status;
}

/* ---- a list of one ---- */

typedef struct sandbox_single {
    hg_sandbox_work work;
    void *arg;
    hg_sandbox_result *result;
} sandbox_single;

static hg_status single_work(void *arg, size_t index, hg_sandbox_out *out, hg_error *err)
{
    (void)index;
    const sandbox_single *single = arg;
    return single->work(single->arg, out, err);
}

static hg_status single_take(void *arg, size_t index, hg_status status, hg_sandbox_result *result,
                             const hg_error *why, hg_error *err)
{
    (void)index;
    if (status != HG_STATUS_OK) {
        if (err != NULL)
            *err = *why;
        return status;
    }
    *((sandbox_single *)arg)->result = *result;
    *result = (hg_sandbox_result){0};
    return HG_STATUS_OK;
}

hg_status hg_sandbox_run(hg_sandbox_result *result, hg_sandbox_work work, void *arg,
                         const hg_sandbox_limits *limits, hg_error *err)
{
    sandbox_single single = {work, arg, result};
    const hg_sandbox_list list = {1, single_work, single_take, &single};
    *result = (hg_sandbox_result){0};
    return hg_sandbox_run_list(&list, limits, err);
}

void hg_sandbox_result_free(hg_sandbox_result *result)
{
    if (result->data != NULL)
        munmap((void *)(uintptr_t)result->data, result->n);
    *result = (hg_sandbox_result){0};
}
