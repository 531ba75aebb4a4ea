/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c: reading and atomic writing of small files, paths and folders, on POSIX calls.
 */
#include "base/file.h"

#include "base/file_map.h"
#include "base/file_writer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

hg_status hg_file_read(const char *path, hg_buffer *out, hg_error *err)
{
    hg_file_map map;
    hg_status status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    if (map.size > out->max_bytes - out->size)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: %zu bytes, at most %zu are read", path, map.size,
                              out->max_bytes - out->size);
    else if (!hg_buffer_push(out, map.data, map.size))
        status = hg_error_memory(err, map.size, path);
    hg_file_map_close(&map);
    return status;
}

hg_status hg_file_write(const char *path, const void *bytes, size_t n, hg_error *err)
{
    hg_file_writer writer;
    hg_status status = hg_file_writer_open(&writer, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_file_writer_write(&writer, bytes, n, err);
    if (status != HG_STATUS_OK) {
        hg_file_writer_abandon(&writer);
        return status;
    }
    return hg_file_writer_commit(&writer, err);
}

hg_status hg_file_write_quick(const char *path, const void *bytes, size_t n, hg_error *err)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && (n == 0 || fwrite(bytes, 1, n, file) == n);
    int why = errno;
    if (file != NULL && fclose(file) != 0 && good) {
        good = false;
        why = errno;
    }
    return good ? HG_STATUS_OK
                : hg_error_set(err, HG_STATUS_FAILED, "%s: cannot be written: %s", path, strerror(why));
}

bool hg_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool hg_folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool hg_path_given(const char *path)
{
    return path != NULL && path[0] != 0;
}

hg_status hg_path_join(char out[HG_PATH_BYTES], const char *folder, const char *name, hg_error *err)
{
    int length = snprintf(out, HG_PATH_BYTES, "%s/%s", folder, name);
    if (length < 0 || length >= HG_PATH_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", folder);
    return HG_STATUS_OK;
}

const char *hg_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int name_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

hg_status hg_folder_list(const char *path, hg_folder_visit visit, void *user, hg_error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, NULL, name_order);
    if (n < 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", path, strerror(errno));
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < n; i++) {
        char full[HG_PATH_BYTES];
        if (status == HG_STATUS_OK)
            status = hg_path_join(full, path, entries[i]->d_name, err);
        if (status == HG_STATUS_OK && hg_file_exists(full))
            status = visit(user, entries[i]->d_name, err);
        free(entries[i]); /* scandir's own allocation */
    }
    free(entries);
    return status;
}

hg_status hg_folder_create(const char *path, hg_error *err)
{
    char part[HG_PATH_BYTES];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return hg_error_set(err, HG_STATUS_FAILED, "'%.100s' cannot be a folder's path", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && !hg_folder_exists(part))
            return hg_error_set(err, HG_STATUS_FAILED, "%s: cannot create: %s", part, strerror(errno));
    }
    return HG_STATUS_OK;
}

bool hg_file_free_bytes(const char *path, uint64_t *out)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    char folder[HG_PATH_BYTES] = ".";
    if (n >= sizeof folder)
        return false;
    if (slash != NULL) { /* "/x" is in "/" */
        memcpy(folder, path, n == 0 ? 1 : n);
        folder[n == 0 ? 1 : n] = 0;
    }
    struct statvfs info;
    if (statvfs(folder, &info) != 0)
        return false;
    return !__builtin_mul_overflow((uint64_t)info.f_bavail, (uint64_t)info.f_frsize, out);
}
