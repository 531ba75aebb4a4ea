/* SPDX-License-Identifier: Apache-2.0
 *
 * test_picture_set.c: pictures that were expected, and so decoded together, are those that are decoded one
 * by one, bad ones and all.
 */
#include "pretrain/picture_set.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MOST 1000
#define SIDE 24

typedef struct path_list {
    char *paths[MOST];
    size_t n;
    const char *folder; /* by one of its names */
} path_list;

static hg_status push_path(void *user, const char *name, hg_error *err)
{
    path_list *list = user;
    char path[HG_PATH_BYTES];
    assert_true(list->n < MOST);
    assert_int_equal(hg_path_join(path, list->folder, name, err), HG_STATUS_OK);
    list->paths[list->n++] = hg_mem_string(path);
    return HG_STATUS_OK;
}

/* Pictures, scans and what is neither, by three names each: more than are decoded together. */
static path_list list_new(void)
{
    static const char *const folders[] = {HG_TEST_DATA "/image", HG_TEST_DATA "/./image",
                                          HG_TEST_DATA "/././image"};
    path_list list = {.n = 0};
    hg_error err = {HG_STATUS_OK, ""};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        list.folder = folders[i];
        assert_int_equal(hg_folder_walk(list.folder, 2, push_path, &list, &err), HG_STATUS_OK);
        assert_int_equal(push_path(&list, "there is none.png", &err), HG_STATUS_OK);
        assert_int_equal(push_path(&list, "pixel.png", &err), HG_STATUS_OK); /* again */
    }
    assert_true(list.n > 300);
    return list;
}

static void list_free(path_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        hg_mem_free(list->paths[i]);
}

/* What became of each path. */
typedef struct path_result {
    hg_status status;
    uint32_t index;
    hg_error why;
} path_result;

/* Adds all, with `lot` of them expected at a time; 0: none. */
static void add_paths(const path_list *list, size_t lot, hg_picture_set *set, path_result *results)
{
    hg_error err = {HG_STATUS_OK, ""};
    for (size_t i = 0; i < list->n; i++) {
        bool begins = lot > 0 && i % lot == 0;
        for (size_t k = i; begins && k < list->n && k < i + lot; k++)
            assert_int_equal(hg_picture_set_expect(set, list->paths[k], &err), HG_STATUS_OK);
        if (begins)
            assert_int_equal(hg_picture_set_read_expected(set, &err), HG_STATUS_OK);
        results[i] = (path_result){.status = HG_STATUS_OK};
        results[i].status = hg_picture_set_add(set, list->paths[i], &results[i].index, &results[i].why);
    }
}

static void check_results(const path_list *list, const path_result *a, const path_result *b)
{
    size_t n_bad = 0;
    for (size_t i = 0; i < list->n; i++) {
        assert_int_equal(a[i].status, b[i].status);
        assert_int_equal(a[i].index, b[i].index);
        assert_string_equal(a[i].why.text, b[i].why.text);
        n_bad += a[i].status != HG_STATUS_OK;
    }
    assert_true(n_bad > 20 && n_bad < list->n / 2);
}

static void check_same(const hg_picture_set *a, const hg_picture_set *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        assert_string_equal(a->paths[i], b->paths[i]);
    assert_memory_equal(a->samples, b->samples, a->n * 3 * SIDE * SIDE);
}

static void test_expected(void **state)
{
    (void)state;
    static const size_t lots[2][2] = {{7, MOST}, {50, 256}};
    static path_result ours[MOST], theirs[MOST];
    path_list list = list_new();
    for (int for_clip = 0; for_clip < 2; for_clip++) {
        hg_picture_set a, b;
        hg_picture_set_init(&a, SIDE, for_clip);
        add_paths(&list, 0, &a, ours);
        for (size_t i = 0; i < 2; i++) {
            hg_picture_set_init(&b, SIDE, for_clip);
            add_paths(&list, lots[for_clip][i], &b, theirs);
            check_results(&list, ours, theirs);
            check_same(&a, &b);
            hg_picture_set_deinit(&b);
        }
        hg_picture_set_deinit(&a);
    }
    list_free(&list);
}

typedef struct heard {
    int64_t n_notes, done, n_items, stop_at;
} heard;

static void on_note(void *user, const char *text)
{
    assert_true(strlen(text) > 0);
    ((heard *)user)->n_notes++;
}

static bool on_progress(void *user, int64_t done, int64_t n)
{
    heard *h = user;
    assert_int_equal(done, h->done + 1);
    h->done = done;
    h->n_items = n;
    return done != h->stop_at;
}

static hg_llava_set *open_items(const path_list *list)
{
    char path[] = "/tmp/hg-pictures-XXXXXX";
    int fd = mkstemp(path);
    hg_llava_set *set = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (size_t i = 0; i < list->n; i++)
        fprintf(file,
                "{\"image\": \"%s\", \"conversations\": [{\"from\": \"human\", \"value\": \"What?\"}, "
                "{\"from\": \"gpt\", \"value\": \"%s\"}]}\n",
                list->paths[i], i % 100 == 7 ? "" : "That"); /* an empty answer: a bad item */
    assert_int_equal(fclose(file), 0);
    if (hg_llava_open(&set, path, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    unlink(path);
    return set;
}

/* The pictures of a file: in the order of its items, without those of bad ones. */
static void test_whole_file(void **state)
{
    (void)state;
    path_list list = list_new();
    hg_llava_set *set = open_items(&list);
    hg_picture_set a, b;
    hg_error err = {HG_STATUS_OK, ""};
    heard h = {0, 0, 0, 0};
    int64_t n_bad = 0, n_bad_here = 0;
    const hg_llava_listener listener = {on_note, on_progress, &h};
    hg_picture_set_init(&a, SIDE, true);
    hg_picture_set_init(&b, SIDE, true);
    for (size_t i = 0; i < list.n; i++) {
        uint32_t index;
        n_bad_here += i % 100 == 7 || hg_picture_set_add(&a, list.paths[i], &index, NULL) != HG_STATUS_OK;
    }
    assert_int_equal(hg_picture_set_add_all(&b, set, &listener, &n_bad, &err), HG_STATUS_OK);
    check_same(&a, &b);
    assert_int_equal(n_bad, n_bad_here);
    assert_int_equal(h.n_notes, n_bad);
    assert_int_equal(h.done, list.n);
    assert_int_equal(h.n_items, list.n);
    hg_picture_set_deinit(&b);

    hg_picture_set_init(&b, SIDE, true);
    h = (heard){.stop_at = 260};
    assert_int_equal(hg_picture_set_add_all(&b, set, &listener, &n_bad, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "stopped while"));
    assert_int_equal(h.done, 260);
    hg_picture_set_deinit(&a);
    hg_picture_set_deinit(&b);
    hg_llava_close(set);
    list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expected), cmocka_unit_test(test_whole_file)};
    return cmocka_run_group_tests_name("picture_set", tests, NULL, NULL);
}
