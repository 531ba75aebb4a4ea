/* SPDX-License-Identifier: Apache-2.0
 *
 * confine.c: limits, then Landlock for the one file that may be read, then the list of system calls, behind
 * which nothing more can be limited. A call that is not on the list fails with EPERM; the list has memory,
 * clocks and the end of the process.
 */
#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif
#ifndef CONFINE_SANITIZED
#define CONFINE_SANITIZED 0
#endif

static bool confine_allow(scmp_filter_ctx filter, int fd)
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
    if (CONFINE_SANITIZED) /* the sanitizers' reports, and what they do around longjmp */
        ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0) == 0 &&
             seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, 2, 0)) == 0;
    return ok;
}

/* What reading a file by its path takes; which file it can be is Landlock's matter. */
static bool confine_allow_reading(scmp_filter_ctx filter)
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
static bool confine_open_only(int fd)
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

static bool confine_filter(int fd, bool reading)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL && confine_allow(filter, fd) && (!reading || confine_allow_reading(filter)) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

static bool confine_limit(int what, rlim_t value)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0)
        return false;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)what, &limit) == 0;
}

/* A handler of the parent's must not run in the child: it may jump back into the parent's work. */
static void confine_reset_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
}

bool hg_confine(const hg_sandbox_limits *limits, int fd, size_t file_bytes, size_t space)
{
    confine_reset_signals();
    bool ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    /* Not dumpable, a process cannot even look at its own descriptors in /proc. */
    ok = ok && (limits->fd > 0 || prctl(PR_SET_DUMPABLE, 0) == 0);
    ok = ok && confine_limit(RLIMIT_CORE, 0) && confine_limit(RLIMIT_CPU, (rlim_t)limits->cpu_seconds) &&
         confine_limit(RLIMIT_FSIZE, file_bytes);
    if (!CONFINE_SANITIZED && space != 0)
        ok = ok && confine_limit(RLIMIT_AS, space + limits->memory_bytes);
    return ok && (limits->fd <= 0 || confine_open_only(limits->fd)) && confine_filter(fd, limits->fd > 0);
}
