/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c: fork, confine, wait. The result lies in a memory file that parent and child share: a head with
 * status and error text, then the child's bytes. The parent looks at it only when the child is gone, so
 * nothing changes under its eyes. A system call that is not on the list fails with EPERM; the list has
 * memory, clocks and the end of the process. memfd_create and prctl are Linux, hence _GNU_SOURCE.
 */
#define _GNU_SOURCE
#include "image/sandbox.h"

#include "base/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif
#if SANDBOX_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define SANDBOX_DONE 0x68676f6bU

/* First in the shared file; the result begins at SANDBOX_HEAD_BYTES, aligned for anything. */
typedef struct sandbox_head {
    uint32_t done; /* SANDBOX_DONE once the work has come back */
    int32_t status;
    uint64_t n; /* bytes of the result */
    char text[HG_ERROR_TEXT_BYTES];
} sandbox_head;

#define SANDBOX_HEAD_BYTES 1024

struct hg_sandbox_out {
    int fd;
    size_t max_bytes;
    uint8_t *data;
    size_t n;
};

hg_sandbox_limits hg_sandbox_limits_default(void)
{
    return (hg_sandbox_limits){.memory_bytes = (size_t)6 << 30,
                               .result_bytes = (size_t)3 << 29,
                               .cpu_seconds = 60,
                               .wall_seconds = 120};
}

static bool sandbox_allow(scmp_filter_ctx filter, int fd)
{
    static const int calls[] = {SCMP_SYS(munmap),        SCMP_SYS(mremap),         SCMP_SYS(brk),
                                SCMP_SYS(madvise),       SCMP_SYS(futex),          SCMP_SYS(exit),
                                SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn),   SCMP_SYS(rt_sigprocmask),
                                SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),   SCMP_SYS(getpid),
                                SCMP_SYS(gettid),        SCMP_SYS(sched_yield),    SCMP_SYS(getrandom),
                                SCMP_SYS(sysinfo),       SCMP_SYS(restart_syscall)};
    bool ok = true;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    /* New memory is never code, and the only file that may be mapped or sized is the result's. */
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0;
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                SCMP_A4(SCMP_CMP_EQ, (scmp_datum_t)fd, 0)) == 0;
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ftruncate), 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0)) == 0;
    if (SANDBOX_SANITIZED) /* the sanitizers' reports, and what they do around longjmp */
        ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0) == 0 &&
             seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, 2, 0)) == 0;
    return ok;
}

/* What reading a file by its path takes; which file it can be is Landlock's matter. */
static bool sandbox_allow_reading(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(read),       SCMP_SYS(pread64),  SCMP_SYS(lseek),
                                SCMP_SYS(fstat),      SCMP_SYS(close),    SCMP_SYS(fcntl),
                                SCMP_SYS(newfstatat), SCMP_SYS(readlink), SCMP_SYS(readlinkat)};
    const scmp_datum_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    bool ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0)) == 0;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    return ok;
}

/* From here on this process can open one file, and only to read it. */
static bool sandbox_open_only(int fd)
{
    const struct landlock_ruleset_attr all = {.handled_access_fs =
                                                  LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                                  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    const struct landlock_path_beneath_attr one = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                                                   .parent_fd = fd};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0)
        return false;
    /* A file that lies only in memory is on no disk, and needs no rule. */
    bool ok =
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &one, 0) == 0 || errno == EBADFD;
    ok = ok && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return ok;
}

static bool sandbox_filter(int fd, bool reading)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL && sandbox_allow(filter, fd) && (!reading || sandbox_allow_reading(filter)) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

static bool sandbox_limit(int what, rlim_t value)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0)
        return false;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)what, &limit) == 0;
}

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

static bool sandbox_confine(const hg_sandbox_limits *limits, int fd, size_t space)
{
    bool ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    /* Not dumpable, a process cannot even look at its own descriptors in /proc. */
    ok = ok && (limits->fd > 0 || prctl(PR_SET_DUMPABLE, 0) == 0);
    ok = ok && sandbox_limit(RLIMIT_CORE, 0) && sandbox_limit(RLIMIT_CPU, (rlim_t)limits->cpu_seconds) &&
         sandbox_limit(RLIMIT_FSIZE, limits->result_bytes + SANDBOX_HEAD_BYTES);
    if (!SANDBOX_SANITIZED && space != 0)
        ok = ok && sandbox_limit(RLIMIT_AS, space + limits->memory_bytes);
    return ok && (limits->fd <= 0 || sandbox_open_only(limits->fd)) && sandbox_filter(fd, limits->fd > 0);
}

void *hg_sandbox_reserve(hg_sandbox_out *out, size_t bytes, hg_error *err)
{
    size_t total;
    if (bytes > out->max_bytes || !hg_checked_add(bytes, SANDBOX_HEAD_BYTES, &total) || out->data != NULL) {
        hg_error_set(err, HG_STATUS_INPUT, "a result of %zu bytes; at most %zu are accepted", bytes,
                     out->max_bytes);
        return NULL;
    }
    void *map = MAP_FAILED;
    if (ftruncate(out->fd, (off_t)total) == 0)
        map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd, 0);
    if (map == MAP_FAILED) {
        hg_error_memory(err, total, "a result");
        return NULL;
    }
    /* Where the parent has memory that children get no copy of, addresses are free here that its arenas
     * poisoned. */
    ASAN_UNPOISON_MEMORY_REGION(map, total);
    out->data = (uint8_t *)map + SANDBOX_HEAD_BYTES;
    out->n = bytes;
    return out->data;
}

/* A handler of the parent's must not run in the child: it may jump back into the parent's work. */
static void sandbox_reset_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
}

/* All that the child does. */
static void sandbox_child(sandbox_head *head, int fd, size_t space, hg_sandbox_work work, void *arg,
                          const hg_sandbox_limits *limits)
{
    hg_error err = {0};
    hg_sandbox_out out = {.fd = fd, .max_bytes = limits->result_bytes};
    sandbox_reset_signals();
    if (!sandbox_confine(limits, fd, space))
        head->status = (int32_t)hg_error_set(&err, HG_STATUS_FAILED,
                                             "the image decoder cannot be confined on this system "
                                             "(%s)",
                                             limits->fd > 0 ? "seccomp, Landlock" : "seccomp");
    else
        head->status = (int32_t)work(arg, &out, &err);
    memcpy(head->text, err.text, sizeof head->text);
    head->n = out.n;
    head->done = SANDBOX_DONE;
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

/* Head and size of the file are the child's word; the file's real size is the system's. */
static hg_status sandbox_collect(hg_sandbox_result *result, int fd, const sandbox_head *head, hg_error *err)
{
    if (head->status != HG_STATUS_OK) {
        bool known = head->status > HG_STATUS_OK && head->status <= HG_STATUS_TASK;
        return hg_error_set(err, known ? (hg_status)head->status : HG_STATUS_INPUT, "%.*s",
                            (int)sizeof head->text - 1, head->text);
    }
    struct stat info;
    uint64_t n = head->n;
    if (n == 0)
        return HG_STATUS_OK;
    if (fstat(fd, &info) != 0 || (uint64_t)info.st_size < SANDBOX_HEAD_BYTES ||
        (uint64_t)info.st_size - SANDBOX_HEAD_BYTES != n)
        return hg_error_set(err, HG_STATUS_INPUT, "the decoder gave a result of the wrong size");
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return hg_error_memory(err, (unsigned long long)info.st_size, "a result");
    *result = (hg_sandbox_result){.data = (const uint8_t *)map + SANDBOX_HEAD_BYTES,
                                  .n = (size_t)n,
                                  .map = map,
                                  .map_bytes = (size_t)info.st_size};
    return HG_STATUS_OK;
}

static hg_status sandbox_fork(hg_sandbox_result *result, sandbox_head *head, int fd, hg_sandbox_work work,
                              void *arg, const hg_sandbox_limits *limits, hg_error *err)
{
    size_t space = sandbox_space();
    pid_t child = fork();
    if (child < 0)
        return hg_error_set(err, HG_STATUS_FAILED, "cannot make a process for decoding: %s", strerror(errno));
    if (child == 0) {
        sandbox_child(head, fd, space, work, arg, limits);
        _exit(0);
    }
    int how;
    bool in_time = sandbox_wait(child, limits->wall_seconds, &how);
    if (head->done != SANDBOX_DONE)
        return sandbox_explain(how, in_time, limits, err);
    return sandbox_collect(result, fd, head, err);
}

hg_status hg_sandbox_run(hg_sandbox_result *result, hg_sandbox_work work, void *arg,
                         const hg_sandbox_limits *limits, hg_error *err)
{
    *result = (hg_sandbox_result){0};
    int fd = memfd_create("healthgpt", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, SANDBOX_HEAD_BYTES) != 0) {
        hg_status status =
            hg_error_set(err, HG_STATUS_FAILED, "cannot make shared memory: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    hg_status status;
    sandbox_head *head = mmap(NULL, SANDBOX_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (head == MAP_FAILED)
        status = hg_error_memory(err, SANDBOX_HEAD_BYTES, "a result");
    else
        status = sandbox_fork(result, head, fd, work, arg, limits, err);
    if (head != MAP_FAILED)
        munmap(head, SANDBOX_HEAD_BYTES);
    close(fd);
    return status;
}

void hg_sandbox_result_free(hg_sandbox_result *result)
{
    if (result->map != NULL)
        munmap(result->map, result->map_bytes);
    *result = (hg_sandbox_result){0};
}
