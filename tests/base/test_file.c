/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file.c: reading, mapping, atomic writing and listing, with missing files, folders and pipes in their
 * place.
 */
#include "base/file.h"
#include "base/file_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct folder {
    char path[64];
} folder;

static int setup(void **state)
{
    static folder f;
    snprintf(f.path, sizeof f.path, "/tmp/hg_test_file_XXXXXX");
    *state = &f;
    return mkdtemp(f.path) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    const folder *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    return system(command);
}

static const char *path_of(void **state, const char *name)
{
    static char path[HG_PATH_BYTES];
    const folder *f = *state;
    assert_int_equal(hg_path_join(path, f->path, name, NULL), HG_STATUS_OK);
    return path;
}

static void assert_content(const char *path, const char *want)
{
    hg_buffer b;
    hg_buffer_init(&b, 100);
    assert_int_equal(hg_file_read(path, &b, NULL), HG_STATUS_OK);
    assert_string_equal(hg_buffer_text(&b), want);
    hg_buffer_deinit(&b);
}

static int count_visit_max;

static hg_status count_visit(void *user, const char *name, hg_error *err)
{
    int *count = user;
    (void)name;
    if (++*count == count_visit_max)
        return hg_error_set(err, HG_STATUS_FAILED, "enough");
    return HG_STATUS_OK;
}

static int count_files(const char *path)
{
    int count = 0;
    count_visit_max = 0;
    assert_int_equal(hg_folder_list(path, count_visit, &count, NULL), HG_STATUS_OK);
    return count;
}

static void test_write_and_read(void **state)
{
    const folder *f = *state;
    const char *path = path_of(state, "a.txt");
    assert_false(hg_file_exists(path));
    assert_int_equal(hg_file_write(path, "first", 5, NULL), HG_STATUS_OK);
    assert_content(path, "first");
    assert_int_equal(hg_file_write(path, "second, longer", 14, NULL), HG_STATUS_OK);
    assert_content(path, "second, longer");
    assert_int_equal(hg_file_write(path, "", 0, NULL), HG_STATUS_OK);
    assert_content(path, "");
    assert_true(hg_file_exists(path));
    assert_int_equal(count_files(f->path), 1); /* no temporary is left */
}

static void test_write_fails(void **state)
{
    hg_error err = {0};
    const char *path = path_of(state, "none/b.txt");
    assert_int_equal(hg_file_write(path, "x", 1, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "none/b.txt"));
    /* In place of a folder: it stays, and no temporary is left beside it. */
    char taken[HG_PATH_BYTES];
    snprintf(taken, sizeof taken, "%s", path_of(state, "taken"));
    assert_int_equal(mkdir(taken, 0777), 0);
    assert_int_equal(hg_file_write(taken, "x", 1, &err), HG_STATUS_FAILED);
    assert_true(hg_folder_exists(taken));
    assert_int_equal(count_files(((const folder *)*state)->path), 1); /* a.txt */
}

static void test_read_fails(void **state)
{
    hg_error err = {0};
    hg_buffer b;
    hg_buffer_init(&b, 3);
    assert_int_equal(hg_file_read(path_of(state, "missing"), &b, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "missing: No such file"));
    assert_int_equal(hg_file_read(((const folder *)*state)->path, &b, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "not a regular file"));
    const char *pipe = path_of(state, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(hg_file_read(pipe, &b, &err), HG_STATUS_INPUT); /* and does not wait for a writer */
    assert_false(hg_file_exists(pipe));
    const char *large = path_of(state, "large");
    assert_int_equal(hg_file_write(large, "1234", 4, NULL), HG_STATUS_OK);
    assert_int_equal(hg_file_read(large, &b, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "large: 4 bytes, at most 3 are read"));
    assert_int_equal(b.size, 0);
    hg_buffer_deinit(&b);
}

static void test_map(void **state)
{
    hg_file_map map;
    const char *path = path_of(state, "map");
    assert_int_equal(hg_file_write(path, "abc", 3, NULL), HG_STATUS_OK);
    assert_int_equal(hg_file_map_open(&map, path, NULL), HG_STATUS_OK);
    assert_int_equal(map.size, 3);
    assert_memory_equal(map.data, "abc", 3);
    hg_file_map_close(&map);
    assert_null(map.data);
    assert_int_equal(hg_file_write(path, "", 0, NULL), HG_STATUS_OK);
    assert_int_equal(hg_file_map_open(&map, path, NULL), HG_STATUS_OK);
    assert_true(map.size == 0 && map.data == NULL);
    hg_file_map_close(&map);
}

static hg_status order_visit(void *user, const char *name, hg_error *err)
{
    (void)err;
    return hg_buffer_push_format(user, "%s ", name) ? HG_STATUS_OK : HG_STATUS_FAILED;
}

static void test_folders(void **state)
{
    char deep[HG_PATH_BYTES], path[HG_PATH_BYTES];
    hg_error err = {0};
    snprintf(deep, sizeof deep, "%s", path_of(state, "x/y/z"));
    assert_int_equal(hg_folder_create(deep, NULL), HG_STATUS_OK);
    assert_int_equal(hg_folder_create(deep, NULL), HG_STATUS_OK); /* it may exist */
    assert_true(hg_folder_exists(deep));
    static const char *const names[] = {"b", "a", "C"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hg_path_join(path, deep, names[i], NULL), HG_STATUS_OK);
        assert_int_equal(hg_file_write(path, "", 0, NULL), HG_STATUS_OK);
    }
    assert_int_equal(mkdir(path_of(state, "x/y/z/folder"), 0777), 0);
    hg_buffer order;
    hg_buffer_init(&order, 100);
    assert_int_equal(hg_folder_list(deep, order_visit, &order, NULL), HG_STATUS_OK);
    assert_string_equal(hg_buffer_text(&order), "C a b ");
    hg_buffer_deinit(&order);
    int count = 0;
    count_visit_max = 2;
    assert_int_equal(hg_folder_list(deep, count_visit, &count, &err),
                     HG_STATUS_FAILED); /* the visitor's status */
    assert_int_equal(count, 2);
    assert_int_equal(hg_folder_list(path_of(state, "missing"), count_visit, &count, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_folder_create(path, &err), HG_STATUS_FAILED); /* a file is there */
}

static void test_paths(void **state)
{
    (void)state;
    char out[HG_PATH_BYTES], large[HG_PATH_BYTES];
    hg_error err = {0};
    assert_int_equal(hg_path_join(out, "a", "b", NULL), HG_STATUS_OK);
    assert_string_equal(out, "a/b");
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    assert_int_equal(hg_path_join(out, large, "b", &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "too long"));
    assert_string_equal(hg_path_name("/a/b.c"), "b.c");
    assert_string_equal(hg_path_name("b.c"), "b.c");
    assert_string_equal(hg_path_name("a/"), "");
}

static void test_free_bytes(void **state)
{
    struct statvfs info;
    uint64_t bytes = 0;
    const folder *f = *state;
    assert_int_equal(statvfs(f->path, &info), 0);
    const double want = (double)info.f_bavail * (double)info.f_frsize;
    assert_true(hg_file_free_bytes(path_of(state, "not there yet"), &bytes));
    assert_true((double)bytes > 0.5 * want && (double)bytes < 2 * want); /* others write, too */
    assert_true(hg_file_free_bytes("here", &bytes));
    assert_true(hg_file_free_bytes("/root-file", &bytes));
    assert_false(hg_file_free_bytes(path_of(state, "none/file"), &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_write_fails),
        cmocka_unit_test(test_read_fails),     cmocka_unit_test(test_map),
        cmocka_unit_test(test_folders),        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_free_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
