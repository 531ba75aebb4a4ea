/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c: reading and atomic writing of small files, paths and folders, on POSIX calls.
 */
#include "base/file.h"

#include "base/file_map.h"
#include "base/file_writer.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
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

bool hg_path_resolve(char out[HG_PATH_BYTES], const char *folder, const char *name)
{
    char path[HG_PATH_BYTES], root[PATH_MAX], real[PATH_MAX];
    if (hg_path_join(path, folder, name, NULL) != HG_STATUS_OK || realpath(folder, root) == NULL ||
        realpath(path, real) == NULL)
        return false;
    size_t n = strlen(root), length = strlen(real);
    bool inside = strncmp(real, root, n) == 0 && (real[n] == '/' || root[n - 1] == '/');
    if (inside && length < HG_PATH_BYTES)
        memcpy(out, real, length + 1);
    return inside && length < HG_PATH_BYTES;
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

typedef struct folder_walk {
    const char *root;
    hg_folder_visit visit;
    void *user;
} folder_walk;

/* One entry of a folder on the first round (files) or the second (folders). `under`: the folder's path from
 * the root on, "" or ending in a slash. */
static hg_status walk_folder(const folder_walk *walk, const char *under, int depth, hg_error *err);

static hg_status walk_entry(const folder_walk *walk, const char *under, const char *name, int depth,
                            bool folders, hg_error *err)
{
    char full[HG_PATH_BYTES], below[HG_PATH_BYTES];
    struct stat info;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return HG_STATUS_OK;
    int length = snprintf(below, sizeof below, "%s%s%s", under, name, folders ? "/" : "");
    if (length < 0 || length >= HG_PATH_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", walk->root);
    hg_status status = hg_path_join(full, walk->root, below, err);
    if (status != HG_STATUS_OK)
        return status;
    if (!folders)
        return hg_file_exists(full) ? walk->visit(walk->user, below, err) : HG_STATUS_OK;
    full[strlen(full) - 1] = 0; /* with its slash a link would be followed */
    if (depth == 0 || lstat(full, &info) != 0 || !S_ISDIR(info.st_mode))
        return HG_STATUS_OK;
    return walk_folder(walk, below, depth - 1, err);
}

static hg_status walk_folder(const folder_walk *walk, const char *under, int depth, hg_error *err)
{
    char full[HG_PATH_BYTES];
    struct dirent **entries = NULL;
    hg_status status = hg_path_join(full, walk->root, under, err);
    if (status != HG_STATUS_OK)
        return status;
    int n = scandir(full, &entries, NULL, name_order);
    if (n < 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", full, strerror(errno));
    for (int i = 0; i < 2 * n; i++) {
        if (status == HG_STATUS_OK)
            status = walk_entry(walk, under, entries[i % n]->d_name, depth, i >= n, err);
        if (i >= n)
            free(entries[i - n]); /* scandir's own allocation */
    }
    free(entries);
    return status;
}

hg_status hg_folder_walk(const char *path, int depth, hg_folder_visit visit, void *user, hg_error *err)
{
    const folder_walk walk = {.root = path, .visit = visit, .user = user};
    return walk_folder(&walk, "", depth, err);
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
