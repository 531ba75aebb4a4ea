/* SPDX-License-Identifier: Apache-2.0
 *
 * test_interrupted.c: a process killed while it writes a package leaves the name as it was; what it leaves
 * beside it is removed by the next run, but never from under a running one.
 */
#include "base/file_writer.h"
#include "package_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Tells the parent that the file is half written, and waits to be killed. */
static bool stop_in_the_middle(void *user, const char *stage, int64_t done, int64_t total)
{
    const int *to_parent = user;
    (void)done, (void)total;
    if (strcmp(stage, "writing") != 0)
        return true;
    if (write(*to_parent, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* A child in the middle of writing the package. */
static pid_t start_writer(const package_path *out)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        package_path from = package_tiny_path("m3");
        hg_convert_request request = package_request(&from, "keep", out);
        hg_convert_result result;
        request.n_threads = 1;
        request.progress = (hg_progress){stop_in_the_middle, &ends[1]};
        _exit(hg_model_convert(&request, &result, NULL) == HG_STATUS_OK ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1); /* an ended child closes the pipe: 0 */
    close(ends[0]);
    return child;
}

static void kill_writer(pid_t child)
{
    int status = 0;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed_writer(void **state)
{
    (void)state;
    package_path out = package_path_of("model.gguf");
    pid_t child = start_writer(&out);
    assert_false(hg_file_exists(out.text));
    assert_int_equal(package_count_files(".part"), 1);
    hg_file_writer_sweep(out.text); /* it is still running */
    assert_int_equal(package_count_files(".part"), 1);
    kill_writer(child);
    assert_false(hg_file_exists(out.text));
    assert_int_equal(package_count_files(".part"), 1);
    package_make("m3", "keep", "model.gguf");
    assert_int_equal(package_count_files(".part"), 0);
    package_expect_golden(&out, "m3", false);
}

static void test_old_file_stays(void **state)
{
    (void)state;
    package_path out = package_path_of("model.gguf");
    package_write(&out, "old", 3);
    kill_writer(start_writer(&out));
    hg_buffer old = package_read(&out);
    assert_int_equal(old.size, 3);
    assert_memory_equal(old.data, "old", 3);
    hg_buffer_deinit(&old);
}

/* A second run may finish while a first is stuck: neither disturbs the other. */
static void test_two_writers(void **state)
{
    (void)state;
    package_path out = package_path_of("model.gguf");
    pid_t child = start_writer(&out);
    package_make("m3", "keep", "model.gguf");
    assert_int_equal(package_count_files(".part"), 1);
    kill_writer(child);
    package_expect_golden(&out, "m3", false);
}

static bool cancel(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)done, (void)total;
    return strcmp(stage, user) != 0;
}

static void test_cancelled(void **state)
{
    (void)state;
    static char stages[][16] = {"hashing", "writing"};
    package_path from = package_tiny_path("m3"), out = package_path_of("model.gguf");
    for (size_t i = 0; i < 2; i++) {
        hg_convert_request request = package_request(&from, "keep", &out);
        hg_convert_result result;
        hg_error err = {HG_STATUS_OK, ""};
        request.progress = (hg_progress){cancel, stages[i]};
        assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_FAILED);
        assert_string_equal(err.text, "cancelled");
        assert_int_equal(package_count_files(""), 0);
    }
}

/* Nothing is left, and nothing is overwritten, by a request that fails. */
static void test_failures_leave_nothing(void **state)
{
    (void)state;
    package_path from = package_tiny_path("m3"), out = package_path_of("none/model.gguf");
    hg_convert_request request = package_request(&from, "keep", &out);
    hg_convert_result result;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "cannot write"));
    out = package_path_of("model.bin");
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "must end in .gguf"));
    out = package_path_of("model.gguf");
    request.n_threads = 1 << 20;
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    request.n_threads = 1;
    request.types.type = "q5_0";
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "no type 'q5_0'"));
    request.types.type = "q8_0";
    request.types.vqgan = "q8_0";
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    request.types.vqgan = NULL;
    request.tasks = "reconstruct,ct-to-pet";
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "no drawing task 'ct-to-pet'"));
    request.tasks = NULL;
    request.adapters_only = true;
    assert_int_equal(hg_model_convert(&request, &result, &err), HG_STATUS_USAGE);
    assert_int_equal(package_count_files(""), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_killed_writer), TEST(test_old_file_stays),
                                       TEST(test_two_writers), TEST(test_cancelled),
                                       TEST(test_failures_leave_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
