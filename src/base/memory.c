/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c: thin, checked wrappers of the C allocator.
 */
#include "base/memory.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

void *hg_mem_alloc(size_t bytes)
{
    return malloc(bytes == 0 ? 1 : bytes);
}

void *hg_mem_array(size_t count, size_t size)
{
    size_t bytes;
    if (!hg_checked_mul(count, size, &bytes))
        return NULL;
    return calloc(1, bytes == 0 ? 1 : bytes);
}

void *hg_mem_resize(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (!hg_checked_mul(count, size, &bytes))
        return NULL;
    return realloc(p, bytes == 0 ? 1 : bytes);
}

void *hg_mem_aligned(size_t alignment, size_t bytes)
{
    void *p = NULL;
    return posix_memalign(&p, alignment, bytes == 0 ? alignment : bytes) == 0 ? p : NULL;
}

char *hg_mem_string(const char *text)
{
    return hg_mem_string_n(text, strlen(text));
}

char *hg_mem_string_n(const char *text, size_t n)
{
    size_t bytes;
    if (!hg_checked_add(n, 1, &bytes))
        return NULL;
    char *copy = hg_mem_alloc(bytes);
    if (copy == NULL)
        return NULL;
    if (n > 0)
        memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

void hg_mem_free(void *p)
{
    free(p);
}
