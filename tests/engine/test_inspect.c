/* SPDX-License-Identifier: Apache-2.0
 *
 * test_inspect.c: the card of good, incomplete and broken models. Sizes are computed here from the settings
 * in the tiny models' config.json, hashes by sha256sum.
 */
#include "package/llama_base.h"
#include "package/package_fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *inspect(const char *path, bool with_tensors)
{
    char *text;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_inspect(path, with_tensors, &text, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    json_t *report = json_loads(text, 0, NULL);
    assert_non_null(report);
    hg_text_free(text);
    return report;
}

static void expect_refused(const char *path, const char *text)
{
    char *json = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_model_inspect(path, false, &json, &err), HG_STATUS_INPUT);
    assert_null(json);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("'%s' is no whole number", key);
    return json_integer_value(value);
}

static void expect_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    if (strstr(text, expected) == NULL)
        fail_msg("%s: '%s' is not in: %s", key, expected, text);
}

static const json_t *part_of(const json_t *report, const char *name)
{
    const json_t *part = json_object_get(json_object_get(report, "parts"), name);
    assert_non_null(part);
    return part;
}

/* NULL expected: the task can be done. */
static void expect_task(const json_t *report, const char *name, const char *why_not)
{
    size_t i;
    json_t *task;
    json_array_foreach(json_object_get(report, "tasks"), i, task)
    {
        if (strcmp(json_string_value(json_object_get(task, "name")), name) != 0)
            continue;
        if (why_not == NULL)
            assert_null(json_object_get(task, "why_not"));
        else
            expect_text(task, "why_not", why_not);
        return;
    }
    fail_msg("no task %s", name);
}

static void expect_problem(const json_t *report, const char *text)
{
    size_t i;
    json_t *problem;
    json_array_foreach(json_object_get(report, "problems"), i, problem)
    {
        if (strstr(json_string_value(problem), text) != NULL)
            return;
    }
    fail_msg("no problem '%s'", text);
}

/* Overwrites a file of the test's folder: `old`, which it holds, becomes `new_text` of the same length. */
static void patch(const package_path *path, const char *old, const char *new_text)
{
    hg_buffer bytes = package_read(path);
    size_t n = strlen(old), at = 0;
    assert_int_equal(n, strlen(new_text));
    while (at + n <= bytes.size && memcmp(bytes.data + at, old, n) != 0)
        at++;
    assert_true(at + n <= bytes.size);
    memcpy(bytes.data + at, new_text, n);
    package_write(path, bytes.data, bytes.size);
    hg_buffer_deinit(&bytes);
}

static package_path copy_of_m3(void)
{
    char command[4 * HG_PATH_BYTES];
    package_path folder = package_path_of("m3");
    snprintf(command, sizeof command, "cp -rL '%s' '%s' && chmod -R u+w '%s'", package_tiny_path("m3").text,
             folder.text, folder.text);
    assert_int_equal(system(command), 0);
    return folder;
}

/* ---- good models ---- */

static void expect_cache(const json_t *report, size_t i, json_int_t positions, const char *type,
                         json_int_t bytes_of_number)
{
    const json_t *memory = json_object_get(report, "memory");
    const json_t *cache = json_array_get(json_object_get(memory, "with_kv_cache"), i);
    json_int_t weights = number(report, "bytes"), bytes = 2 * 3 * 4 * 8 * positions * bytes_of_number;
    assert_int_equal(number(memory, "weights"), weights);
    assert_int_equal(number(cache, "positions"), positions);
    expect_text(cache, "type", type);
    assert_int_equal(number(cache, "bytes"), bytes); /* keys and values, 3 layers, 4 heads of 8 */
    assert_int_equal(number(cache, "total"), weights + bytes);
}

static void expect_m3(const json_t *report)
{
    const json_t *base = json_object_get(report, "base");
    expect_text(report, "name", "tiny-m3");
    expect_text(report, "family", "phi3, 3 layers, hidden 32, 4 heads (4 for keys), vocabulary 656");
    expect_text(report, "chat_template", "phi3_instruct");
    assert_int_equal(number(base, "layers"), 3);
    assert_int_equal(number(base, "head_dim"), 8);
    assert_int_equal(number(base, "context"), 4096);
    assert_int_equal(number(json_object_get(json_object_get(report, "plugins"), "com"), "rank"), 16);
    assert_int_equal(number(json_object_get(json_object_get(report, "plugins"), "gen"), "experts"), 4);
    const json_t *pictures = json_object_get(report, "pictures");
    assert_int_equal(number(pictures, "size"), 256); /* as model.yaml says: 4 levels, so 32 x 32 codes */
    assert_int_equal(number(pictures, "codes"), 1024);
    assert_int_equal(number(pictures, "codebook"), 512);
    expect_cache(report, 0, 2048, "f32", 4);
    expect_cache(report, 1, 2048, "f16", 2);
    expect_cache(report, 2, 4096, "f32", 4);
    expect_cache(report, 3, 4096, "f16", 2);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 0);
    expect_task(report, "ask", NULL);
    expect_task(report, "reconstruct", NULL);
    expect_task(report, "ct-to-mri", "was not trained for it");
}

static void test_folder(void **state)
{
    (void)state;
    json_t *report = inspect(package_tiny_path("m3").text, true);
    expect_m3(report);
    expect_text(report, "format", "folder");
    const json_t *com = part_of(report, "com"), *clip = part_of(report, "clip");
    expect_text(com, "path", "m3/com_hlora_weights.bin");
    expect_text(com, "kind", "PyTorch");
    assert_int_equal(number(com, "tensors_count"), 40);
    assert_int_equal(number(json_object_get(com, "types"), "f16"), 40);
    assert_int_equal(number(json_object_get(com, "bytes_by_type"), "f16"), number(com, "bytes"));
    assert_int_equal(json_array_size(json_object_get(com, "tensors")), 40);
    assert_int_equal(number(json_object_get(clip, "types"), "unsupported"), 2); /* position_ids */
    json_decref(report);
}

static void expect_hash(const json_t *report, const char *part, const char *file)
{
    char command[2 * HG_PATH_BYTES], hash[65] = "", path[HG_PATH_BYTES];
    size_t i;
    json_t *source;
    snprintf(path, sizeof path, "m3/%s", file);
    snprintf(command, sizeof command, "sha256sum '%s'", package_tiny_path(path).text);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fread(hash, 1, 64, pipe), 64);
    pclose(pipe);
    json_array_foreach(json_object_get(report, "provenance"), i, source)
    {
        if (strcmp(json_string_value(json_object_get(source, "part")), part) == 0) {
            expect_text(source, "file", hg_path_name(file));
            expect_text(source, "sha256", hash);
            return;
        }
    }
    fail_msg("no source of %s", part);
}

static void test_package(void **state)
{
    (void)state;
    package_path model = package_tiny_path("m3"), out = package_path_of("m3.gguf");
    hg_convert_request request = package_request(&model, "q8_0", &out);
    request.license = "MIT";
    request.description = "Two lines\nof text";
    request.intended_use = "tests";
    package_convert(&request);
    json_t *report = inspect(out.text, false);
    expect_m3(report);
    expect_text(report, "format", "package");
    expect_text(report, "license", "MIT");
    expect_text(report, "description", "Two lines\nof text");
    expect_text(report, "intended_use", "tests");
    assert_true(json_is_true(json_object_get(report, "random_weights")));
    assert_true(json_is_true(json_object_get(report, "tasks_declared")));
    assert_int_equal(number(report, "tensors_count"), 389);
    const json_t *base = part_of(report, "base");
    /* 3 layers of 4 linear layers, embedding and head; two norms a layer and one at the end */
    assert_int_equal(number(json_object_get(base, "types"), "q8_0"), 14);
    assert_int_equal(number(json_object_get(base, "types"), "f32"), 7);
    assert_int_equal(number(json_object_get(base, "bytes_by_type"), "f32"), 7 * 32 * 4);
    assert_null(json_object_get(base, "tensors"));
    hg_buffer bytes = package_read(&out);
    assert_int_equal(number(report, "file_bytes"), bytes.size);
    hg_buffer_deinit(&bytes);
    expect_hash(report, "com", "com_hlora_weights.bin");
    expect_hash(report, "vqgan", "vqgan/last.ckpt");
    json_decref(report);
}

static void test_adapter_package(void **state)
{
    (void)state;
    package_path model = package_tiny_path("m3"), base = package_path_of("tiny-phi3.gguf"),
                 out = package_path_of("adapter.gguf");
    llama_base_make(&base);
    hg_convert_request request = package_request(&model, "keep", &out);
    request.base = base.text;
    request.adapters_only = true;
    package_convert(&request);
    json_t *report = inspect(out.text, false);
    expect_text(report, "format", "adapter package");
    expect_text(report, "base_file", "tiny-phi3.gguf");
    expect_text(part_of(report, "base"), "path", base.text);
    expect_task(report, "ask", NULL);
    json_decref(report);

    assert_int_equal(unlink(base.text), 0);
    report = inspect(out.text, false);
    expect_problem(report, "its base model 'tiny-phi3.gguf' must lie in the same folder");
    expect_task(report, "ask", "missing: base/");
    assert_int_equal(number(part_of(report, "com"), "tensors_count"), 40);
    json_decref(report);
}

static void test_declares_nothing(void **state)
{
    (void)state;
    json_t *report = inspect(package_tiny_path("l14").text, false);
    assert_false(json_is_true(json_object_get(report, "tasks_declared")));
    expect_task(report, "reconstruct", NULL);
    expect_task(report, "mri-to-ct", "does not say what it was trained for");
    json_decref(report);
}

static void test_no_generation(void **state)
{
    (void)state;
    package_path out = package_make("xl32", "keep", "xl32.gguf");
    const package_path paths[] = {package_tiny_path("xl32"), out};
    for (size_t i = 0; i < 2; i++) {
        json_t *report = inspect(paths[i].text, false);
        expect_task(report, "ask", NULL);
        expect_task(report, "reconstruct", "missing: gen_hlora_weights");
        assert_int_equal(json_object_size(part_of(report, "gen")), 0);
        json_decref(report);
    }
}

static void test_file(void **state)
{
    (void)state;
    json_t *report = inspect(package_tiny_path("m3/com_hlora_weights.bin").text, true);
    expect_text(report, "kind", "PyTorch");
    assert_null(json_object_get(report, "parts"));
    assert_int_equal(number(json_object_get(report, "types"), "f16"), 40);
    assert_int_equal(json_array_size(json_object_get(report, "tensors")), 40);
    json_decref(report);
}

/* ---- models with something wrong ---- */

static void test_broken_settings(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new_text, *problem;
    } changes[] = {
        {"healthgpt.version", "healthgpt.versiom", "healthgpt.version"},
        {"healthgpt.block_count", "healthgpt.block_coumt", "healthgpt.block_count"},
        {"tokenizer.ggml.tokens", "tokenizer.ggml.tokems", "tokenizer.ggml.tokens"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        package_path out = package_make("m3", "keep", "m3.gguf");
        patch(&out, changes[i].old, changes[i].new_text);
        json_t *report = inspect(out.text, true);
        expect_problem(report, changes[i].problem);
        expect_task(report, "ask", "cannot be opened");
        expect_task(report, "reconstruct", "cannot be opened");
        assert_int_equal(number(report, "tensors_count"), 389);
        json_decref(report);
    }
}

/* A tensor that the model needs under another name: nothing is missing by the look of it. */
static void test_missing_tensor(void **state)
{
    (void)state;
    package_path out = package_make("m3", "keep", "m3.gguf");
    patch(&out, "blk.1.ffn_down.weight", "blk.1.ffn_dowm.weight");
    json_t *report = inspect(out.text, false);
    expect_problem(report, "model.layers.1.mlp.down_proj.weight");
    expect_task(report, "ask", "cannot be opened");
    assert_int_equal(number(part_of(report, "base"), "tensors_count"), 20);
    json_decref(report);
}

static void test_not_utf8(void **state)
{
    (void)state;
    package_path out = package_make("m3", "keep", "m3.gguf");
    patch(&out, "tiny-m3", "ti\xffy\x1bm3");
    json_t *report = inspect(out.text, true);
    expect_text(report, "name", "ti\xef\xbf\xbdy\x1bm3");
    json_decref(report);
}

static void test_broken_folders(void **state)
{
    (void)state;
    package_path folder = copy_of_m3(), com = package_path_of("m3/com_hlora_weights.bin"),
                 manifest = package_path_of("m3/healthgpt.json"),
                 config = package_path_of("m3/base/config.json");
    package_write(&com, "no weights", 10);
    json_t *report = inspect(folder.text, false);
    expect_text(part_of(report, "com"), "problem", "com_hlora_weights.bin");
    expect_problem(report, "com_hlora_weights.bin");
    expect_task(report, "ask", "cannot be opened");
    json_decref(report);

    assert_int_equal(unlink(com.text), 0);
    report = inspect(folder.text, false);
    expect_task(report, "ask", "missing: com_hlora_weights");
    expect_task(report, "reconstruct", NULL);
    json_decref(report);

    package_write(&manifest, "{", 1);
    report = inspect(folder.text, false);
    expect_problem(report, "healthgpt.json");
    json_decref(report);

    package_write(&config, "{}", 2);
    report = inspect(folder.text, false);
    expect_problem(report, "config.json");
    assert_null(json_object_get(report, "base"));
    assert_null(json_object_get(report, "memory"));
    json_decref(report);
}

static void test_refusals(void **state)
{
    (void)state;
    package_path package = package_make("xl32", "keep", "xl32.gguf");
    hg_buffer bytes = package_read(&package);
    package_write(&package, bytes.data, bytes.size / 2);
    hg_buffer_deinit(&bytes);
    expect_refused(package.text, "xl32.gguf");
    expect_refused("/nowhere/at/all", "no such folder");
    expect_refused(package_tiny_path("image.png").text, "image.png");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_folder),           TEST(test_package),        TEST(test_adapter_package),
        TEST(test_declares_nothing), TEST(test_no_generation),  TEST(test_file),
        TEST(test_broken_settings),  TEST(test_missing_tensor), TEST(test_not_utf8),
        TEST(test_broken_folders),   TEST(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
