/* SPDX-License-Identifier: Apache-2.0
 *
 * test_package_round_trip.c: what comes out of a package is what PyTorch gets from the released files;
 * packages of packages, packages beside their base model, and that threads change nothing.
 */
#include "formats/tensor_file.h"
#include "llama_base.h"
#include "package_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The tiny weights are 16 bits or f32, so that f32 and keep lose nothing. */
static void round_trip(const char *model, const char *type, bool draws)
{
    package_path path = package_make(model, type, "model.gguf");
    package_expect_golden(&path, model, draws);
}

static void test_m3(void **state)
{
    (void)state;
    round_trip("m3", "keep", true);
    round_trip("m3", "f32", true);
    round_trip("m3", "bf16", true);
}

static void test_l14(void **state)
{
    (void)state;
    round_trip("l14", "keep", true);
    round_trip("l14", "f32", true);
    round_trip("l14", "bf16", true);
}

static void test_xl32(void **state)
{
    (void)state;
    round_trip("xl32", "keep", false);
    round_trip("xl32", "f32", false);
    round_trip("xl32", "bf16", false);
}

/* Nothing of the folder is needed any more, and the package may lie anywhere. */
static void test_moved_package(void **state)
{
    (void)state;
    package_path made = package_make("m3", "keep", "model.gguf"), moved = package_path_of("renamed");
    assert_int_equal(rename(made.text, moved.text), 0);
    package_expect_golden(&moved, "m3", true);
}

static void test_every_type_answers(void **state)
{
    (void)state;
    static const char *const types[] = {NULL, "f16", "q8_0", "q6_k", "q4_0", "q4_k"};
    static const char *const models[] = {"m3", "l14", "xl32"};
    for (size_t m = 0; m < 3; m++) {
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            package_path path = package_make(models[m], types[i], "model.gguf");
            package_expect_answer(&path);
        }
    }
}

/* Routers have no type of their own to ask for: 16-bit ones stay what they are, f32 ones become f16. */
static void expect_same_router(const char *name, const hg_tensor *stored, const hg_tensor *rounded)
{
    float values[1024];
    uint16_t halves[1024];
    int64_t n = hg_tensor_count(stored);
    assert_in_range(n, 1, 1024);
    assert_int_equal(hg_tensor_count(rounded), n);
    hg_dtype_to_real(stored->dtype, n, stored->data, values);
    hg_dtype_from_real(HG_DTYPE_F16, n, values, halves);
    if (rounded->dtype != HG_DTYPE_F16 || memcmp(halves, rounded->data, (size_t)n * sizeof *halves) != 0)
        fail_msg("%s differs", name);
}

static void expect_same_tensors(const package_path *a, const package_path *b)
{
    hg_tensor_file *left, *right;
    assert_int_equal(hg_tensor_file_open(&left, a->text, NULL), HG_STATUS_OK);
    assert_int_equal(hg_tensor_file_open(&right, b->text, NULL), HG_STATUS_OK);
    size_t n = hg_tensor_file_n_tensors(left), n_blocks = 0;
    assert_int_equal(hg_tensor_file_n_tensors(right), n);
    for (size_t i = 0; i < n; i++) {
        const hg_named_tensor *x = hg_tensor_file_get(left, i);
        const hg_tensor *y = hg_tensor_file_find(right, x->name);
        assert_non_null(y);
        if (strstr(x->name, "lora_route") != NULL) {
            expect_same_router(x->name, &x->tensor, y);
            continue;
        }
        if (y->dtype != x->tensor.dtype || y->n_dims != x->tensor.n_dims)
            fail_msg("%s differs in type or shape", x->name);
        assert_memory_equal(y->shape, x->tensor.shape, (size_t)y->n_dims * sizeof *y->shape);
        if (memcmp(y->data, x->tensor.data, hg_tensor_bytes(y)) != 0)
            fail_msg("%s differs in its data", x->name);
        n_blocks += hg_dtype_is_quantised(y->dtype) ? 1 : 0;
    }
    assert_in_range(n_blocks, 1, n);
    hg_tensor_file_close(left);
    hg_tensor_file_close(right);
}

static void test_package_of_a_package(void **state)
{
    (void)state;
    static const char *const models[] = {"m3", "l14", "xl32"};
    for (size_t i = 0; i < 3; i++) {
        package_path folder = package_tiny_path(models[i]),
                     plain = package_make(models[i], "f32", "f32.gguf"),
                     direct = package_path_of("direct.gguf"), twice = package_path_of("twice.gguf");
        hg_convert_request request = package_request(&folder, "q8_0", &direct);
        /* 16-bit weights stay what they are, which f32 ones cannot: all others are asked for as f32. */
        request.types = (hg_package_types){
            .type = "q8_0", .embed = "q4_0", .head = "q4_0", .hlora = "f32", .clip = "f32", .vqgan = "f32"};
        hg_convert_result a = package_convert(&request);
        request.model = plain.text;
        request.out = twice.text;
        hg_convert_result b = package_convert(&request);
        assert_int_equal(a.n_tensors, b.n_tensors);
        assert_int_equal(a.n_fallback, b.n_fallback);
        assert_memory_equal(a.n_by_part, b.n_by_part, sizeof a.n_by_part);
        expect_same_tensors(&direct, &twice);
    }
}

/* A package made in place of the one it is made from. */
static void test_package_over_itself(void **state)
{
    (void)state;
    package_path path = package_make("m3", "f32", "model.gguf"), other = package_path_of("other.gguf");
    hg_convert_request request = package_request(&path, "keep", &other);
    package_convert(&request);
    request.out = path.text;
    package_convert(&request);
    hg_buffer a = package_read(&path), b = package_read(&other);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    hg_buffer_deinit(&a);
    hg_buffer_deinit(&b);
    package_expect_golden(&path, "m3", false);
}

static void test_threads_do_not_change_the_file(void **state)
{
    (void)state;
    static const char *const types[] = {"keep", "q8_0", "q4_k"};
    for (size_t i = 0; i < 3; i++) {
        package_path folder = package_tiny_path("m3"), one = package_path_of("one.gguf"),
                     four = package_path_of("four.gguf");
        hg_convert_request request = package_request(&folder, types[i], &one);
        request.n_threads = 1;
        package_convert(&request);
        request.n_threads = 4;
        request.out = four.text;
        hg_convert_result result = package_convert(&request);
        hg_buffer a = package_read(&one), b = package_read(&four);
        assert_int_equal(a.size, b.size);
        assert_int_equal(a.size, result.file_bytes);
        assert_memory_equal(a.data, b.data, a.size);
        hg_buffer_deinit(&a);
        hg_buffer_deinit(&b);
    }
}

/* ---- base models of llama.cpp ---- */

static hg_convert_request request_on_base(const package_path *folder, const package_path *base,
                                          const package_path *out)
{
    hg_convert_request request = package_request(folder, "keep", out);
    request.base = base->text;
    return request;
}

static void test_llama_base(void **state)
{
    (void)state;
    package_path folder = package_tiny_path("m3"), base = package_path_of("tiny-phi3.gguf"),
                 out = package_path_of("model.gguf");
    llama_base_make(&base);
    const hg_convert_request request = request_on_base(&folder, &base, &out);
    package_convert(&request);
    assert_int_equal(unlink(base.text), 0);
    package_expect_golden(&out, "m3", true);
}

static void test_adapter_beside_its_base(void **state)
{
    (void)state;
    package_path folder = package_tiny_path("m3"), base = package_path_of("tiny-phi3.gguf"),
                 out = package_path_of("adapter.gguf");
    llama_base_make(&base);
    hg_convert_request request = request_on_base(&folder, &base, &out);
    request.adapters_only = true;
    hg_convert_result result = package_convert(&request);
    assert_int_equal(result.n_by_part[0], 0);
    package_expect_golden(&out, "m3", true);
    assert_int_equal(unlink(base.text), 0);
    package_expect_refused(&out, "its base model 'tiny-phi3.gguf' must lie in the same folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_m3),
        TEST(test_l14),
        TEST(test_xl32),
        TEST(test_moved_package),
        TEST(test_every_type_answers),
        TEST(test_package_of_a_package),
        TEST(test_package_over_itself),
        TEST(test_threads_do_not_change_the_file),
        TEST(test_llama_base),
        TEST(test_adapter_beside_its_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
