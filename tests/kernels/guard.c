/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.c: whole pages by mmap, the last of them without access.
 */
#include "guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int guard_access = PROT_NONE;

static size_t guard_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

void *guard_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = guard_pages(bytes);
    uint8_t *base = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + size, page, guard_access) != 0)
        abort();
    return base + size - bytes;
}

void guard_free(void *p, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = guard_pages(bytes);
    munmap((uint8_t *)p + bytes - size, size + page);
}

void guard_allow_reads(void)
{
    guard_access = PROT_READ;
}
