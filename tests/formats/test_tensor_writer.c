/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_writer.c: what is written is read back with the same names, shapes and values; the PyTorch
 * files pass libzip's consistency check and have, to the byte, the size of the released files.
 */
#include "base/file.h"
#include "format_deltas.h"
#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>

static const hg_tensor_spec specs[] = {
    {"model.a", HG_DTYPE_F16, 2, {2, 3, 1, 1}},   {"empty", HG_DTYPE_F32, 2, {0, 4, 1, 1}},
    {"model.b", HG_DTYPE_F32, 1, {300, 1, 1, 1}}, {"c", HG_DTYPE_BF16, 4, {1, 2, 3, 5}},
    {"d", HG_DTYPE_F32, 3, {1, 1, 70000, 1}},
};

#define N_SPECS (sizeof specs / sizeof specs[0])

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hg_tensor_writer_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/out.bin", folder);
    return 0;
}

/* Also sees that nothing else was left in the folder. */
static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static size_t data_bytes(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_SPECS; i++) {
        hg_tensor t = hg_tensor_make(specs[i].dtype, specs[i].n_dims, specs[i].shape, NULL);
        n += (size_t)hg_tensor_count(&t) * hg_dtype_bytes(t.dtype);
    }
    return n;
}

/* Writes all data in pieces of `piece` bytes. */
static void write_all(hg_tensor_writer *w, size_t piece)
{
    size_t n = data_bytes();
    hg_error err = {.text = ""};
    uint8_t *data = malloc(n);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++)
        data[i] = byte_at(i);
    for (size_t at = 0; at < n; at += piece) {
        if (hg_tensor_writer_write(w, data + at, n - at < piece ? n - at : piece, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
    }
    free(data);
    uint64_t bytes = hg_tensor_writer_file_bytes(w);
    if (hg_tensor_writer_finish(w, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_tensor_writer_destroy(w);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), bytes);
    fclose(file);
}

static void check_file(hg_tensor_file_kind kind)
{
    hg_tensor_file *f;
    hg_error err = {.text = ""};
    if (hg_tensor_file_open(&f, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hg_tensor_file_get_kind(f), kind);
    assert_int_equal(hg_tensor_file_n_tensors(f), N_SPECS);
    size_t at = 0;
    for (size_t i = 0; i < N_SPECS; i++) {
        const hg_tensor *t = hg_tensor_file_find(f, specs[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, specs[i].dtype);
        assert_int_equal(t->n_dims, specs[i].n_dims);
        assert_memory_equal(t->shape, specs[i].shape, (size_t)t->n_dims * sizeof t->shape[0]);
        const uint8_t *data = t->data;
        for (size_t k = 0; k < (size_t)hg_tensor_count(t) * hg_dtype_bytes(t->dtype); k++)
            assert_int_equal(data[k], byte_at(at++));
    }
    hg_tensor_file_close(f);
}

static void test_safetensors(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 997, 1 << 20};
    for (size_t i = 0; i < 3; i++) {
        hg_tensor_writer *w;
        hg_error err;
        assert_int_equal(hg_safetensors_writer_create(&w, path, specs, N_SPECS, &err), HG_STATUS_OK);
        write_all(w, pieces[i]);
        check_file(HG_TENSOR_FILE_SAFETENSORS);
    }
}

/* libzip checks directory against headers, and every checksum while it reads. */
static void check_zip(void)
{
    static char content[4096];
    int reason = 0;
    zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &reason);
    assert_int_equal(reason, 0);
    assert_non_null(archive);
    zip_int64_t n = zip_get_num_entries(archive, 0);
    assert_int_equal(n, N_SPECS + 2);
    for (zip_int64_t i = 0; i < n; i++) {
        zip_file_t *file = zip_fopen_index(archive, (zip_uint64_t)i, 0);
        zip_int64_t got;
        assert_non_null(file);
        do
            got = zip_fread(file, content, sizeof content);
        while (got > 0);
        assert_int_equal(got, 0);
        zip_fclose(file);
    }
    assert_int_equal(zip_name_locate(archive, "my_root/data.pkl", 0), 0);
    assert_int_equal(zip_name_locate(archive, "my_root/version", 0), n - 1);
    zip_close(archive);
}

static void test_torch(void **state)
{
    (void)state;
    hg_tensor_writer *w;
    hg_error err;
    assert_int_equal(hg_torch_writer_create(&w, path, "my_root", specs, N_SPECS, &err), HG_STATUS_OK);
    write_all(w, 997);
    check_file(HG_TENSOR_FILE_TORCH);
    check_zip();
}

/* The size of a PyTorch file of these tensors, without writing it. */
static uint64_t torch_bytes(const char *root, const hg_tensor_spec *tensors, size_t n)
{
    hg_tensor_writer *w;
    hg_error err = {.text = ""};
    if (hg_torch_writer_create(&w, path, root, tensors, n, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    uint64_t bytes = hg_tensor_writer_file_bytes(w);
    hg_tensor_writer_destroy(w);
    return bytes;
}

/* fusion_layer_weights.bin of HealthGPT-M3: 494,052,503 bytes. */
static void test_released_fusion_size(void **state)
{
    (void)state;
    static const hg_tensor_spec fusion[] = {
        {"base_model.model.model.embed_tokens.weight", HG_DTYPE_F16, 2, {40206, 3072, 1, 1}},
        {"base_model.model.lm_head.weight", HG_DTYPE_F16, 2, {40206, 3072, 1, 1}}};
    assert_int_equal(torch_bytes("non_lora_trainables", fusion, 2), 494052503);
}

static void add_spec(hg_tensor_spec *spec, char *name, size_t capacity, const char *text, int n_dims,
                     int64_t rows, int64_t columns)
{
    snprintf(name, capacity, "base_model.model.model.%s", text);
    *spec = (hg_tensor_spec){name, HG_DTYPE_F16, n_dims, {rows, columns, 1, 1}};
}

/* com_hlora_weights.bin of HealthGPT-M3: 231,096,349 bytes. */
static void test_released_hlora_size(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t in, out;
    } modules[] = {{"self_attn.qkv_proj", 3072, 9216},
                   {"self_attn.o_proj", 3072, 3072},
                   {"mlp.gate_up_proj", 3072, 16384},
                   {"mlp.down_proj", 8192, 3072}};
    static hg_tensor_spec tensors[388];
    static char names[388][160], text[128];
    size_t n = 0;
    for (int layer = 0; layer < 32; layer++) {
        for (size_t m = 0; m < 4; m++) {
            snprintf(text, sizeof text, "layers.%d.%s.lora_route.weight", layer, modules[m].name);
            add_spec(&tensors[n], names[n], sizeof names[0], text, 2, 4, modules[m].in);
            snprintf(text, sizeof text, "layers.%d.%s.lora_A.weight", layer, modules[m].name);
            add_spec(&tensors[n + 1], names[n + 1], sizeof names[0], text, 2, 64, modules[m].in);
            snprintf(text, sizeof text, "layers.%d.%s.lora_B.weight", layer, modules[m].name);
            add_spec(&tensors[n + 2], names[n + 2], sizeof names[0], text, 2, modules[m].out, 64);
            n += 3;
        }
    }
    add_spec(&tensors[384], names[384], sizeof names[0], "mm_projector.0.weight", 2, 3072, 1024);
    add_spec(&tensors[385], names[385], sizeof names[0], "mm_projector.0.bias", 1, 3072, 1);
    add_spec(&tensors[386], names[386], sizeof names[0], "mm_projector.2.weight", 2, 3072, 3072);
    add_spec(&tensors[387], names[387], sizeof names[0], "mm_projector.2.bias", 1, 3072, 1);
    assert_int_equal(torch_bytes("adapter_model", tensors, 388), 231096349);
}

static void check_refused(const hg_tensor_spec *bad, size_t n, const char *root, const char *expected)
{
    hg_tensor_writer *w;
    hg_error err = {.text = "no error"};
    hg_status status = root == NULL ? hg_safetensors_writer_create(&w, path, bad, n, &err)
                                    : hg_torch_writer_create(&w, path, root, bad, n, &err);
    format_check_text(&err, expected);
    assert_int_equal(status, HG_STATUS_USAGE);
    assert_null(w);
    assert_false(hg_file_exists(path));
}

static void test_bad_specs(void **state)
{
    (void)state;
    static const hg_tensor_spec twice[] = {{"a", HG_DTYPE_F32, 1, {1, 1, 1, 1}},
                                           {"a", HG_DTYPE_F32, 1, {1, 1, 1, 1}}};
    static const hg_tensor_spec quote = {"a\"b", HG_DTYPE_F32, 1, {1, 1, 1, 1}};
    static const hg_tensor_spec wide = {"a", HG_DTYPE_F64, 1, {1, 1, 1, 1}};
    static const hg_tensor_spec blocks = {"a", HG_DTYPE_Q8_0, 2, {2, 32, 1, 1}};
    static const hg_tensor_spec negative = {"a", HG_DTYPE_F32, 1, {-1, 1, 1, 1}};
    static const hg_tensor_spec huge = {"a", HG_DTYPE_F32, 2, {40000, 40000, 1, 1}};
    static const hg_tensor_spec nameless = {"", HG_DTYPE_F32, 1, {1, 1, 1, 1}};
    check_refused(twice, 2, NULL, "two tensors are named 'a'");
    check_refused(&quote, 1, NULL, "has other than plain characters");
    check_refused(&wide, 1, NULL, "type f64 is not written");
    check_refused(&blocks, 1, NULL, "type q8_0 is not written");
    check_refused(&blocks, 1, "r", "type q8_0 is not written");
    check_refused(&negative, 1, NULL, "tensor 'a': bad shape");
    check_refused(&nameless, 1, "r", "a tensor's name has 0 bytes");
    check_refused(&huge, 1, "r", "the tensors take 4 GB or more");
    check_refused(specs, 1, "a/b", "'a/b' cannot be the root folder");
    check_refused(specs, 1, "", "'' cannot be the root folder");
}

static void test_wrong_amount(void **state)
{
    (void)state;
    hg_tensor_writer *w;
    hg_error err;
    static const uint8_t data[16];
    assert_int_equal(hg_torch_writer_create(&w, path, "r", specs, 1, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_writer_write(w, data, 5, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_writer_finish(w, &err), HG_STATUS_USAGE);
    format_check_text(&err, "tensor 'model.a' still wants 7 bytes");
    assert_int_equal(hg_tensor_writer_write(w, data, 8, &err), HG_STATUS_USAGE);
    format_check_text(&err, "1 bytes more than the tensors take");
    hg_tensor_writer_destroy(w);
    assert_false(hg_file_exists(path));
}

static void test_no_folder(void **state)
{
    (void)state;
    hg_tensor_writer *w;
    hg_error err;
    assert_int_equal(hg_safetensors_writer_create(&w, "/nonexistent/x.safetensors", specs, 1, &err),
                     HG_STATUS_FAILED);
    format_check_text(&err, "/nonexistent/x.safetensors: cannot write");
    assert_null(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_safetensors),
                                       TEST(test_torch),
                                       TEST(test_released_fusion_size),
                                       TEST(test_released_hlora_size),
                                       TEST(test_bad_specs),
                                       TEST(test_wrong_amount),
                                       TEST(test_no_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
