/* SPDX-License-Identifier: Apache-2.0
 *
 * file_map.c: open, check that it is a regular file, map privately and read-only. Files as long as a huge
 * page or longer begin at a multiple of one, without which they could not lie in such pages.
 */
#define _GNU_SOURCE /* mremap */
#include "base/file_map.h"

#include "base/huge_pages.h"
#include "base/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void *map_bytes(int fd, size_t size)
{
    if (size < HG_HUGE_PAGE_BYTES)
        return mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    void *space = hg_huge_pages_reserve(size);
    if (space == NULL)
        return MAP_FAILED;
    void *data = mmap(space, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
    if (data == MAP_FAILED) {
        const int reason = errno;
        munmap(space, size);
        errno = reason;
    }
    return data;
}

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
    void *data = map_bytes(fd, map->size);
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

/* ---- huge pages ---- */

/* Read and copied at a time by one thread. */
#define COPY_CHUNK (16 * HG_HUGE_PAGE_BYTES)
/* Left to others when a file is copied. */
#define COPY_MARGIN ((uint64_t)256 << 20)

typedef struct copy_job {
    const hg_file_map *map;
    uint8_t *to;
} copy_job;

static void copy_chunk(void *arg, int64_t index, int worker)
{
    (void)worker;
    const copy_job *job = arg;
    const size_t from = (size_t)index * COPY_CHUNK, left = job->map->size - from;
    const size_t n = left < COPY_CHUNK ? left : COPY_CHUNK;
    memcpy(job->to + from, job->map->data + from, n);
    hg_file_map_release(job->map, job->map->data + from, n);
}

/* Returns 0 or an errno. */
static int copy_huge(hg_file_map *map, int n_threads)
{
    if (!hg_huge_pages_are_on())
        return EOPNOTSUPP;
    const uint64_t left = hg_memory_available();
    if (left < COPY_MARGIN || left - COPY_MARGIN < map->size)
        return ENOMEM;
    copy_job job = {map, hg_huge_pages_map(map->size)};
    if (job.to == NULL)
        return errno;
    hg_parallel_for(n_threads, (int64_t)((map->size + COPY_CHUNK - 1) / COPY_CHUNK), copy_chunk, &job);
    /* In the file's place, so that everybody's pointers stay good. */
    if (mprotect(job.to, map->size, PROT_READ) != 0 ||
        mremap(job.to, map->size, map->size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(uintptr_t)map->data) ==
            MAP_FAILED) {
        const int reason = errno;
        munmap(job.to, map->size);
        return reason;
    }
    map->is_copy = true;
    return 0;
}

void hg_file_map_use_huge(hg_file_map *map, hg_huge_use *use)
{
    if (map->data == NULL || map->is_copy)
        return;
    use->bytes += map->size;
    if (!use->copy) {
        (void)madvise((void *)(uintptr_t)map->data, map->size, MADV_HUGEPAGE);
        return;
    }
    const int reason = copy_huge(map, use->n_threads);
    if (reason == 0)
        use->copied += map->size;
    else
        use->reason = reason;
}

void hg_file_map_release(const hg_file_map *map, const void *from, size_t n)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), map_begin = (uintptr_t)map->data;
    uintptr_t begin = (uintptr_t)from;
    if (map->data == NULL || map->is_copy || begin < map_begin || begin - map_begin > map->size ||
        n > map->size - (begin - map_begin))
        return;
    /* Only whole pages; the rest belongs to neighbours. The file's end may share its page with nothing. */
    uintptr_t end = begin + n == map_begin + map->size ? begin + n : (begin + n) / page * page;
    begin = (begin + page - 1) / page * page;
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}
