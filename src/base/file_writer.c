/* SPDX-License-Identifier: Apache-2.0
 *
 * file_writer.c: create, write, fsync, rename. Invariant: while fd >= 0 the temporary file exists and is
 * ours. The temporary name carries the process's number; O_EXCL settles the rest. (mkstemp would make a
 * private file, and widening its mode means reading the umask, which other threads would see changed.)
 */
#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Temporary names that are tried: more than threads that write one path at once. */
#define WRITER_ATTEMPTS 1000

static hg_status writer_failed(const hg_file_writer *w, int reason, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_FAILED, "%s: cannot write: %s", w->path, strerror(reason));
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
    int reason = fsync(w->fd) == 0 ? 0 : errno;
    if (close(w->fd) != 0 && reason == 0)
        reason = errno;
    w->fd = -1;
    if (reason == 0 && rename(w->temporary, w->path) != 0)
        reason = errno;
    if (reason == 0)
        return HG_STATUS_OK;
    unlink(w->temporary);
    return writer_failed(w, reason, err);
}

void hg_file_writer_abandon(hg_file_writer *w)
{
    if (w->fd < 0)
        return;
    close(w->fd);
    unlink(w->temporary);
    w->fd = -1;
}
