/* SPDX-License-Identifier: Apache-2.0
 *
 * test_clip_config.c: CLIP's settings in the forms that transformers has written over the years.
 */
#include "format_deltas.h"
#include "formats/model_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CONFIGS HG_TEST_DATA "/formats/configs/"

static void check_large(const hg_clip_config *c)
{
    assert_int_equal(c->hidden, 1024);
    assert_int_equal(c->n_layers, 24);
    assert_int_equal(c->n_heads, 16);
    assert_int_equal(c->mlp, 4096);
    assert_int_equal(c->image_size, 336);
    assert_int_equal(c->patch, 14);
    assert_true(c->eps == 1e-5F);
    assert_int_equal(c->activation, HG_CLIP_QUICK_GELU);
}

static void test_forms(void **state)
{
    (void)state;
    hg_clip_config c;
    hg_error err;
    assert_int_equal(hg_clip_config_read(&c, CONFIGS "clip", &err), HG_STATUS_OK);
    check_large(&c);
    assert_int_equal(hg_clip_config_read(&c, CONFIGS "clip_vision", &err), HG_STATUS_OK);
    check_large(&c);
    /* The released file has both names; the values of the second win. */
    static const char both[] =
        "{\"model_type\":\"clip\",\"vision_config\":{\"hidden_size\":1024,\"image_size\":224,"
        "\"num_attention_heads\":16,\"num_hidden_layers\":24,\"intermediate_size\":4096},"
        "\"vision_config_dict\":{\"image_size\":336,\"patch_size\":14}}";
    assert_int_equal(hg_clip_config_parse(&c, both, sizeof both - 1, &err), HG_STATUS_OK);
    check_large(&c);
}

static void test_defaults(void **state)
{
    (void)state;
    hg_clip_config c, d;
    hg_error err;
    /* The file states all values of transformers' default; the text none. */
    assert_int_equal(hg_clip_config_read(&c, CONFIGS "clip_default", &err), HG_STATUS_OK);
    static const char empty[] = "{\"model_type\":\"clip_vision_model\"}";
    assert_int_equal(hg_clip_config_parse(&d, empty, sizeof empty - 1, &err), HG_STATUS_OK);
    assert_int_equal(c.hidden, d.hidden);
    assert_int_equal(c.n_layers, d.n_layers);
    assert_int_equal(c.n_heads, d.n_heads);
    assert_int_equal(c.mlp, d.mlp);
    assert_int_equal(c.image_size, d.image_size);
    assert_int_equal(c.patch, d.patch);
    assert_true(c.eps == d.eps);
    assert_int_equal(c.activation, d.activation);
}

static hg_status parse_clip(const uint8_t *data, size_t size, hg_error *err)
{
    hg_clip_config c;
    return hg_clip_config_parse(&c, (const char *)data, size, err);
}

static void test_clip_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("clip_vision_model", "siglip", "model_type 'siglip' is not CLIP"),
        FORMAT_DELTA("\"image_size\": 336", "\"image_size\": 337",
                     "image_size 337 is no multiple of patch_size 14"),
        FORMAT_DELTA("\"image_size\": 336", "\"image_size\": 1000000", "image_size is 1000000"),
        FORMAT_DELTA("\"hidden_size\": 1024", "\"hidden_size\": 1025", "hidden_size 1025 is no multiple of"),
        FORMAT_DELTA("\"patch_size\": 14", "\"patch_size\": 0", "patch_size is 0"),
        FORMAT_DELTA("quick_gelu", "relu", "hidden_act 'relu' is not supported"),
        FORMAT_DELTA("\"num_channels\": 3", "\"num_channels\": 1", "num_channels is 1, expected 3 to 3"),
    };
    format_check_deltas("formats/configs/clip_vision/config.json", parse_clip, deltas,
                        sizeof deltas / sizeof deltas[0]);
}

static void check_preprocessor(const hg_preprocessor_config *p)
{
    static const float mean[3] = {0.48145466F, 0.4578275F, 0.40821073F},
                       std[3] = {0.26862954F, 0.26130258F, 0.27577711F};
    assert_int_equal(p->size, 336);
    assert_int_equal(p->crop, 336);
    assert_memory_equal(p->mean, mean, sizeof mean);
    assert_memory_equal(p->std, std, sizeof std);
    assert_true(p->rescale == 1.0F / 255.0F);
    assert_int_equal(p->resample, 3);
}

static void test_preprocessor(void **state)
{
    (void)state;
    hg_preprocessor_config p;
    hg_error err;
    assert_int_equal(hg_preprocessor_config_read(&p, CONFIGS "clip", &err), HG_STATUS_OK);
    check_preprocessor(&p);
    static const char old[] = "{\"crop_size\":336,\"size\":336,\"do_center_crop\":true,\"resample\":3}";
    assert_int_equal(hg_preprocessor_config_parse(&p, old, sizeof old - 1, &err), HG_STATUS_OK);
    check_preprocessor(&p);
}

static hg_status parse_preprocessor(const uint8_t *data, size_t size, hg_error *err)
{
    hg_preprocessor_config p;
    return hg_preprocessor_config_parse(&p, (const char *)data, size, err);
}

static void test_preprocessor_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("\"width\": 336", "\"width\": 335", "crop_size is 335 x 336, expected a square"),
        FORMAT_DELTA("\"shortest_edge\": 336", "\"shortest_edge\": 300",
                     "crop_size 336 is larger than size 300"),
        FORMAT_DELTA("\"shortest_edge\": 336", "\"shortest_edge\": -1", "shortest_edge is -1"),
        FORMAT_DELTA("\"shortest_edge\": 336", "\"longest\": 336", "height is missing"),
        FORMAT_DELTA("\"do_normalize\": true", "\"do_normalize\": false",
                     "do_normalize false is not supported"),
        FORMAT_DELTA("\"image_std\": [", "\"image_std\": [0.5,", "image_std is not a list of 3 numbers"),
        FORMAT_DELTA("0.26862954", "0", "image_std: number 0 is 0"),
        FORMAT_DELTA("0.48145466", "\"x\"", "image_mean: number 0"),
        FORMAT_DELTA("\"resample\": 3", "\"resample\": 9", "resample is 9, expected 0 to 3"),
    };
    format_check_deltas("formats/configs/clip/preprocessor_config.json", parse_preprocessor, deltas,
                        sizeof deltas / sizeof deltas[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms), cmocka_unit_test(test_defaults), cmocka_unit_test(test_clip_deltas),
        cmocka_unit_test(test_preprocessor), cmocka_unit_test(test_preprocessor_deltas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
