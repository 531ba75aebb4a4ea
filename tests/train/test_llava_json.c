/* SPDX-License-Identifier: Apache-2.0
 *
 * test_llava_json.c: items found with their lines, what a good item holds, and what is said of bad ones.
 */
#include "data/llava_json.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/hg_llava_XXXXXX";

static hg_llava_set *open_text(const char *text)
{
    hg_llava_set *set = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_file_write(path, text, strlen(text), &err), HG_STATUS_OK);
    if (hg_llava_open(&set, path, "/images", &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return set;
}

#define TURN(q, a) "{\"from\": \"human\", \"value\": \"" q "\"}, {\"from\": \"gpt\", \"value\": \"" a "\"}"

#define FIRST TURN("<image>\\nWhat?", " A \\\"ring\\\"}\\n") ", " TURN("Sure?", "Yes")
#define SECOND TURN("Name it < 5 mm", "x<y")
#define THIRD TURN("Fuse\\n<image><image>", "")
#define FOURTH TURN("Draw", "<start_index><idx_5> <idx_0>\\n<idx_8191><end_index>")
#define LIST "\"conversations\": ["
/* clang-format off */
#define ITEMS "[\n" \
    " {\"id\": 1, \"image\": \"a.png\", " LIST FIRST "]},\n" \
    "\n" \
    " {" LIST SECOND "]},\n" \
    " {\"images\": [\"/b.png\", \"c.png\"], \"target_image\": \"d.png\", " LIST THIRD "]},\n" \
    " {\"image\": null, " LIST FOURTH "]}\n" \
    "]\n"
/* clang-format on */

static void test_items(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_llava_item item;
    hg_llava_set *set = open_text(ITEMS);
    assert_int_equal(hg_llava_n_items(set), 4);
    assert_int_equal(hg_llava_line(set, 0), 2);
    assert_int_equal(hg_llava_line(set, 1), 4);
    assert_int_equal(hg_llava_read(set, 0, &item, &err), HG_STATUS_OK);
    assert_int_equal(item.n_images, 1);
    assert_string_equal(item.images[0], "/images/a.png");
    assert_int_equal(item.n_turns, 2);
    assert_string_equal(item.turns[0].question, "What?");
    assert_string_equal(item.turns[0].answer, "A \"ring\"}");
    assert_string_equal(item.turns[1].answer, "Yes");
    assert_false(item.draws);
    hg_llava_item_deinit(&item);
    assert_int_equal(hg_llava_read(set, 1, &item, &err), HG_STATUS_OK);
    assert_int_equal(item.n_images, 0);
    assert_string_equal(item.turns[0].question, "Name it < 5 mm");
    hg_llava_item_deinit(&item);
    assert_int_equal(hg_llava_read(set, 2, &item, &err), HG_STATUS_OK);
    assert_true(item.draws);
    assert_string_equal(item.images[0], "/b.png");
    assert_string_equal(item.target_image, "/images/d.png");
    assert_string_equal(item.turns[0].question, "Fuse");
    hg_llava_item_deinit(&item);
    assert_int_equal(hg_llava_read(set, 3, &item, &err), HG_STATUS_OK);
    assert_true(item.draws);
    assert_null(item.target_image);
    assert_int_equal(item.n_codes, 3);
    assert_int_equal(item.codes[0], 5);
    assert_int_equal(item.codes[2], 8191);
    hg_llava_item_deinit(&item);
    hg_llava_close(set);
}

/* One item a line, and a file's own folder for its images. */
static void test_lines(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_llava_set *set = open_text("{\"image\": \"a.png\", \"conversations\": [" TURN(
        "a", "b") "]}\n"
                  "{\"conversations\": [" TURN("c", "d") "]}\n");
    uint64_t before = hg_llava_fingerprint(set);
    assert_int_equal(hg_llava_n_items(set), 2);
    assert_int_equal(hg_llava_line(set, 1), 2);
    hg_llava_close(set);
    assert_int_equal(hg_llava_open(&set, path, NULL, &err), HG_STATUS_OK);
    assert_int_equal(hg_llava_fingerprint(set), before);
    hg_llava_item item;
    assert_int_equal(hg_llava_read(set, 0, &item, &err), HG_STATUS_OK);
    assert_string_equal(item.images[0], "/tmp/a.png");
    hg_llava_item_deinit(&item);
    hg_llava_close(set);
    set = open_text("{\"conversations\": [" TURN("c", "e") "]}\n");
    assert_int_not_equal(hg_llava_fingerprint(set), before);
    hg_llava_close(set);
}

static void expect_bad(const char *item_text, const char *part)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_llava_item item;
    hg_llava_set *set = open_text(item_text);
    assert_int_equal(hg_llava_read(set, 0, &item, &err), HG_STATUS_INPUT);
    char place[64];
    snprintf(place, sizeof place, "%s:1: item 1: ", path);
    if (strncmp(err.text, place, strlen(place)) != 0 || strstr(err.text, part) == NULL)
        fail_msg("'%s' does not say '%s%s'", err.text, place, part);
    hg_llava_close(set);
}

static void test_bad_items(void **state)
{
    (void)state;
    expect_bad("{\"conversations\": []}", "no conversation");
    expect_bad("{\"image\": \"a.png\"}", "no conversation");
    expect_bad("{\"conversations\": [{\"from\": \"human\", \"value\": \"x\"}]}", "no conversation");
    expect_bad("{\"conversations\": [" TURN("q", " \\n") "]}", "an empty answer");
    expect_bad("{\"conversations\": [" TURN("<image>q", "a") "]}", "1 image tags, but 0 images");
    expect_bad("{\"image\": [\"a\", \"b\"], \"conversations\": [" TURN("<image>q", "a") "]}",
               "1 image tags, but 2 images");
    expect_bad("{\"conversations\": [" TURN("<video>q", "a") "]}", "'<video>' in a question");
    expect_bad("{\"conversations\": [" TURN("q", "see <idx_3>") "]}", "'<idx_' in an answer");
    expect_bad(
        "{\"conversations\": [{\"from\": \"robot\", \"value\": \"\"}, {\"from\": \"gpt\", \"value\": \"\"}]}",
        "speaker 'robot' where 'human'");
    expect_bad(
        "{\"conversations\": [{\"from\": \"human\", \"value\": 3}, {\"from\": \"gpt\", \"value\": \"\"}]}",
        "what human says is missing");
    expect_bad("{\"conversations\": [" TURN("q", "<idx_1><idx_x>") "]}", "picture code 1 is no number");
    expect_bad("{\"conversations\": [" TURN("q", "<idx_1>,<idx_2>") "]}", "',<idx_2>' among picture codes");
    expect_bad("{\"image\": 7, \"conversations\": [" TURN("q", "a") "]}", "an image is no file name");
    expect_bad("{\"target_image\": \"t\", \"conversations\": [" TURN("q", "") ", " TURN("r", "") "]}",
               "drawn after 2 questions");
    expect_bad("{\"a\": }", "");
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } files[] = {{"[]", "no items"},
                 {"hello", ":1: 'h' where an item should begin"},
                 {"[{\"a\": 1},\n{\"b\": \"}", ":2: this item does not end"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        hg_error err = {HG_STATUS_OK, ""};
        hg_llava_set *set;
        assert_int_equal(hg_file_write(path, files[i].text, strlen(files[i].text), &err), HG_STATUS_OK);
        assert_int_equal(hg_llava_open(&set, path, NULL, &err), HG_STATUS_INPUT);
        if (strstr(err.text, files[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, files[i].says);
    }
    hg_llava_set *set;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_llava_open(&set, "/nowhere/data.json", NULL, &err), HG_STATUS_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bad_items),
        cmocka_unit_test(test_bad_files),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return status;
}
