/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_memory.c: as Linux tells it.
 */
#include "base/machine_memory.h"

#include "base/checked.h"

#include <stdio.h>
#include <unistd.h>

static size_t pages_to_bytes(unsigned long long pages)
{
    long page = sysconf(_SC_PAGESIZE);
    size_t bytes;
    return page > 0 && hg_checked_mul((size_t)pages, (size_t)page, &bytes) ? bytes : 0;
}

size_t hg_machine_memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? pages_to_bytes((unsigned long long)pages) : 0;
}

size_t hg_machine_memory_used(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re"); /* pages: of the address space, in memory, ... */
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return pages_to_bytes(resident);
}
