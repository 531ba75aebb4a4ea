/* SPDX-License-Identifier: Apache-2.0
 *
 * test_vqgan_config.c: model.yaml of the VQGAN, and changes that must be refused.
 */
#include "format_deltas.h"
#include "formats/model_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_released(void **state)
{
    (void)state;
    hg_vqgan_config c;
    hg_error err = {.text = ""};
    if (hg_vqgan_config_read(&c, HG_TEST_DATA "/formats/configs/vqgan", &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    static const int64_t mult[] = {1, 1, 2, 4};
    assert_int_equal(c.embed_dim, 256);
    assert_int_equal(c.n_embed, 8192);
    assert_int_equal(c.z_channels, 256);
    assert_int_equal(c.resolution, 256);
    assert_int_equal(c.in_channels, 3);
    assert_int_equal(c.out_ch, 3);
    assert_int_equal(c.ch, 128);
    assert_int_equal(c.n_levels, 4);
    assert_memory_equal(c.ch_mult, mult, sizeof mult);
    assert_int_equal(c.n_res_blocks, 2);
    assert_int_equal(c.n_attn_resolutions, 1);
    assert_int_equal(c.attn_resolutions[0], 32);
    assert_int_equal(c.n_groups, 32);
}

static hg_status parse(const uint8_t *data, size_t size, hg_error *err)
{
    hg_vqgan_config c;
    return hg_vqgan_config_parse(&c, (const char *)data, size, err);
}

static void test_optional(void **state)
{
    (void)state;
    static const char text[] =
        "model: {target: GumbelVQ, params: {embed_dim: 4, n_embed: 16, ddconfig: {z_channels: 4, resolution: "
        "16,\n"
        "  in_channels: 3, out_ch: 3, ch: 8, ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: [],\n"
        "  norm_groups: 4}}}\n";
    hg_vqgan_config c;
    hg_error err = {.text = ""};
    if (hg_vqgan_config_parse(&c, text, sizeof text - 1, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(c.n_groups, 4);
    assert_int_equal(c.n_attn_resolutions, 0);
    assert_int_equal(c.n_levels, 2);
    assert_int_equal(c.ch_mult[1], 2);
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("GumbelVQ", "VQModel", "target 'taming.models.vqgan.VQModel' is not supported"),
        FORMAT_DELTA("  target: taming.models", "  aim: taming.models", "model.target is missing"),
        FORMAT_DELTA("embed_dim: 256", "embed_dim: 0", "model.params.embed_dim is '0', expected 1 to 65536"),
        FORMAT_DELTA("embed_dim: 256", "embed_dim: 99999999999999999999", "expected 1 to 65536"),
        FORMAT_DELTA("embed_dim: 256", "embed_dim: 2x", "embed_dim is '2x'"),
        FORMAT_DELTA("embed_dim: 256", "embed_dim: [256]",
                     "model.params.embed_dim is stated twice, or a list"),
        FORMAT_DELTA("embed_dim: 256", "embed_dim: 256\n    embed_dim: 256", "is stated twice"),
        FORMAT_DELTA("embed_dim: 256", "dim: 256", "model.params.embed_dim is missing"),
        FORMAT_DELTA("      ch: 128", "      ch: 100", "has 100 channels, expected a multiple of the 32"),
        FORMAT_DELTA("      - 4", "      - 4\n      - 1\n      - 1\n      - 1\n      - 1\n      - 1",
                     "ch_mult has more than 8 numbers"),
        FORMAT_DELTA("resolution: 256", "resolution: 252", "resolution 252 cannot be halved 3 times"),
        FORMAT_DELTA("double_z: false", "double_z: true", "double_z 'true' is not supported"),
        FORMAT_DELTA("n_embed: 8192", "n_embed: &n 8192", "line 7: anchors"),
        FORMAT_DELTA("n_embed: 8192", "n_embed: *n", "line 7: aliases are not allowed"),
        FORMAT_DELTA("    ddconfig:", "    ddconfig: &d", "anchors are not allowed"),
        FORMAT_DELTA("monitor: val/rec_loss", "monitor: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
                     "nested deeper than 16"),
        FORMAT_DELTA("monitor: val/rec_loss", "? [a]\n    : b", "a key that is not plain text"),
        FORMAT_DELTA("monitor: val/rec_loss", "monitor: {", "not valid YAML"),
        FORMAT_DELTA("model:", "a: 1\n---\nmodel:", "more than one document"),
        FORMAT_DELTA("model:", "mode:", "model.target is missing"),
    };
    format_check_deltas("formats/configs/vqgan/model.yaml", parse, deltas, sizeof deltas / sizeof deltas[0]);
}

static void test_items(void **state)
{
    (void)state;
    hg_buffer text;
    hg_error err;
    hg_buffer_init(&text, (size_t)1 << 21);
    for (int i = 0; i < 12000; i++)
        assert_true(hg_buffer_push_text(&text, "- 1\n"));
    assert_int_equal(parse(text.data, text.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "more than 10000 items");
    assert_non_null(hg_buffer_extend(&text, (size_t)1 << 20));
    assert_int_equal(parse(text.data, text.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "at most 1048576 are read");
    hg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_released), cmocka_unit_test(test_optional),
                                       cmocka_unit_test(test_deltas), cmocka_unit_test(test_items)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
