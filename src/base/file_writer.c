/* SPDX-License-Identifier: Apache-2.0
 *
 * file_writer.c: create, write, fsync, rename. Invariant: while fd >= 0 the temporary file exists, is ours
 * and locked; the lock ends with the process, so a temporary file without one is a dead writer's. The
 * temporary name carries the process's number; O_EXCL settles the rest. (mkstemp would make a private file,
 * and widening its mode means reading the umask, which other threads would see changed.)
 */
#include "base/file_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Temporary names that are tried: more than threads that write one path at once. */
#define WRITER_ATTEMPTS 1000

static hg_status writer_failed(const hg_file_writer *w, int reason, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_FAILED, "%s: cannot write: %s", w->path, strerror(reason));
}

/* False when a sweep took the new file for a dead writer's, before it was locked. File systems without locks
 * go without: there, nothing can be swept either. */
static bool writer_lock(int fd)
{
    struct stat info;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK;
    return fstat(fd, &info) != 0 || info.st_nlink > 0;
}

/* Whether `name` is "<file>.<digits>-<digits>.part". */
static bool is_temporary(const char *name, const char *file)
{
    size_t n = strlen(file);
    if (strncmp(name, file, n) != 0 || name[n] != '.')
        return false;
    name += n + 1;
    size_t process = strspn(name, "0123456789");
    if (process == 0 || name[process] != '-')
        return false;
    name += process + 1;
    size_t attempt = strspn(name, "0123456789");
    return attempt > 0 && strcmp(name + attempt, ".part") == 0;
}

static void sweep_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    close(fd);
}

void hg_file_writer_sweep(const char *path)
{
    const char *name = hg_path_name(path);
    size_t n = (size_t)(name - path);
    char folder[HG_PATH_BYTES] = ".";
    if (n >= sizeof folder)
        return;
    if (n > 0) {
        memcpy(folder, path, n);
        folder[n] = 0;
    }
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (is_temporary(entry->d_name, name))
            sweep_file(dirfd(listing), entry->d_name);
    }
    closedir(listing);
}

hg_status hg_file_writer_open(hg_file_writer *w, const char *path, hg_error *err)
{
    w->fd = -1;
    for (int attempt = 0; attempt < WRITER_ATTEMPTS && w->fd < 0; attempt++) {
        int length =
            snprintf(w->temporary, sizeof w->temporary, "%s.%ld-%d.part", path, (long)getpid(), attempt);
        if (length < 0 || (size_t)length >= sizeof w->temporary)
            return hg_error_set(err, HG_STATUS_FAILED, "%.100s...: the path is too long", path);
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd < 0 && errno != EEXIST)
            break;
        if (w->fd >= 0 && !writer_lock(w->fd)) {
            close(w->fd);
            w->fd = -1;
        }
    }
    int reason = errno;
    memcpy(w->path, path, strlen(path) + 1);
    return w->fd < 0 ? writer_failed(w, reason, err) : HG_STATUS_OK;
}

hg_status hg_file_writer_write(hg_file_writer *w, const void *bytes, size_t n, hg_error *err)
{
    const uint8_t *from = bytes;
    while (n > 0) {
        ssize_t written = write(w->fd, from, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return writer_failed(w, written == 0 ? ENOSPC : errno, err);
        from += written;
        n -= (size_t)written;
    }
    return HG_STATUS_OK;
}

hg_status hg_file_writer_commit(hg_file_writer *w, hg_error *err)
{
    /* Renamed before it is closed: without the lock, a sweep could take the temporary file. */
    int reason = fsync(w->fd) == 0 ? 0 : errno;
    if (reason == 0 && rename(w->temporary, w->path) != 0)
        reason = errno;
    if (reason != 0)
        unlink(w->temporary);
    close(w->fd); /* what it could report, fsync has reported */
    w->fd = -1;
    return reason == 0 ? HG_STATUS_OK : writer_failed(w, reason, err);
}

void hg_file_writer_abandon(hg_file_writer *w)
{
    if (w->fd < 0)
        return;
    unlink(w->temporary);
    close(w->fd);
    w->fd = -1;
}
