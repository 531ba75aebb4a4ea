/* SPDX-License-Identifier: Apache-2.0
 *
 * package_fixture.c: see package_fixture.h.
 */
#include "package_fixture.h"

#include "formats/tensor_file.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER_TEMPLATE "/tmp/hg_package_XXXXXX"
static char folder[] = FOLDER_TEMPLATE;

int package_folder_setup(void **state)
{
    (void)state;
    strcpy(folder, FOLDER_TEMPLATE);
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int package_folder_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

package_path package_path_of(const char *name)
{
    package_path path;
    assert_int_equal(hg_path_join(path.text, folder, name, NULL), HG_STATUS_OK);
    return path;
}

package_path package_tiny_path(const char *name)
{
    package_path path;
    assert_int_equal(hg_path_join(path.text, HG_TEST_DATA "/tiny", name, NULL), HG_STATUS_OK);
    return path;
}

hg_convert_request package_request(const package_path *model, const char *type, const package_path *out)
{
    return (hg_convert_request){
        .model = model->text, .out = out->text, .types = {.type = type}, .n_threads = 2};
}

hg_convert_result package_convert(const hg_convert_request *request)
{
    hg_convert_result result;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_convert(request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return result;
}

package_path package_make(const char *model, const char *type, const char *name)
{
    package_path from = package_tiny_path(model), out = package_path_of(name);
    const hg_convert_request request = package_request(&from, type, &out);
    package_convert(&request);
    return out;
}

hg_buffer package_read(const package_path *path)
{
    hg_buffer file;
    hg_error err = {HG_STATUS_OK, ""};
    hg_buffer_init(&file, (size_t)1 << 26);
    if (hg_file_read(path->text, &file, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return file;
}

/* Straight to the file: it is only read back here, and not worth a flush to the disk. */
void package_write(const package_path *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path->text, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

typedef struct ending_count {
    const char *ending;
    int n;
} ending_count;

static hg_status count_ending(void *user, const char *name, hg_error *err)
{
    (void)err;
    ending_count *c = user;
    size_t n = strlen(name), end = strlen(c->ending);
    c->n += n >= end && strcmp(name + n - end, c->ending) == 0 ? 1 : 0;
    return HG_STATUS_OK;
}

int package_count_files(const char *ending)
{
    ending_count c = {ending, 0};
    assert_int_equal(hg_folder_list(folder, count_ending, &c, NULL), HG_STATUS_OK);
    return c.n;
}

/* ---- answers ---- */

typedef struct opened {
    hg_model *model;
    hg_session *session;
    hg_image *image;
} opened;

static opened open_model(const package_path *path)
{
    opened o = {NULL, NULL, NULL};
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = 2};
    if (hg_model_open(&o.model, path->text, &options, &err) != HG_STATUS_OK ||
        hg_session_create(&o.session, o.model, &err) != HG_STATUS_OK ||
        hg_image_open(&o.image, HG_TEST_DATA "/tiny/image.png", &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return o;
}

static void close_model(opened *o)
{
    hg_image_close(o->image);
    hg_session_destroy(o->session);
    hg_model_close(o->model);
}

static hg_ask_result ask(const opened *o, const char *question, int max_tokens)
{
    hg_ask_result result;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_ask_request request = {.images = (const hg_image *const *)&o->image,
                                    .n_images = 1,
                                    .question = question,
                                    .sampling = {.top_p = 1},
                                    .max_tokens = max_tokens};
    if (hg_session_ask(o->session, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return result;
}

static void expect_ids(const hg_tensor_file *golden, const char *name, const int32_t *got, size_t n)
{
    const hg_tensor *want = hg_tensor_file_find(golden, name);
    assert_non_null(want);
    assert_int_equal(n, want->shape[0]);
    for (size_t i = 0; i < n; i++) {
        if (got[i] != (int32_t)((const float *)want->data)[i])
            fail_msg("%s[%zu] is %d, expected %d", name, i, got[i], (int32_t)((const float *)want->data)[i]);
    }
}

static void expect_drawing(const opened *o, const char *text, const hg_tensor_file *golden)
{
    hg_draw_result result;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_draw_request request = {
        .task = HG_DRAW_TASK_RECONSTRUCT, .image = o->image, .text = text, .sampling = {.top_p = 1}};
    if (hg_session_draw(o->session, &request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    expect_ids(golden, "gen.codes", result.codes, result.n_codes);
    hg_draw_result_free(&result);
}

static const char *question_of(const json_t *numbers, const char *task)
{
    return json_string_value(json_object_get(json_object_get(numbers, task), "question"));
}

void package_expect_golden(const package_path *path, const char *tiny, bool draws)
{
    char name[64];
    hg_tensor_file *golden;
    snprintf(name, sizeof name, "%s/golden.safetensors", tiny);
    package_path file = package_tiny_path(name);
    assert_int_equal(hg_tensor_file_open(&golden, file.text, NULL), HG_STATUS_OK);
    snprintf(name, sizeof name, "%s/golden.json", tiny);
    file = package_tiny_path(name);
    json_t *numbers = json_load_file(file.text, 0, NULL);
    assert_non_null(numbers);
    opened o = open_model(path);
    hg_ask_result answer = ask(&o, question_of(numbers, "com"), 64);
    expect_ids(golden, "com.text_ids", answer.tokens, answer.n_tokens);
    hg_ask_result_free(&answer);
    if (draws)
        expect_drawing(&o, question_of(numbers, "gen"), golden);
    close_model(&o);
    json_decref(numbers);
    hg_tensor_file_close(golden);
}

void package_expect_answer(const package_path *path)
{
    opened o = open_model(path);
    hg_ask_result answer = ask(&o, "What is in this image?", 8);
    assert_in_range(answer.n_tokens, 1, 8);
    hg_ask_result_free(&answer);
    close_model(&o);
}

void package_expect_refused(const package_path *path, const char *text)
{
    hg_model *model = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = 1};
    hg_status status = hg_model_open(&model, path->text, &options, &err);
    assert_null(model);
    if (status != HG_STATUS_INPUT || err.code != HG_STATUS_INPUT || strstr(err.text, text) == NULL)
        fail_msg("status %d and '%s', expected %d and '%s'", status, err.text, HG_STATUS_INPUT, text);
}
