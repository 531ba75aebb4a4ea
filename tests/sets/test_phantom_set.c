/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_set.c: a whole set: the same files for any number of threads, items that training can read, no
 * patient in two splits, the engine's own words for its tasks, and refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/file_map.h"
#include "base/memory.h"
#include "data/llava_json.h"
#include "engine/draw_tasks.h"
#include "formats/json_file.h"

#include <healthgpt/data.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static hg_phantom_request small_request(const char *out)
{
    return (hg_phantom_request){.out = out,
                                .n_patients = 40,
                                .seed = 21,
                                .size = 64,
                                .n_slices = 1,
                                .ill = -1,
                                .noise = 1,
                                .n_threads = 1};
}

static hg_status remove_one(void *user, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    if (hg_path_join(path, user, name, err) == HG_STATUS_OK)
        remove(path);
    return HG_STATUS_OK;
}

static void remove_set(const char *folder)
{
    char images[HG_PATH_BYTES];
    snprintf(images, sizeof images, "%s/images", folder);
    assert_int_equal(hg_folder_list(images, remove_one, images, NULL), HG_STATUS_OK);
    assert_int_equal(hg_folder_list(folder, remove_one, (void *)(uintptr_t)folder, NULL), HG_STATUS_OK);
    remove(images);
    remove(folder);
}

typedef struct compared {
    const char *a, *b;
    int n;
} compared;

static hg_status compare_one(void *user, const char *name, hg_error *err)
{
    compared *c = user;
    char a[HG_PATH_BYTES], b[HG_PATH_BYTES];
    hg_file_map x, y;
    assert_int_equal(hg_path_join(a, c->a, name, err), HG_STATUS_OK);
    assert_int_equal(hg_path_join(b, c->b, name, err), HG_STATUS_OK);
    assert_int_equal(hg_file_map_open(&x, a, err), HG_STATUS_OK);
    assert_int_equal(hg_file_map_open(&y, b, err), HG_STATUS_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    hg_file_map_close(&x);
    hg_file_map_close(&y);
    c->n++;
    return HG_STATUS_OK;
}

static void test_threads(void **state)
{
    char a[] = "/tmp/hg_phantom_XXXXXX", b[] = "/tmp/hg_phantom_XXXXXX", ai[64], bi[64];
    hg_phantom_result ra, rb;
    hg_error err;
    (void)state;
    assert_non_null(mkdtemp(a));
    assert_non_null(mkdtemp(b));
    hg_phantom_request request = small_request(a);
    assert_int_equal(hg_data_phantom(&request, &ra, &err), HG_STATUS_OK);
    request.out = b;
    request.n_threads = 3;
    assert_int_equal(hg_data_phantom(&request, &rb, &err), HG_STATUS_OK);
    assert_memory_equal(&ra, &rb, sizeof ra);
    compared c = {a, b, 0};
    assert_int_equal(hg_folder_list(a, compare_one, &c, &err), HG_STATUS_OK);
    assert_int_equal(c.n, 6); /* three lists, truth, texts, overview */
    snprintf(ai, sizeof ai, "%s/images", a);
    snprintf(bi, sizeof bi, "%s/images", b);
    c = (compared){ai, bi, 0};
    assert_int_equal(hg_folder_list(ai, compare_one, &c, &err), HG_STATUS_OK);
    assert_int_equal(c.n, (int)ra.n_images);
    remove_set(a);
    remove_set(b);
}

/* The patients of one list, as a set of bits. */
static size_t read_list(const char *folder, const char *name, bool patients[1000])
{
    char path[HG_PATH_BYTES];
    hg_llava_set *set;
    hg_error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hg_llava_open(&set, path, NULL, &err), HG_STATUS_OK);
    size_t n = hg_llava_n_items(set);
    for (size_t i = 0; i < n; i++) {
        hg_llava_item item;
        hg_status status = hg_llava_read(set, i, &item, &err);
        if (status != HG_STATUS_OK)
            fail_msg("%s", err.text);
        for (size_t k = 0; k < item.n_images; k++)
            assert_true(hg_file_exists(item.images[k]));
        if (item.target_image != NULL)
            assert_true(hg_file_exists(item.target_image));
        const char *some = item.n_images > 0 ? item.images[0] : item.target_image;
        patients[strtol(strstr(some, "/P") + 2, NULL, 10)] = true;
        hg_llava_item_deinit(&item);
    }
    hg_llava_close(set);
    return n;
}

/* Drawing items say what the engine says; held-out wordings are in the test list alone. */
static void check_words(const char *folder, const char *name, bool test)
{
    char path[HG_PATH_BYTES];
    hg_error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_error_t why;
    json_t *list = json_load_file(path, 0, &why), *item;
    size_t i, n_held = 0, n_draw = 0;
    (void)err;
    assert_non_null(list);
    json_array_foreach(list, i, item)
    {
        const char *task = json_string_value(json_object_get(item, "task"));
        const char *wording = json_string_value(json_object_get(item, "wording"));
        const char *text = json_string_value(
            json_object_get(json_array_get(json_object_get(item, "conversations"), 0), "value"));
        hg_draw_task known;
        assert_string_equal(json_string_value(json_object_get(item, "license")), "CC0-1.0");
        n_held += wording != NULL && strcmp(wording, "held-out") == 0;
        if (!hg_draw_task_find(task, &known))
            continue;
        n_draw++;
        const char *instruction = hg_draw_task_instruction(known);
        if (instruction != NULL)
            assert_string_equal(text + strlen("<image>\n"), instruction);
    }
    assert_true(n_draw > 0);
    assert_int_equal(n_held > 0, test);
    json_decref(list);
}

/* What truth.jsonl says of an image; to be released. */
static json_t *truth_of(const char *folder, const char *image)
{
    char path[HG_PATH_BYTES];
    json_error_t why;
    snprintf(path, sizeof path, "%s/truth.jsonl", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    json_t *row = NULL;
    while ((row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &why)) != NULL) {
        if (strcmp(json_string_value(json_object_get(row, "image")), image) == 0)
            break;
        json_decref(row);
    }
    fclose(file);
    assert_non_null(row);
    return row;
}

/* Questions for the organs are answered by those of the truth, in its order. */
static void check_organs(const char *folder, const char *name)
{
    char path[HG_PATH_BYTES];
    json_error_t why;
    size_t i, k, n_asked = 0;
    json_t *item, *organ;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *list = json_load_file(path, 0, &why);
    json_array_foreach(list, i, item)
    {
        const char *topic = json_string_value(json_object_get(item, "question_type"));
        if (topic == NULL || strcmp(topic, "organs") != 0)
            continue;
        json_t *truth = truth_of(folder, json_string_value(json_object_get(item, "image")));
        char want[600] = "";
        json_array_foreach(json_object_get(truth, "organs"), k, organ)
        {
            snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", k > 0 ? ", " : "",
                     json_string_value(organ));
        }
        const char *answer = json_string_value(
            json_object_get(json_array_get(json_object_get(item, "conversations"), 1), "value"));
        assert_int_equal(strcasecmp(answer, want[0] == 0 ? "none" : want), 0);
        assert_string_equal(json_string_value(json_object_get(item, "answer_type")), "OPEN");
        json_decref(truth);
        n_asked++;
    }
    assert_true(n_asked > 5);
    json_decref(list);
}

static void test_items(void **state)
{
    char folder[] = "/tmp/hg_phantom_XXXXXX";
    static const char *const names[] = {"train.json", "val.json", "test.json"};
    static bool patients[3][1000];
    hg_phantom_result result;
    hg_error err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    hg_phantom_request request = small_request(folder);
    assert_int_equal(hg_data_phantom(&request, &result, &err), HG_STATUS_OK);
    assert_int_equal(result.n_patients, 40);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_list(folder, names[i], patients[i]), result.n_items[i]);
        assert_true(result.n_items[i] > 0);
        check_words(folder, names[i], i == 2);
    }
    check_organs(folder, names[0]);
    int n = 0;
    for (int p = 0; p < 1000; p++) {
        assert_true(patients[0][p] + patients[1][p] + patients[2][p] <= 1);
        n += patients[0][p] + patients[1][p] + patients[2][p];
    }
    assert_int_equal(n, 40);
    remove_set(folder);
}

static bool stop_early(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)user;
    (void)stage;
    (void)total;
    return done == 0;
}

static void test_refusals(void **state)
{
    char folder[] = "/tmp/hg_phantom_XXXXXX", list[64];
    hg_phantom_result result;
    hg_error err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    const struct {
        int patients, size;
        const char *parts, *format;
        double ill;
    } bad[] = {{0, 64, NULL, NULL, 1},   {1, 63, NULL, NULL, 1},    {1, 512, NULL, NULL, 1},
               {1, 64, "", NULL, 1},     {1, 64, "hed", NULL, 1},   {1, 64, NULL, "bmp", 1},
               {1, 64, NULL, NULL, 1.5}, {1, 64, "head,,", NULL, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_phantom_request request = small_request(folder);
        request.n_patients = bad[i].patients;
        request.size = bad[i].size;
        request.parts = bad[i].parts;
        request.format = bad[i].format;
        request.ill = bad[i].ill;
        assert_int_equal(hg_data_phantom(&request, &result, &err), HG_STATUS_USAGE);
    }
    /* Stopped in the middle: no list gets its name. */
    hg_phantom_request request = small_request(folder);
    request.progress = (hg_progress){stop_early, NULL};
    assert_int_equal(hg_data_phantom(&request, &result, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    snprintf(list, sizeof list, "%s/train.json", folder);
    assert_false(hg_file_exists(list));
    remove_set(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_items),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
