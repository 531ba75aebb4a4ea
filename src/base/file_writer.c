/* SPDX-License-Identifier: Apache-2.0
 *
 * file_writer.c: mkstemp, write, fsync, rename. Invariant: while fd >= 0 the temporary file exists and is
 * ours.
 */
#include "base/file_writer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hg_status writer_failed(const hg_file_writer *w, int reason, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_FAILED, "%s: cannot write: %s", w->path, strerror(reason));
}

hg_status hg_file_writer_open(hg_file_writer *w, const char *path, hg_error *err)
{
    w->fd = -1;
    int length = snprintf(w->temporary, sizeof w->temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof w->temporary)
        return hg_error_set(err, HG_STATUS_FAILED, "%.100s...: the path is too long", path);
    memcpy(w->path, path, strlen(path) + 1);
    w->fd = mkstemp(w->temporary);
    if (w->fd < 0)
        return writer_failed(w, errno, err);
    /* mkstemp makes private files; give it the mode that a plain creation would have had. */
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(w->fd, (mode_t)(0666 & ~mask)) != 0) {
        int reason = errno;
        hg_file_writer_abandon(w);
        return writer_failed(w, reason, err);
    }
    return HG_STATUS_OK;
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
