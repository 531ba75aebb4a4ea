/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file_map.c: memory that is let go of goes, and what it held comes back; a map that moves to huge pages
 * stays where it is and keeps its bytes.
 */
#include "base/file_map.h"

#include "base/huge_pages.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 16

static char path[64];
static size_t page;
static hg_file_map map;

static uint8_t byte_of(size_t i)
{
    return (uint8_t)(i * 7 % 251);
}

/* A file that ends in the middle of a page. */
static int setup_bytes(size_t bytes)
{
    snprintf(path, sizeof path, "/tmp/hg_file_map_XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < bytes; i++)
        putc(byte_of(i), file);
    return fclose(file) == 0 && hg_file_map_open(&map, path, NULL) == HG_STATUS_OK ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    return setup_bytes(PAGES * page - 100);
}

/* Longer than a chunk that is copied at once. */
static int setup_long(void **state)
{
    (void)state;
    return setup_bytes(17 * HG_HUGE_PAGE_BYTES + 12345);
}

static int teardown(void **state)
{
    (void)state;
    hg_file_map_close(&map);
    return unlink(path);
}

static void expect_content(void)
{
    for (size_t i = 0; i < map.size; i++) {
        if (map.data[i] != byte_of(i))
            fail_msg("byte %zu is %d", i, map.data[i]);
    }
}

/* Whether pages of this process's memory hold the page; the system's cache of the file does not count. */
static bool is_resident(size_t index)
{
    FILE *file = fopen("/proc/self/pagemap", "rb");
    uint64_t entry = 0;
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(((uintptr_t)map.data / page + index) * 8), SEEK_SET), 0);
    assert_int_equal(fread(&entry, sizeof entry, 1, file), 1);
    fclose(file);
    return (entry >> 63) != 0;
}

static void expect_resident(size_t from, size_t to)
{
    for (size_t i = 0; i < PAGES; i++) {
        if (is_resident(i) != (i < from || i >= to))
            fail_msg("page %zu %s", i, is_resident(i) ? "is still there" : "is gone");
    }
}

static void test_release(void **state)
{
    (void)state;
    expect_content();
    expect_resident(0, 0);
    hg_file_map_release(&map, map.data + 2 * page, 3 * page);
    /* Reading a page may bring in its neighbours, so the pages are asked about first. */
    expect_resident(2, 5);
    expect_content();
    expect_resident(0, 0);
    hg_file_map_release(&map, map.data + 2 * page + 1, 3 * page); /* its ends share pages with others */
    expect_resident(3, 5);
    expect_content();
    hg_file_map_release(&map, map.data + 14 * page + 8,
                        map.size - 14 * page - 8); /* to the end of the file */
    expect_resident(15, 16);
    expect_content();
    hg_file_map_release(&map, map.data, map.size);
    expect_resident(0, PAGES);
    expect_content();
}

/* What does not lie in the map is left alone. */
static void test_release_of_other_memory(void **state)
{
    (void)state;
    uint8_t *own = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(own, MAP_FAILED);
    memset(own, 5, 2 * page);
    expect_content();
    hg_file_map_release(&map, own, 2 * page);
    assert_int_equal(own[page], 5);
    hg_file_map_release(&map, map.data, map.size + 1);
    hg_file_map_release(&map, map.data + page, SIZE_MAX);
    hg_file_map_release(&map, map.data - page, 4 * page);
    hg_file_map_release(&map, map.data + map.size, 1);
    hg_file_map_release(&map, map.data + page, 0);
    hg_file_map_release(&map, map.data + page + 1, page - 2);
    expect_resident(0, 0);
    const hg_file_map empty = {NULL, 0, false};
    hg_file_map_release(&empty, own, page);
    assert_int_equal(own[0], 5);
    munmap(own, 2 * page);
}

/* Bytes of the map that lie in huge pages of this process's own memory; -1 where the system does not tell. */
static long huge_bytes(void)
{
    char line[512];
    unsigned long from, to, kb;
    long sum = -1;
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)map.data >= from && (uintptr_t)map.data < to;
        else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
            sum = (long)(kb << 10);
    }
    if (file != NULL)
        fclose(file);
    return sum;
}

static void test_huge_hint(void **state)
{
    (void)state;
    const uint8_t *data = map.data;
    hg_huge_use use = {.n_threads = 2};
    assert_int_equal((uintptr_t)data % HG_HUGE_PAGE_BYTES, 0);
    hg_file_map_use_huge(&map, &use);
    assert_ptr_equal(map.data, data);
    assert_false(map.is_copy);
    assert_int_equal(use.reason, 0);
    assert_int_equal(use.copied, 0);
    expect_content();
}

static void test_huge_copy(void **state)
{
    (void)state;
    const uint8_t *data = map.data;
    hg_huge_use use = {.copy = true, .n_threads = 3};
    hg_file_map_use_huge(&map, &use);
    assert_ptr_equal(map.data, data);
    assert_int_equal(use.bytes, map.size);
    if (use.reason != 0) { /* none here: as good as before */
        assert_true(use.reason == EOPNOTSUPP || use.reason == ENOMEM);
        assert_false(map.is_copy);
        expect_content();
        skip();
    }
    assert_true(map.is_copy);
    assert_int_equal(use.copied, map.size);
    expect_content();
    hg_file_map_release(&map, map.data, map.size); /* nothing would bring the bytes back */
    expect_content();
    assert_true(huge_bytes() != 0);
}

/* Files without bytes, and shorter than a page. */
static void test_huge_short(void **state)
{
    (void)state;
    hg_file_map empty = {NULL, 0, false};
    hg_huge_use use = {.copy = true, .n_threads = 2};
    hg_file_map_use_huge(&empty, &use);
    assert_int_equal(use.bytes, 0);
    assert_int_equal(use.reason, 0);
    hg_file_map_use_huge(&map, &use);
    assert_int_equal(use.bytes, map.size);
    expect_content();
}

static void test_reserve(void **state)
{
    (void)state;
    assert_null(hg_huge_pages_reserve(0));
    assert_null(hg_huge_pages_reserve(SIZE_MAX));
    assert_null(hg_huge_pages_map(SIZE_MAX / 4));
    uint8_t *p = hg_huge_pages_map(3 * HG_HUGE_PAGE_BYTES / 2);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % HG_HUGE_PAGE_BYTES, 0);
    p[0] = p[3 * HG_HUGE_PAGE_BYTES / 2 - 1] = 1;
    assert_int_equal(p[HG_HUGE_PAGE_BYTES], 0);
    hg_huge_pages_unmap(p, 3 * HG_HUGE_PAGE_BYTES / 2);
    hg_huge_pages_unmap(NULL, 1);
    assert_true(hg_memory_available() > HG_HUGE_PAGE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release_of_other_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_hint, setup_long, teardown),
        cmocka_unit_test_setup_teardown(test_huge_copy, setup_long, teardown),
        cmocka_unit_test_setup_teardown(test_huge_short, setup, teardown),
        cmocka_unit_test(test_reserve)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
