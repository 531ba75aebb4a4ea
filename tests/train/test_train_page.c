/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_page.c: the page of a log that is whole, has only begun, is cut short, is empty, or is long; it
 * asks nothing of the network and shows no text of a note.
 */
#include "train/train_page.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/hg_train_page_XXXXXX";
static char log_path[64], page_path[64];
static hg_buffer page;

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
        n++;
    return n;
}

/* The page of a log with this text. */
static const char *make(const char *log)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_file_write(log_path, log, strlen(log), &err), HG_STATUS_OK);
    if (hg_train_page_write(log_path, page_path, "Stage <1> & more", &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    page.size = 0;
    assert_int_equal(hg_file_read(page_path, &page, &err), HG_STATUS_OK);
    const char *text = hg_buffer_text(&page);
    assert_int_equal(count(text, "<svg"), count(text, "</svg>"));
    assert_int_equal(count(text, "<svg"), count(text, "role=\"img\""));
    assert_int_equal(count(text, "<svg"), count(text, "<desc"));
    assert_int_equal(count(text, "http"), 0);
    assert_int_equal(count(text, "src="), 0);
    assert_int_equal(count(text, "<script"), 0);
    assert_int_equal(count(text, "nan"), 0);
    assert_int_equal(count(text, "inf"), 0);
    assert_int_equal(count(text, "<h1>Stage &lt;1> &amp; more</h1>"), 1);
    assert_non_null(strstr(text, "</html>"));
    return text;
}

#define STEP(n, loss)                                                                                        \
    "{\"step\":" n ",\"loss\":" loss ",\"lr\":0.001,\"norm\":1,\"skipped\":false,\"seconds\":30,"            \
    "\"positions_per_second\":100}\n"

static void test_whole(void **state)
{
    (void)state;
    const char *text =
        make(STEP("1", "4.0") STEP("2", "null")
                 STEP("3", "2.0") "{\"step\":3,\"validation_loss\":2.5,\"samples\":3,\"best\":true}\n"
                                  "{\"step\":4,\"note\":\"bad <sample>\",\"text\":\"secret-name.dcm\"}\n"
                                  "{\"step\":4,\"loss\":1.0,\"skipped\":true,\"seconds\":30}\n");
    assert_int_equal(count(text, "<svg"), 3);
    assert_non_null(strstr(text, "4 steps in 2 minutes, loss 4 to 1; 1 steps passed over"));
    assert_non_null(strstr(text, "training loss from 4 at step 1 to 1 at step 4, between 1 and 4"));
    assert_non_null(strstr(text, "validation loss from 2.5 at step 3"));
    assert_non_null(strstr(text, "1 × bad &lt;sample>"));
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "70.0,15.0 ")); /* the first and largest loss: left, top */
}

static void test_parts(void **state)
{
    (void)state;
    assert_int_equal(count(make(""), "<svg"), 0);
    assert_int_equal(count(make(STEP("1", "4.0")), "<svg"), 3);
    assert_int_equal(count(make("{\"step\":1,\"note\":\"begun\",\"text\":\"x\"}\n"), "<svg"), 0);
    const char *text = make(STEP("1", "4.0") "{\"step\":2,\"loss\":3.");
    assert_int_equal(count(text, "<svg"), 3);
    assert_non_null(strstr(text, "1 steps in"));
    assert_int_equal(count(make("not a log\n[1, 2]\n\n{\"step\":\"x\"}\n"), "<svg"), 0);
}

static void test_long(void **state)
{
    (void)state;
    enum { STEPS = 4800 };
    static char log[STEPS * 64];
    size_t n = 0;
    for (int i = 0; i < STEPS; i++)
        n += (size_t)snprintf(log + n, sizeof log - n, "{\"step\":%d,\"loss\":%g}\n", i + 1,
                              i % 2 ? 3.0 : 1.0);
    const char *text = make(log);
    assert_true(strlen(text) < 40000);
    assert_non_null(strstr(text, "<tr><td>4800</td><td>2</td></tr>")); /* means */
}

static void test_missing(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_train_page_write("/nowhere/log.jsonl", page_path, "x", &err), HG_STATUS_INPUT);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log.jsonl", folder);
    snprintf(page_path, sizeof page_path, "%s/log.html", folder);
    hg_buffer_init(&page, (size_t)1 << 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    hg_buffer_deinit(&page);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_long), cmocka_unit_test(test_missing)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
