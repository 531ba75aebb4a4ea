/* SPDX-License-Identifier: Apache-2.0
 *
 * file_map.c: open, check that it is a regular file, map privately and read-only.
 */
#include "base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static hg_status map_descriptor(hg_file_map *map, int fd, const char *path, hg_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: not a regular file", path);
    if ((uint64_t)info.st_size > SIZE_MAX)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: too large for this machine", path);
    map->size = (size_t)info.st_size;
    if (map->size == 0)
        return HG_STATUS_OK;
    void *data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return hg_error_set(err, HG_STATUS_FAILED, "%s: cannot map: %s", path, strerror(errno));
    map->data = data;
    return HG_STATUS_OK;
}

hg_status hg_file_map_open(hg_file_map *map, const char *path, hg_error *err)
{
    *map = (hg_file_map){0};
    /* O_NONBLOCK: a named pipe must be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %s", path, strerror(errno));
    hg_status status = map_descriptor(map, fd, path, err);
    close(fd);
    if (status != HG_STATUS_OK)
        *map = (hg_file_map){0};
    return status;
}

void hg_file_map_close(hg_file_map *map)
{
    if (map->data != NULL)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (hg_file_map){0};
}

int hg_file_map_lock(const hg_file_map *map)
{
    return map->data == NULL || mlock(map->data, map->size) == 0 ? 0 : errno;
}

uint64_t hg_file_map_lock_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return (uint64_t)limit.rlim_cur;
}

void hg_file_map_release(const hg_file_map *map, const void *from, size_t n)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), map_begin = (uintptr_t)map->data;
    uintptr_t begin = (uintptr_t)from;
    if (map->data == NULL || begin < map_begin || begin - map_begin > map->size ||
        n > map->size - (begin - map_begin))
        return;
    /* Only whole pages; the rest belongs to neighbours. The file's end may share its page with nothing. */
    uintptr_t end = begin + n == map_begin + map->size ? begin + n : (begin + n) / page * page;
    begin = (begin + page - 1) / page * page;
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
