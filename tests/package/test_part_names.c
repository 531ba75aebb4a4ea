/* SPDX-License-Identifier: Apache-2.0
 *
 * test_part_names.c: llama.cpp's names as the gguf library has them (reference/make_part_names.py), and that
 * every tensor of the released models has one name that fits, and comes back from it.
 */
#include "package/part_names.h"

#include "base/buffer.h"
#include "base/file.h"
#include "package/weight_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_pair(hg_part part, hg_family family, const char *released, const char *packaged)
{
    char name[HG_PACKAGE_NAME_BYTES], back[HG_TENSOR_RENAME_BYTES];
    if (!hg_part_package_name(part, family, released, name) || strcmp(name, packaged) != 0)
        fail_msg("%s is not %s", released, packaged);
    if (!hg_part_released_name(part, family, packaged, back) || strcmp(back, released) != 0)
        fail_msg("%s is not %s", packaged, released);
}

static void test_library_names(void **state)
{
    (void)state;
    FILE *file = fopen(HG_TEST_DATA "/formats/part_names.txt", "r");
    char family[16], part[16], released[128], packaged[128];
    int n = 0;
    assert_non_null(file);
    for (; fscanf(file, "%15s %15s %127s %127s", family, part, released, packaged) == 4; n++)
        expect_pair(strcmp(part, "clip") == 0 ? HG_PART_CLIP : HG_PART_BASE,
                    strcmp(family, "phi3") == 0 ? HG_FAMILY_PHI3 : HG_FAMILY_QWEN2, released, packaged);
    fclose(file);
    assert_int_equal(n, 99);
}

/* What llama.cpp has no names for. */
static void test_own_names(void **state)
{
    (void)state;
#define PLUGIN "base_model.model.model."
    expect_pair(HG_PART_COM, HG_FAMILY_PHI3, PLUGIN "layers.0.self_attn.qkv_proj.lora_A.weight",
                "com.blk.0.attn_qkv.weight.lora_a");
    expect_pair(HG_PART_GEN, HG_FAMILY_PHI3, PLUGIN "layers.31.mlp.down_proj.lora_B.weight",
                "gen.blk.31.ffn_down.weight.lora_b");
    expect_pair(HG_PART_GEN, HG_FAMILY_QWEN2, PLUGIN "layers.63.mlp.gate_proj.lora_route.weight",
                "gen.blk.63.ffn_gate.weight.lora_route");
    expect_pair(HG_PART_COM, HG_FAMILY_PHI3, PLUGIN "mm_projector.2.bias", "com.mm.2.bias");
    expect_pair(HG_PART_FUSION, HG_FAMILY_PHI3, PLUGIN "embed_tokens.weight", "gen.token_embd.weight");
    expect_pair(HG_PART_FUSION, HG_FAMILY_PHI3, "base_model.model.lm_head.weight", "gen.output.weight");
    expect_pair(HG_PART_VQGAN, HG_FAMILY_PHI3, "decoder.up.3.upsample.conv.weight",
                "vq.decoder.up.3.upsample.conv.weight");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        hg_part part;
        hg_family family;
        const char *released;
    } names[] = {
        {HG_PART_BASE, HG_FAMILY_PHI3, ""},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.embed_tokens"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.embed_tokens.weight.x"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.0.self_attn.q_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.0.self_attn.qkv_proj.bias"},
        {HG_PART_BASE, HG_FAMILY_QWEN2, "model.layers.0.self_attn.qkv_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_QWEN2, "model.layers.0.self_attn.o_proj.bias"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.01.mlp.down_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.-1.mlp.down_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.12345.mlp.down_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers..mlp.down_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, "model.layers.#.mlp.down_proj.weight"},
        {HG_PART_BASE, HG_FAMILY_PHI3, PLUGIN "layers.0.mlp.down_proj.lora_A.weight"},
        {HG_PART_COM, HG_FAMILY_PHI3, PLUGIN "layers.0.mlp.down_proj.lora_C.weight"},
        {HG_PART_COM, HG_FAMILY_PHI3, PLUGIN "mm_projector.1.weight"},
        {HG_PART_CLIP, HG_FAMILY_PHI3, "text_model.final_layer_norm.weight"},
        {HG_PART_CLIP, HG_FAMILY_PHI3, "vision_model.embeddings.position_ids"},
        {HG_PART_VQGAN, HG_FAMILY_PHI3, "loss.discriminator.main.0.weight"},
    };
    char out[HG_TENSOR_RENAME_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (hg_part_package_name(names[i].part, names[i].family, names[i].released, out))
            fail_msg("'%s' became '%s'", names[i].released, out);
    }
    assert_false(hg_part_released_name(HG_PART_BASE, HG_FAMILY_PHI3, "com.mm.0.weight", out));
    assert_false(hg_part_released_name(HG_PART_COM, HG_FAMILY_PHI3, "gen.mm.0.weight", out));
    assert_false(hg_part_released_name(HG_PART_VQGAN, HG_FAMILY_PHI3, "decoder.conv_in.weight", out));
    assert_false(hg_part_released_name(HG_PART_VQGAN, HG_FAMILY_PHI3, "vq.loss.x", out));
    char long_name[400] = "decoder.";
    memset(long_name + 8, 'x', sizeof long_name - 9);
    assert_false(hg_part_package_name(HG_PART_VQGAN, HG_FAMILY_PHI3, long_name, out));
    long_name[64] = 0;
    assert_false(hg_part_package_name(HG_PART_VQGAN, HG_FAMILY_PHI3, long_name, out)); /* 67 with "vq." */
}

/* ---- whole models ---- */

/* Names of one package, over all its parts. */
static char seen[8192][HG_PACKAGE_NAME_BYTES];
static size_t n_seen;

static void expect_one_to_one(hg_part part, hg_family family, hg_weight_plan *plan, size_t n)
{
    assert_false(plan->failed);
    assert_int_equal(plan->n, n);
    for (size_t i = 0; i < plan->n; i++) {
        char *name = seen[n_seen++], back[HG_TENSOR_RENAME_BYTES];
        const char *released = plan->tensors[i].name;
        if (!hg_part_package_name(part, family, released, name))
            fail_msg("no name for %s", released);
        assert_in_range(strlen(name), 1, 63);
        if (!hg_part_released_name(part, family, name, back) || strcmp(back, released) != 0)
            fail_msg("%s does not come back from %s", released, name);
        for (hg_part other = HG_PART_BASE; other <= HG_PART_VQGAN; other++) {
            if (other != part && hg_part_released_name(other, family, name, back))
                fail_msg("%s belongs to two parts", name);
        }
    }
    hg_weight_plan_deinit(plan);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void check_model(hg_random_shape shape, size_t n_base, size_t n_plugin)
{
    hg_weight_plan plan = {.dtype = HG_DTYPE_BF16};
    const hg_family family = shape.decoder.family;
    n_seen = 0;
    hg_weight_plan_base(&plan, &shape);
    expect_one_to_one(HG_PART_BASE, family, &plan, n_base);
    hg_weight_plan_clip(&plan, &shape);
    expect_one_to_one(HG_PART_CLIP, family, &plan, 389); /* 5 + 16 * 24; the last norm is not in the plan */
    hg_weight_plan_plugin(&plan, &shape, 4);
    expect_one_to_one(HG_PART_COM, family, &plan, n_plugin);
    hg_weight_plan_plugin(&plan, &shape, 8);
    expect_one_to_one(HG_PART_GEN, family, &plan, n_plugin);
    hg_weight_plan_fusion(&plan, &shape);
    expect_one_to_one(HG_PART_FUSION, family, &plan, 2);
    hg_weight_plan_vqgan(&plan, &shape);
    expect_one_to_one(HG_PART_VQGAN, family, &plan, 301);
    qsort(seen, n_seen, sizeof *seen, name_order);
    for (size_t i = 1; i < n_seen; i++) {
        if (strcmp(seen[i - 1], seen[i]) == 0)
            fail_msg("%s comes twice", seen[i]);
    }
}

/* Depths of the released models; widths do not matter to names. */
static hg_random_shape shape_of(hg_family family, int64_t n_layers)
{
    return (hg_random_shape){
        .decoder = {.family = family,
                    .n_layers = n_layers,
                    .hidden = 8,
                    .n_heads = 2,
                    .n_kv_heads = 2,
                    .head_dim = 4,
                    .ffn = 8,
                    .vocab = 8},
        .clip = {.hidden = 8, .n_layers = 24, .n_heads = 2, .mlp = 8, .image_size = 28, .patch = 14},
        .vqgan = {.embed_dim = 256,
                  .n_embed = 8192,
                  .z_channels = 256,
                  .resolution = 256,
                  .in_channels = 3,
                  .out_ch = 3,
                  .ch = 128,
                  .ch_mult = {1, 1, 2, 4},
                  .n_levels = 4,
                  .n_res_blocks = 2,
                  .attn_resolutions = {32},
                  .n_attn_resolutions = 1},
        .n_tokens = 4,
        .n_experts = 4,
    };
}

static void test_released_models(void **state)
{
    (void)state;
    check_model(shape_of(HG_FAMILY_PHI3, 32), 3 + 32 * 6, 388);
    check_model(shape_of(HG_FAMILY_PHI3, 40), 3 + 40 * 6, 484);
    check_model(shape_of(HG_FAMILY_QWEN2, 64), 3 + 64 * 12, 1348);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_library_names), cmocka_unit_test(test_own_names),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_released_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
