/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file_writer.c: a file appears whole or not at all.
 */
#include "base/file_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hg_file_writer_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

/* Fails when a temporary file was left. */
static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void check_content(const char *expected)
{
    hg_buffer b;
    hg_error err;
    hg_buffer_init(&b, 100);
    assert_int_equal(hg_file_read(path, &b, &err), HG_STATUS_OK);
    assert_string_equal(hg_buffer_text(&b), expected);
    hg_buffer_deinit(&b);
}

static void test_commit(void **state)
{
    (void)state;
    hg_file_writer w;
    hg_error err;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(hg_file_write(path, "old", 3, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_open(&w, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_write(&w, "one ", 4, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_write(&w, "", 0, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_write(&w, "two", 3, &err), HG_STATUS_OK);
    check_content("old");
    assert_int_equal(hg_file_writer_commit(&w, &err), HG_STATUS_OK);
    check_content("one two");
    hg_file_writer_abandon(&w); /* closed: nothing happens */
    check_content("one two");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

static void test_abandon(void **state)
{
    (void)state;
    hg_file_writer w;
    hg_error err;
    assert_int_equal(hg_file_writer_open(&w, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_write(&w, "x", 1, &err), HG_STATUS_OK);
    hg_file_writer_abandon(&w);
    assert_false(hg_file_exists(path));
}

static void test_failures(void **state)
{
    (void)state;
    hg_file_writer w;
    hg_error err;
    assert_int_equal(hg_file_writer_open(&w, "/nonexistent/file", &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "/nonexistent/file: cannot write"));
    hg_file_writer_abandon(&w);
    /* A path that has become a folder meanwhile: the commit fails and leaves nothing. */
    assert_int_equal(hg_file_writer_open(&w, path, &err), HG_STATUS_OK);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(hg_file_writer_commit(&w, &err), HG_STATUS_FAILED);
    assert_int_equal(rmdir(path), 0);
}

static void put(const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", folder, name);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fclose(file);
}

static bool take(const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", folder, name);
    return unlink(full) == 0;
}

/* Only what a writer of this very path can have left is taken. */
static void test_sweep(void **state)
{
    (void)state;
    static const char *const left[] = {"file.1-0.part", "file.123456-999.part"};
    static const char *const others[] = {"file.part",      "file.1-.part",   "file.-1.part",
                                         "file.1-0.part2", "file.a-0.part",  "file.1-0a.part",
                                         "file2.1-0.part", "xfile.1-0.part", "file.1-0.PART",
                                         "file.1.0.part",  "file.1-0",       "file.x.1-0.part"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        put(left[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        put(others[i]);
    hg_file_writer_sweep(path);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        assert_false(take(left[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!take(others[i]))
            fail_msg("%s is gone", others[i]);
    }
    hg_file_writer_sweep("/nonexistent/file");
    hg_file_writer_sweep("");
}

/* Neither a folder nor a link of such a name is touched, nor what the link points to. */
static void test_sweep_only_files(void **state)
{
    (void)state;
    char name[256], target[256];
    put("target");
    snprintf(target, sizeof target, "%s/target", folder);
    snprintf(name, sizeof name, "%s/file.1-0.part", folder);
    assert_int_equal(symlink(target, name), 0);
    hg_file_writer_sweep(path);
    assert_true(take("file.1-0.part"));
    assert_true(take("target"));
    assert_int_equal(mkdir(name, 0777), 0);
    hg_file_writer_sweep(path);
    assert_int_equal(rmdir(name), 0);
}

/* A writer holds a lock: a sweep of this or another process lets it be, whenever it comes. */
static void test_sweep_spares_writers(void **state)
{
    (void)state;
    hg_file_writer w, second;
    assert_int_equal(hg_file_writer_open(&w, path, NULL), HG_STATUS_OK);
    assert_int_equal(hg_file_writer_open(&second, path, NULL), HG_STATUS_OK);
    hg_file_writer_sweep(path);
    assert_true(hg_file_exists(w.temporary));
    assert_true(hg_file_exists(second.temporary));
    assert_int_equal(hg_file_writer_write(&w, "kept", 4, NULL), HG_STATUS_OK);
    hg_file_writer_abandon(&second);
    assert_int_equal(hg_file_writer_commit(&w, NULL), HG_STATUS_OK);
    hg_file_writer_sweep(path);
    check_content("kept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_commit),           TEST(test_abandon),
                                       TEST(test_failures),         TEST(test_sweep),
                                       TEST(test_sweep_only_files), TEST(test_sweep_spares_writers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
