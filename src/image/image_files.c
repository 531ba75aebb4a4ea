/* SPDX-License-Identifier: Apache-2.0
 *
 * image_files.c: folders are searched for DICOM files by content; a DICOMDIR is parsed in a confined child,
 * and the paths that it gives are believed only when they stay in its folder, links followed. Everything is
 * mapped, not read: a child sees the maps, and pages come in as it touches them. memfd_create is Linux, hence
 * _GNU_SOURCE.
 */
#define _GNU_SOURCE
#include "image/image_files.h"

#include "base/file.h"
#include "base/memory.h"
#include "image/dicom_file.h"
#include "image/dicom_reader.h"
#include "image/dicomdir.h"
#include "image/sandbox.h"
#include "image/series_reader.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILES_MAX_PATH_BYTES ((size_t)16 << 20)

typedef struct files_search {
    hg_image_files *files;
    const char *folder;
    size_t capacity;
} files_search;

static hg_status files_grow(files_search *search, hg_error *err)
{
    hg_image_files *files = search->files;
    if (files->n < search->capacity)
        return HG_STATUS_OK;
    size_t capacity = search->capacity == 0 ? 64 : 2 * search->capacity;
    hg_file_map *maps = hg_mem_resize(files->maps, capacity, sizeof *maps);
    files->maps = maps != NULL ? maps : files->maps;
    hg_image_file *members = hg_mem_resize(files->members, capacity, sizeof *members);
    files->members = members != NULL ? members : files->members;
    if (maps == NULL || members == NULL)
        return hg_error_memory(err, capacity * sizeof *maps, "the files of a folder");
    search->capacity = capacity;
    return HG_STATUS_OK;
}

/* Takes the file when it is DICOM; one that cannot be read is passed over, as one of another kind. */
static hg_status files_take(files_search *search, const char *path, const char *name, hg_error *err)
{
    hg_image_files *files = search->files;
    hg_file_map map;
    if (hg_file_map_open(&map, path, NULL) != HG_STATUS_OK)
        return HG_STATUS_OK;
    if (map.size == 0 || !hg_dicom_format.probe(map.data, map.size) ||
        hg_dicomdir_probe(map.data, map.size)) {
        hg_file_map_close(&map);
        return HG_STATUS_OK;
    }
    hg_status status = files_grow(search, err);
    if (status == HG_STATUS_OK && files->n == HG_IMAGE_MAX_FILES)
        status = hg_error_set(err, HG_STATUS_INPUT, "more than %d DICOM files", HG_IMAGE_MAX_FILES);
    char *copy = status == HG_STATUS_OK ? hg_mem_string(name) : NULL;
    if (copy == NULL) {
        hg_file_map_close(&map);
        return status == HG_STATUS_OK ? hg_error_memory(err, strlen(name), "a name") : status;
    }
    files->maps[files->n] = map;
    files->members[files->n++] = (hg_image_file){.data = map.data, .n = map.size, .name = copy};
    return HG_STATUS_OK;
}

static hg_status files_visit(void *user, const char *name, hg_error *err)
{
    files_search *search = user;
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, search->folder, name, err);
    return status == HG_STATUS_OK ? files_take(search, path, name, err) : status;
}

static hg_status files_finish_series(hg_image_files *files, const char *what, hg_error *err)
{
    if (files->n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "no DICOM file %s", what);
    files->format = &hg_series_format;
    files->file = (hg_image_file){.members = files->members, .n_members = files->n};
    return HG_STATUS_OK;
}

static hg_status files_parse_dicomdir(void *arg, hg_sandbox_out *out, hg_error *err)
{
    const hg_file_map *map = arg;
    hg_buffer paths;
    hg_buffer_init(&paths, FILES_MAX_PATH_BYTES);
    hg_status status = hg_dicomdir_parse(&paths, map->data, map->size, err);
    if (status == HG_STATUS_OK) {
        uint8_t *to = hg_sandbox_reserve(out, paths.size, err);
        if (to == NULL)
            status = HG_STATUS_INPUT;
        else
            memcpy(to, paths.data, paths.size);
    }
    hg_buffer_deinit(&paths);
    return status;
}

/* Media name their files in capitals; copies on disk are often in small letters. */
static bool files_resolve(char found[HG_PATH_BYTES], const char *folder, const char *name)
{
    char lower[HG_PATH_BYTES];
    size_t n = strlen(name);
    if (hg_path_resolve(found, folder, name))
        return true;
    for (size_t i = 0; i <= n && i < sizeof lower; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    return n < sizeof lower && hg_path_resolve(found, folder, lower);
}

/* Every path that the child gave; one that leads out of the folder makes the whole file hostile. */
static hg_status files_follow(files_search *search, const hg_sandbox_result *paths, hg_error *err)
{
    const char *at = (const char *)paths->data, *end = at + paths->n;
    hg_status status = HG_STATUS_OK;
    while (status == HG_STATUS_OK && at < end) {
        char found[HG_PATH_BYTES];
        size_t length = strnlen(at, (size_t)(end - at));
        if (at + length == end || !hg_dicomdir_is_inside(at))
            return hg_error_set(err, HG_STATUS_INPUT,
                                "the DICOMDIR names '%.100s', which is no place in its folder",
                                at + length == end ? "" : at);
        if (files_resolve(found, search->folder, at))
            status = files_take(search, found, at, err);
        else
            search->files->n_missing++;
        at += length + 1;
    }
    return status;
}

static hg_status files_open_dicomdir(hg_image_files *files, const char *path, hg_error *err)
{
    const hg_sandbox_limits limits = hg_sandbox_limits_default();
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    char folder[HG_PATH_BYTES] = ".";
    hg_sandbox_result paths;
    if (n >= sizeof folder)
        return hg_error_set(err, HG_STATUS_INPUT, "the path is too long");
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", n == 0 ? 1 : (int)n, path);
    hg_dicom_prepare();
    hg_status status = hg_sandbox_run(&paths, files_parse_dicomdir, &files->map, &limits, err);
    if (status != HG_STATUS_OK)
        return status;
    files_search search = {.files = files, .folder = folder};
    status = files_follow(&search, &paths, err);
    hg_sandbox_result_free(&paths);
    return status == HG_STATUS_OK ? files_finish_series(files, "of the DICOMDIR is there", err) : status;
}

static hg_status files_open_folder(hg_image_files *files, const char *path, hg_error *err)
{
    static const char *const names[] = {"DICOMDIR", "dicomdir"};
    char inside[HG_PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        hg_status status = hg_path_join(inside, path, names[i], err);
        if (status != HG_STATUS_OK)
            return status;
        if (!hg_file_exists(inside))
            continue;
        status = hg_file_map_open(&files->map, inside, err);
        if (status != HG_STATUS_OK || hg_dicomdir_probe(files->map.data, files->map.size))
            return status == HG_STATUS_OK ? files_open_dicomdir(files, inside, err) : status;
        hg_file_map_close(&files->map);
    }
    files_search search = {.files = files, .folder = path};
    hg_status status = hg_folder_walk(path, HG_IMAGE_MAX_FOLDERS, files_visit, &search, err);
    return status == HG_STATUS_OK ? files_finish_series(files, "in this folder", err) : status;
}

/* The path with another ending of the same length; false when it does not end in `from`. */
static bool files_other_path(char out[HG_PATH_BYTES], const char *path, const char *from, const char *to)
{
    size_t n = strlen(path), m = strlen(from);
    if (n < m || n >= HG_PATH_BYTES || strcasecmp(path + n - m, from) != 0)
        return false;
    memcpy(out, path, n + 1);
    memcpy(out + n - m, to, m);
    return true;
}

static hg_status files_open_pair(hg_image_files *files, const char *path, hg_error *err)
{
    char other[HG_PATH_BYTES];
    if (files->format->is_pair == NULL || !files->format->is_pair(files->map.data, files->map.size) ||
        !files_other_path(other, path, ".hdr", ".img"))
        return HG_STATUS_OK;
    if (hg_file_map_open(&files->pair, other, err) != HG_STATUS_OK)
        return hg_error_prefix(err, HG_STATUS_INPUT, "its samples are missing");
    files->file.pair = files->pair.data;
    files->file.n_pair = files->pair.size;
    return HG_STATUS_OK;
}

static hg_status files_find_format(hg_image_files *files, const uint8_t *bytes, size_t n, hg_error *err)
{
    if (n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the file is empty");
    files->format = hg_image_format_find(bytes, n);
    files->file = (hg_image_file){.data = bytes, .n = n};
    if (files->format == NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "not an image of a known format (PNG, JPEG, TIFF, DICOM, NIfTI, NumPy)");
    return HG_STATUS_OK;
}

/* The descriptor, never 0, that a format needs; `path` NULL: of the bytes, which are copied. */
static hg_status files_open_descriptor(hg_image_files *files, const char *path, hg_error *err)
{
    if (!files->format->needs_descriptor)
        return HG_STATUS_OK;
    int fd =
        path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : memfd_create("slide", MFD_CLOEXEC);
    const uint8_t *at = files->file.data, *end = path != NULL ? at : at + files->file.n;
    bool ok = fd > 0;
    while (ok && at < end) {
        ssize_t written = write(fd, at, (size_t)(end - at));
        ok = written > 0 || (written < 0 && errno == EINTR);
        at += written > 0 ? written : 0;
    }
    if (!ok) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return hg_error_set(err, HG_STATUS_FAILED, "cannot open the slide: %s", strerror(reason));
    }
    files->fd = files->file.fd = fd;
    return HG_STATUS_OK;
}

hg_status hg_image_files_view(hg_image_files *files, const uint8_t *bytes, size_t n, hg_error *err)
{
    *files = (hg_image_files){0};
    hg_status status = files_find_format(files, bytes, n, err);
    return status == HG_STATUS_OK ? files_open_descriptor(files, NULL, err) : status;
}

hg_status hg_image_files_open(hg_image_files *files, const char *path, hg_error *err)
{
    char header[HG_PATH_BYTES];
    *files = (hg_image_files){0};
    if (hg_folder_exists(path))
        return files_open_folder(files, path, err);
    /* The data half of a pair says nothing of itself; its header does. */
    if (files_other_path(header, path, ".img", ".hdr") && hg_file_exists(header))
        path = header;
    hg_status status = hg_file_map_open(&files->map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_dicomdir_probe(files->map.data, files->map.size))
        return files_open_dicomdir(files, path, err);
    status = files_find_format(files, files->map.data, files->map.size, err);
    if (status == HG_STATUS_OK)
        status = files_open_descriptor(files, path, err);
    return status == HG_STATUS_OK ? files_open_pair(files, path, err) : status;
}

void hg_image_files_close(hg_image_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        hg_file_map_close(&files->maps[i]);
        hg_mem_free((void *)(uintptr_t)files->members[i].name);
    }
    hg_mem_free(files->maps);
    hg_mem_free(files->members);
    hg_file_map_close(&files->pair);
    hg_file_map_close(&files->map);
    if (files->fd > 0)
        close(files->fd);
    *files = (hg_image_files){0};
}
