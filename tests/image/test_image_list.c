/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image_list.c: a list gives what each of its paths gives when it is read alone: pixels and all, and the
 * same error. Damaged files, no files and folders stand between good ones.
 */
#include "image/image_list.h"

#include "image_golden.h"

#include "base/memory.h"

#include <stdlib.h>
#include <unistd.h>

#define LIST_MOST 1000

typedef struct list_paths {
    char *paths[LIST_MOST];
    size_t n;
    char folder[32];    /* of damaged copies */
    const char *source; /* the folder that is walked */
} list_paths;

static void push_path(list_paths *list, const char *path)
{
    assert_true(list->n < LIST_MOST);
    list->paths[list->n] = hg_mem_string(path);
    assert_non_null(list->paths[list->n++]);
}

/* A copy of the file, cut short or with some bytes changed; its name keeps its ending. */
static void push_damaged(list_paths *list, const char *path, bool cut)
{
    char copy[HG_PATH_BYTES];
    hg_buffer bytes;
    hg_error err = {0};
    hg_buffer_init(&bytes, (size_t)1 << 26);
    assert_int_equal(hg_file_read(path, &bytes, &err), HG_STATUS_OK);
    for (size_t i = 1; !cut && i < 8; i++)
        bytes.data[i * bytes.size / 8] ^= 0x55;
    snprintf(copy, sizeof copy, "%s/%zu-%.200s", list->folder, list->n, hg_path_name(path));
    assert_int_equal(hg_file_write(copy, bytes.data, cut ? bytes.size * 2 / 3 : bytes.size, &err),
                     HG_STATUS_OK);
    hg_buffer_deinit(&bytes);
    push_path(list, copy);
}

static hg_status push_file(void *user, const char *name, hg_error *err)
{
    list_paths *list = user;
    char path[HG_PATH_BYTES];
    (void)err;
    assert_int_equal(hg_path_join(path, list->source, name, err), HG_STATUS_OK);
    push_path(list, path);
    push_damaged(list, path, true);
    push_path(list, path);
    push_damaged(list, path, false);
    return HG_STATUS_OK;
}

static hg_status remove_file(void *user, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    assert_int_equal(hg_path_join(path, user, name, err), HG_STATUS_OK);
    return unlink(path) == 0 ? HG_STATUS_OK : HG_STATUS_FAILED;
}

static void list_free(list_paths *list)
{
    hg_error err = {0};
    for (size_t i = 0; i < list->n; i++)
        hg_mem_free(list->paths[i]);
    assert_int_equal(hg_folder_list(list->folder, remove_file, list->folder, &err), HG_STATUS_OK);
    assert_int_equal(rmdir(list->folder), 0);
}

static list_paths list_new(void)
{
    list_paths list = {.folder = "/tmp/hg-list-XXXXXX"};
    assert_non_null(mkdtemp(list.folder));
    return list;
}

typedef struct list_check {
    const list_paths *list;
    size_t n_taken, n_good, n_bad, end_at;
} list_check;

static void check_same(const hg_image *a, const hg_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->bits, b->bits);
    assert_int_equal(a->orientation, b->orientation);
    assert_int_equal(a->synthetic, b->synthetic);
    assert_string_equal(a->format, b->format);
    assert_memory_equal(&a->source, &b->source, sizeof a->source);
    assert_memory_equal(a->samples, b->samples, hg_image_bytes(a));
}

static hg_status check_take(void *user, size_t index, const hg_image *image, hg_status status,
                            const hg_error *why, hg_error *err)
{
    list_check *check = user;
    hg_error own = {0};
    hg_image alone;
    assert_int_equal(index, check->n_taken++);
    hg_image_init(&alone);
    assert_int_equal(hg_image_read(&alone, check->list->paths[index], NULL, &own), status);
    if (status == HG_STATUS_OK)
        check_same(image, &alone);
    else
        assert_null(image);
    assert_string_equal(why->text, own.text);
    check->n_good += status == HG_STATUS_OK;
    check->n_bad += status != HG_STATUS_OK;
    hg_image_deinit(&alone);
    return index == check->end_at ? hg_error_set(err, HG_STATUS_TASK, "enough") : HG_STATUS_OK;
}

static list_check check_list(const list_paths *list, size_t end_at, hg_status wanted)
{
    hg_error err = {0};
    list_check check = {.list = list, .end_at = end_at};
    hg_status status =
        hg_image_read_list((const char *const *)list->paths, list->n, check_take, &check, &err);
    if (status != wanted)
        fail_msg("status %d: %s", (int)status, err.text);
    return check;
}

/* Pictures, scans, and what is neither, each between damaged copies of it. */
static void test_all(void **state)
{
    (void)state;
    list_paths list = list_new();
    hg_error err = {0};
    list.source = HG_TEST_DATA "/image";
    push_path(&list, HG_TEST_DATA "/image/there is none.png");
    push_path(&list, HG_TEST_DATA "/text");
    assert_int_equal(hg_folder_walk(list.source, 2, push_file, &list, &err), HG_STATUS_OK);
    push_path(&list, HG_TEST_DATA "/image/pixel.png");
    list_check check = check_list(&list, SIZE_MAX, HG_STATUS_OK);
    assert_int_equal(check.n_taken, list.n);
    assert_true(check.n_good > list.n / 4 && check.n_bad > list.n / 4);
    list_free(&list);
}

static void test_none_and_ended(void **state)
{
    (void)state;
    list_paths list = list_new();
    assert_int_equal(check_list(&list, SIZE_MAX, HG_STATUS_OK).n_taken, 0);
    for (int i = 0; i < 5; i++)
        push_path(&list, HG_TEST_DATA "/image/pixel.png");
    assert_int_equal(check_list(&list, 2, HG_STATUS_TASK).n_taken, 3);
    list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_none_and_ended)};
    return cmocka_run_group_tests_name("image_list", tests, NULL, NULL);
}
