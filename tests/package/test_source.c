/* SPDX-License-Identifier: Apache-2.0
 *
 * test_source.c: the same model from its folder, its package, its parts named one by one; replaced parts;
 * what is refused.
 */
#include "package/source.h"

#include "package_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static hg_source source;

static void open_source(const hg_source_paths *paths)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_source_open(&source, paths, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void expect_refused(const hg_source_paths *paths, hg_status status, const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_source_open(&source, paths, &err), status);
    if (strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

/* The settings of tests/data/tiny/m3, as its files say them. */
static void expect_m3(void)
{
    const hg_model_parts *p = &source.parts;
    assert_int_equal(p->decoder.family, HG_FAMILY_PHI3);
    assert_int_equal(p->decoder.hidden, 32);
    assert_int_equal(p->decoder.ffn, 96);
    assert_int_equal(p->decoder.n_layers, 3);
    assert_int_equal(p->decoder.n_heads, 4);
    assert_int_equal(p->decoder.n_kv_heads, 4);
    assert_int_equal(p->decoder.head_dim, 8);
    assert_int_equal(p->decoder.vocab, 656);
    assert_int_equal(p->decoder.sliding_window, 2047);
    assert_int_equal(p->decoder.max_positions, 4096);
    assert_true(p->decoder.rope_theta == 10000);
    assert_true((float)p->decoder.rms_eps == 1e-5F);
    assert_false(p->decoder.tie_embeddings);
    for (int i = 0; i < HG_PART_COUNT; i++)
        assert_non_null(p->sets[i]);
    assert_string_equal(source.missing_for_ask, "");
    assert_string_equal(source.missing_for_draw, "");
}

static void test_folder_and_package(void **state)
{
    (void)state;
    package_path folder = package_tiny_path("m3"), package = package_make("m3", "keep", "m3.gguf");
    assert_false(hg_source_is_package(folder.text));
    assert_true(hg_source_is_package(package.text));
    open_source(&(hg_source_paths){.model = folder.text});
    expect_m3();
    assert_false(source.is_package);
    assert_string_equal(source.manifest.name, "tiny-m3");
    hg_source_close(&source);
    open_source(&(hg_source_paths){.model = package.text});
    expect_m3();
    assert_true(source.is_package);
    assert_string_equal(source.manifest.name, "tiny-m3");
    assert_true(source.manifest.random_weights && source.manifest.has_tasks);
    /* base in two shards, clip, com, gen, fusion, vqgan */
    assert_int_equal(source.n_provenance, 7);
    bool first = false, second = false; /* in whichever order the index has them */
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(source.provenance[i].part, "base");
        first = first || strcmp(source.provenance[i].name, "model-00001-of-00002.safetensors") == 0;
        second = second || strcmp(source.provenance[i].name, "model-00002-of-00002.safetensors") == 0;
    }
    assert_true(first && second);
    assert_string_equal(source.provenance[6].part, "vqgan");
    assert_string_equal(source.provenance[6].name, "last.ckpt");
    assert_int_equal(strlen(source.provenance[6].sha256), 64);
    hg_source_close(&source);
}

static void test_named_parts(void **state)
{
    (void)state;
    package_path base = package_tiny_path("m3/base"), clip = package_tiny_path("m3/clip"),
                 com = package_tiny_path("m3/com_hlora_weights.bin"),
                 gen = package_tiny_path("m3/gen_hlora_weights.bin"),
                 fusion = package_tiny_path("m3/fusion_layer_weights.bin"),
                 vqgan = package_tiny_path("m3/vqgan");
    open_source(&(hg_source_paths){.base = base.text,
                                   .clip = clip.text,
                                   .com = com.text,
                                   .gen = gen.text,
                                   .fusion = fusion.text,
                                   .vqgan = vqgan.text});
    expect_m3();
    hg_source_close(&source);
    /* Half a task is none. */
    open_source(&(hg_source_paths){.base = base.text, .clip = clip.text, .com = com.text, .gen = gen.text});
    assert_null(source.parts.sets[HG_PART_GEN]);
    assert_non_null(source.parts.sets[HG_PART_COM]);
    assert_non_null(strstr(source.missing_for_draw, "fusion_layer_weights"));
    hg_source_close(&source);
    expect_refused(&(hg_source_paths){.clip = clip.text, .com = com.text}, HG_STATUS_INPUT, "missing");
    expect_refused(&(hg_source_paths){.model = NULL}, HG_STATUS_INPUT, "missing");
}

/* Another plug-in: what was said of the old one is forgotten. */
static void test_replaced_parts(void **state)
{
    (void)state;
    package_path package = package_make("m3", "keep", "m3.gguf"),
                 gen = package_tiny_path("m3/gen_hlora_weights.bin"), base = package_tiny_path("m3/base");
    open_source(&(hg_source_paths){.model = package.text, .gen = gen.text});
    assert_false(source.manifest.has_tasks);
    assert_true(source.manifest.gen.hlora_alpha == 0 && source.manifest.com.hlora_alpha > 0);
    assert_string_equal(hg_tensor_file_get_path(hg_tensor_set_get_file(source.parts.sets[HG_PART_GEN], 0)),
                        gen.text);
    hg_source_close(&source);
    expect_refused(&(hg_source_paths){.model = package.text, .base = base.text}, HG_STATUS_USAGE,
                   "can be replaced, not its base");
    expect_refused(&(hg_source_paths){.model = package.text, .com = "/nonexistent.bin"}, HG_STATUS_INPUT,
                   "No such file");
}

static void test_no_packages(void **state)
{
    (void)state;
    package_path other = package_path_of("other.gguf"), tensors = package_tiny_path("m3/golden.safetensors");
    expect_refused(&(hg_source_paths){.model = HG_TEST_DATA "/formats/written.gguf"}, HG_STATUS_INPUT,
                   "not a HealthGPT package");
    expect_refused(&(hg_source_paths){.model = tensors.text}, HG_STATUS_INPUT, "a safetensors file");
    package_write(&other, "", 0);
    expect_refused(&(hg_source_paths){.model = other.text}, HG_STATUS_INPUT, "other.gguf");
    assert_false(hg_source_is_package(other.text));
    assert_false(hg_source_is_package(HG_TEST_DATA "/formats/written.gguf"));
    assert_false(hg_source_is_package("/nonexistent"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, package_folder_setup, package_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_folder_and_package), TEST(test_named_parts),
                                       TEST(test_replaced_parts), TEST(test_no_packages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
