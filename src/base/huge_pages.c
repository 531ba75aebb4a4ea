/* SPDX-License-Identifier: Apache-2.0
 *
 * huge_pages.c: mappings at multiples of 2 MiB, and what /sys and /proc say.
 */
#include "base/huge_pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool hg_huge_pages_are_on(void)
{
    char text[128] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (f == NULL)
        return false;
    bool read = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    return read && strstr(text, "[never]") == NULL; /* "always [madvise] never": the one that holds */
}

uint64_t hg_memory_available(void)
{
    char line[128];
    unsigned long long kb = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    if (f == NULL)
        return UINT64_MAX;
    bool found = false;
    while (!found && fgets(line, sizeof line, f) != NULL)
        found = sscanf(line, "MemAvailable: %llu kB", &kb) == 1;
    fclose(f);
    return found ? (uint64_t)kb << 10 : UINT64_MAX;
}

void *hg_huge_pages_reserve(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    bytes = (bytes + page - 1) / page * page;
    const size_t whole = bytes + HG_HUGE_PAGE_BYTES;
    uint8_t *space = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return NULL;
    const size_t before = (HG_HUGE_PAGE_BYTES - (uintptr_t)space % HG_HUGE_PAGE_BYTES) % HG_HUGE_PAGE_BYTES;
    if (before > 0)
        munmap(space, before);
    munmap(space + before + bytes, whole - before - bytes);
    return space + before;
}

void *hg_huge_pages_map(size_t bytes)
{
    void *space = hg_huge_pages_reserve(bytes);
    if (space == NULL)
        return NULL;
    if (mprotect(space, bytes, PROT_READ | PROT_WRITE) == 0) {
        (void)madvise(space, bytes, MADV_HUGEPAGE); /* refused: small pages */
        return space;
    }
    const int reason = errno;
    munmap(space, bytes);
    errno = reason;
    return NULL;
}

void hg_huge_pages_keep_from_children(void *p, size_t bytes)
{
    (void)madvise(p, bytes, MADV_DONTFORK); /* refused: forks take longer */
}

void hg_huge_pages_unmap(void *p, size_t bytes)
{
    if (p != NULL)
        munmap(p, bytes);
}
