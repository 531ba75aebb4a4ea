/* SPDX-License-Identifier: Apache-2.0
 *
 * test_export.c: exported parts are tensor by tensor those of the released files that a package was made
 * from, and a folder made of nothing but exported files is the model that PyTorch knows.
 */
#include "formats/tensor_file.h"
#include "package_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct released_part {
    const char *name, *file; /* in the folder of the tiny model */
    size_t n_tensors;        /* of m3, without what no model uses; counted with PyTorch */
} released_parts[] = {
    {"com", "com_hlora_weights.bin", 40},      {"gen", "gen_hlora_weights.bin", 40},
    {"fusion", "fusion_layer_weights.bin", 2}, {"clip", "clip/pytorch_model.bin", 71},
    {"vqgan", "vqgan/last.ckpt", 215},         {"base", "base", 21},
};

#define N_PARTS (sizeof released_parts / sizeof *released_parts)

static hg_tensor_set *open_set(const char *path)
{
    hg_tensor_set *set = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = hg_folder_exists(path) ? hg_tensor_set_open_folder(&set, path, &err)
                                              : hg_tensor_set_open_file(&set, path, &err);
    if (status != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return set;
}

static hg_tensor_set *open_released(const char *model, const char *file)
{
    char name[HG_PATH_BYTES];
    snprintf(name, sizeof name, "%s/%s", model, file);
    return open_set(package_tiny_path(name).text);
}

static size_t export_part(const char *model, const char *part, const char *type, const package_path *out)
{
    size_t n = 0;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_export_request request = {
        .model = model, .part = part, .out = out->text, .type = type, .n_threads = 2};
    if (hg_model_export(&request, &n, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return n;
}

/* |a - b| / |b| */
static double distance(const hg_tensor *a, const hg_tensor *b)
{
    int64_t n = hg_tensor_count(b);
    hg_real *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
    double difference = 0, size = 0;
    assert_non_null(x);
    assert_non_null(y);
    hg_dtype_to_real(a->dtype, n, a->data, x);
    hg_dtype_to_real(b->dtype, n, b->data, y);
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        size += (double)y[i] * (double)y[i];
    }
    free(x);
    free(y);
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

/* Every exported tensor is a released one of the same shape. `tolerance` 0: the same numbers. */
static void expect_same(const char *path, const char *model, const char *file, bool same_type,
                        double tolerance)
{
    hg_tensor_set *got = open_set(path), *want = open_released(model, file);
    for (size_t i = 0; i < hg_tensor_set_n_tensors(got); i++) {
        const hg_named_tensor *t = hg_tensor_set_get(got, i);
        const hg_tensor *released = hg_tensor_set_find(want, t->name);
        if (released == NULL)
            fail_msg("%s: '%s' is no released tensor", path, t->name);
        assert_int_equal(t->tensor.n_dims, released->n_dims);
        assert_memory_equal(t->tensor.shape, released->shape,
                            (size_t)released->n_dims * sizeof released->shape[0]);
        if (same_type)
            assert_int_equal(t->tensor.dtype, released->dtype);
        double d = distance(&t->tensor, released);
        if (!(d <= tolerance))
            fail_msg("%s: '%s' is %g off", path, t->name, d);
    }
    hg_tensor_set_close(got);
    hg_tensor_set_close(want);
}

static void export_and_compare(const char *model, const char *package, bool same_type, double tolerance)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        const struct released_part *p = &released_parts[i];
        for (int torch = 0; torch < 2; torch++) {
            char name[64];
            snprintf(name, sizeof name, "%s.%s", p->name, torch ? "bin" : "safetensors");
            package_path out = package_path_of(name);
            assert_int_equal(export_part(package, p->name, NULL, &out), p->n_tensors);
            expect_same(out.text, model, p->file, same_type, tolerance);
        }
    }
}

static void test_from_kept_types(void **state)
{
    (void)state;
    package_path package = package_make("m3", "keep", "m3.gguf");
    export_and_compare("m3", package.text, true, 0);
}

static void test_from_f32(void **state)
{
    (void)state;
    package_path package = package_make("m3", "f32", "m3.gguf"), out = package_path_of("com.bin");
    export_and_compare("m3", package.text, false, 0);
    export_part(package.text, "com", "f16", &out); /* back to the released type: nothing was lost */
    expect_same(out.text, "m3", "com_hlora_weights.bin", true, 0);
}

static void test_from_folder(void **state)
{
    (void)state;
    export_and_compare("m3", package_tiny_path("m3").text, true, 0);
}

/* Codes of 8 bits: an error of at most half a step of max / 127. */
static void test_blocks_become_f16(void **state)
{
    (void)state;
    package_path package = package_make("m3", "q8_0", "m3.gguf"), out = package_path_of("base.safetensors");
    export_part(package.text, "base", NULL, &out);
    expect_same(out.text, "m3", "base", false, 0.01);
    hg_tensor_set *set = open_set(out.text);
    const hg_tensor *t = hg_tensor_set_find(set, "model.layers.0.self_attn.qkv_proj.weight");
    assert_non_null(t);
    assert_int_equal(t->dtype, HG_DTYPE_F16);
    hg_tensor_set_close(set);
}

static void test_other_families(void **state)
{
    (void)state;
    static const char *const models[] = {"l14", "xl32"};
    for (size_t i = 0; i < 2; i++) {
        package_path package = package_make(models[i], "keep", "model.gguf"),
                     com = package_path_of("com.bin"), base = package_path_of("base.safetensors");
        export_part(package.text, "com", NULL, &com);
        expect_same(com.text, models[i], "com_hlora_weights.bin", true, 0);
        export_part(package.text, "base", NULL, &base);
        expect_same(base.text, models[i], "base", true, 0);
    }
}

/* The answers and pictures of a model whose every weight went through a package. */
static void test_exported_model_answers(void **state)
{
    (void)state;
    package_path package = package_make("m3", "f32", "m3.gguf"), folder = package_path_of("model");
    static const struct {
        const char *part, *file;
    } files[] = {{"base", "model/base/model.safetensors"},     {"clip", "model/clip/pytorch_model.bin"},
                 {"com", "model/com_hlora_weights.bin"},       {"gen", "model/gen_hlora_weights.safetensors"},
                 {"fusion", "model/fusion_layer_weights.bin"}, {"vqgan", "model/vqgan/vqgan.bin"}};
    char command[4 * HG_PATH_BYTES];
    snprintf(command, sizeof command,
             "cp -rL '%s' '%s' && cd '%s' && chmod -R u+w . && rm *.bin clip/*.bin vqgan/*.ckpt base/model*",
             package_tiny_path("m3").text, folder.text, folder.text);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        package_path out = package_path_of(files[i].file);
        export_part(package.text, files[i].part, NULL, &out);
    }
    package_expect_golden(&folder, "m3", true);
}

/* ---- refusals ---- */

static void expect_refused(const char *model, const char *part, const char *type, const char *out_name,
                           hg_status expected, const char *text)
{
    size_t n = 1;
    hg_error err = {HG_STATUS_OK, ""};
    package_path out = package_path_of(out_name);
    const hg_export_request request = {.model = model, .part = part, .out = out.text, .type = type};
    assert_int_equal(hg_model_export(&request, &n, &err), expected);
    assert_int_equal(n, 0);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
    assert_false(hg_file_exists(out.text));
}

static void test_refusals(void **state)
{
    (void)state;
    package_path m3 = package_tiny_path("m3"), xl32 = package_tiny_path("xl32"),
                 file = package_tiny_path("m3/com_hlora_weights.bin");
    expect_refused(m3.text, "paint", NULL, "x.bin", HG_STATUS_USAGE, "no part 'paint'");
    expect_refused(m3.text, "com", NULL, "x.gguf", HG_STATUS_USAGE, "must end in");
    expect_refused(m3.text, "com", "q8_0", "x.bin", HG_STATUS_USAGE, "no type 'q8_0'");
    expect_refused(m3.text, "com", "f64", "x.bin", HG_STATUS_USAGE, "no type 'f64'");
    expect_refused(xl32.text, "gen", NULL, "x.bin", HG_STATUS_INPUT, "no part gen");
    expect_refused(file.text, "com", NULL, "x.bin", HG_STATUS_INPUT, "not a HealthGPT package");
    expect_refused("/nowhere/at/all", "com", NULL, "x.bin", HG_STATUS_INPUT, "no such folder");
    expect_refused(m3.text, "com", NULL, "no/folder/x.bin", HG_STATUS_FAILED, "x.bin");
}

/* A file chooses its picture decoder's names, but not what is written under them. */
static void test_strange_name(void **state)
{
    (void)state;
    static const char name[] = "vq.decoder.conv_in.weight";
    package_path package = package_make("m3", "keep", "m3.gguf");
    hg_buffer bytes = package_read(&package);
    size_t at = 0;
    while (at + sizeof name <= bytes.size && memcmp(bytes.data + at, name, sizeof name - 1) != 0)
        at++;
    assert_true(at + sizeof name <= bytes.size);
    bytes.data[at + 12] = '"';
    package_write(&package, bytes.data, bytes.size);
    hg_buffer_deinit(&bytes);
    expect_refused(package.text, "vqgan", NULL, "x.safetensors", HG_STATUS_INPUT,
                   "other than plain characters");
}

static bool stop_at_once(void *user, const char *stage, int64_t done, int64_t total)
{
    (void)stage, (void)done, (void)total;
    ++*(int *)user;
    return false;
}

static void test_cancelled(void **state)
{
    (void)state;
    size_t n;
    int calls = 0;
    hg_error err = {HG_STATUS_OK, ""};
    package_path out = package_path_of("com.bin"), model = package_tiny_path("m3");
    const hg_export_request request = {
        .model = model.text, .part = "com", .out = out.text, .progress = {stop_at_once, &calls}};
    assert_int_equal(hg_model_export(&request, &n, &err), HG_STATUS_FAILED);
    assert_string_equal(err.text, "cancelled");
    assert_int_equal(calls, 1);
    assert_int_equal(package_count_files(""), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_kept_types),   TEST(test_from_f32),       TEST(test_from_folder),
        TEST(test_blocks_become_f16), TEST(test_other_families), TEST(test_exported_model_answers),
        TEST(test_refusals),          TEST(test_strange_name),   TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
