/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_types.c: which tensor gets which type: roles by released name, defaults, wishes, and rows that
 * fit no blocks.
 */
#include "package/tensor_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static hg_tensor tensor_of(hg_dtype dtype, int n_dims, int64_t columns)
{
    hg_tensor t = {.dtype = dtype, .n_dims = n_dims, .shape = {columns, columns, columns, columns}};
    return t;
}

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        hg_part part;
        const char *name;
        int n_dims;
        hg_tensor_role role;
    } cases[] = {
        {HG_PART_BASE, "model.embed_tokens.weight", 2, HG_TENSOR_ROLE_EMBED},
        {HG_PART_BASE, "lm_head.weight", 2, HG_TENSOR_ROLE_HEAD},
        {HG_PART_BASE, "model.layers.3.mlp.down_proj.weight", 2, HG_TENSOR_ROLE_LINEAR},
        {HG_PART_BASE, "model.layers.3.input_layernorm.weight", 1, HG_TENSOR_ROLE_VECTOR},
        {HG_PART_BASE, "model.layers.3.self_attn.q_proj.bias", 1, HG_TENSOR_ROLE_VECTOR},
        {HG_PART_FUSION, "base_model.model.model.embed_tokens.weight", 2, HG_TENSOR_ROLE_EMBED},
        {HG_PART_FUSION, "base_model.model.lm_head.weight", 2, HG_TENSOR_ROLE_HEAD},
        {HG_PART_COM, "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight", 2, HG_TENSOR_ROLE_HLORA},
        {HG_PART_GEN, "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight", 2, HG_TENSOR_ROLE_HLORA},
        {HG_PART_GEN, "base_model.model.model.layers.0.mlp.down_proj.lora_route.weight", 2,
         HG_TENSOR_ROLE_ROUTER},
        {HG_PART_COM, "base_model.model.model.mm_projector.2.weight", 2, HG_TENSOR_ROLE_PROJECTOR},
        {HG_PART_COM, "base_model.model.model.mm_projector.2.bias", 1, HG_TENSOR_ROLE_VECTOR},
        {HG_PART_CLIP, "vision_model.embeddings.position_embedding.weight", 2, HG_TENSOR_ROLE_VECTOR},
        {HG_PART_CLIP, "vision_model.encoder.layers.0.mlp.fc1.weight", 2, HG_TENSOR_ROLE_CLIP},
        {HG_PART_VQGAN, "decoder.conv_in.weight", 4, HG_TENSOR_ROLE_VQGAN},
        {HG_PART_VQGAN, "decoder.norm_out.weight", 1, HG_TENSOR_ROLE_VECTOR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const hg_tensor t = tensor_of(HG_DTYPE_F32, cases[i].n_dims, 256);
        assert_int_equal(hg_tensor_role_get(cases[i].part, cases[i].name, &t), cases[i].role);
    }
}

static hg_dtype choose(const hg_package_types *names, hg_tensor_role role, hg_dtype dtype, int64_t columns,
                       bool *fallback)
{
    hg_tensor_types types;
    const hg_tensor t = tensor_of(dtype, 2, columns);
    assert_int_equal(hg_tensor_types_init(&types, names, NULL), HG_STATUS_OK);
    return hg_tensor_types_choose(&types, role, &t, fallback);
}

static void test_defaults_and_wishes(void **state)
{
    (void)state;
    bool fallback;
    const hg_package_types none = {.type = NULL}, q8 = {.type = "q8_0"},
                           mixed = {.type = "q8_0", .embed = "f32", .clip = "q4_0"},
                           keep = {.type = "keep", .head = "q6_k"};
    assert_int_equal(choose(&none, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_BF16, 256, &fallback), HG_DTYPE_Q4_K);
    assert_false(fallback);
    for (int role = 0; role < HG_TENSOR_ROLE_COUNT; role++) {
        static const char *const plain[] = {"f32", "f16", "bf16", "q8_0", "q6_k", "q4_0", "q4_k"};
        for (size_t i = 0; i < 7; i++) { /* vectors stay exact, pictures never get blocks */
            hg_dtype got = choose(&(hg_package_types){.type = plain[i]}, (hg_tensor_role)role, HG_DTYPE_F32,
                                  256, &fallback);
            if (role == HG_TENSOR_ROLE_VECTOR)
                assert_int_equal(got, HG_DTYPE_F32);
            if (role == HG_TENSOR_ROLE_VQGAN)
                assert_false(hg_dtype_is_quantised(got));
            if (role == HG_TENSOR_ROLE_LINEAR)
                assert_string_equal(hg_dtype_name(got), plain[i]);
        }
    }
    assert_int_equal(choose(&mixed, HG_TENSOR_ROLE_EMBED, HG_DTYPE_F16, 256, &fallback), HG_DTYPE_F32);
    assert_int_equal(choose(&mixed, HG_TENSOR_ROLE_CLIP, HG_DTYPE_F16, 256, &fallback), HG_DTYPE_Q4_0);
    assert_int_equal(choose(&mixed, HG_TENSOR_ROLE_PROJECTOR, HG_DTYPE_F16, 256, &fallback), HG_DTYPE_Q4_0);
    assert_int_equal(choose(&q8, HG_TENSOR_ROLE_HEAD, HG_DTYPE_F32, 256, &fallback), HG_DTYPE_Q8_0);
    assert_int_equal(choose(&keep, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_Q4_0, 256, &fallback), HG_DTYPE_Q4_0);
    assert_int_equal(choose(&keep, HG_TENSOR_ROLE_HEAD, HG_DTYPE_BF16, 256, &fallback), HG_DTYPE_Q6_K);
    /* one kind of 16 bits for the other: stays */
    assert_int_equal(
        choose(&(hg_package_types){.type = "f16"}, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_BF16, 256, &fallback),
        HG_DTYPE_BF16);
}

static void test_rows_that_fit_no_blocks(void **state)
{
    (void)state;
    bool fallback = false;
    const hg_package_types q4 = {.type = "q4_k"};
    assert_int_equal(choose(&q4, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_F32, 512, &fallback), HG_DTYPE_Q4_K);
    assert_false(fallback);
    assert_int_equal(choose(&q4, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_F32, 96, &fallback), HG_DTYPE_Q8_0);
    assert_true(fallback);
    assert_int_equal(choose(&q4, HG_TENSOR_ROLE_LINEAR, HG_DTYPE_F32, 100, &fallback), HG_DTYPE_F16);
    assert_true(fallback);
}

static void test_refused(void **state)
{
    (void)state;
    static const hg_package_types bad[] = {{.type = "q5_0"},  {.type = ""},      {.type = "Q8_0"},
                                           {.type = "f64"},   {.head = "none"},  {.clip = "f64"},
                                           {.embed = "q4"},   {.hlora = " f32"}, {.vqgan = "q8_0"},
                                           {.vqgan = "q4_k"}, {.vqgan = "blah"}};
    hg_tensor_types types;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hg_tensor_types_init(&types, &bad[i], NULL), HG_STATUS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles), cmocka_unit_test(test_defaults_and_wishes),
        cmocka_unit_test(test_rows_that_fit_no_blocks), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
