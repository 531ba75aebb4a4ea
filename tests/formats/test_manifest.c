/* SPDX-License-Identifier: Apache-2.0
 *
 * test_manifest.c: healthgpt.json.
 */
#include "format_deltas.h"
#include "formats/model_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_all_keys(void **state)
{
    (void)state;
    hg_manifest m;
    hg_error err;
    assert_int_equal(hg_manifest_read(&m, HG_TEST_DATA "/formats/configs/manifest", &err), HG_STATUS_OK);
    assert_string_equal(m.name, "tiny");
    assert_true(m.random_weights);
    assert_true(m.com.hlora_alpha == 128.0);
    assert_int_equal(m.com.hlora_experts, 4);
    assert_true(m.gen.hlora_alpha == 512.0);
    assert_int_equal(m.gen.hlora_experts, 0);
    assert_true(m.has_tasks);
    assert_int_equal(m.tasks, HG_MANIFEST_RECONSTRUCT | HG_MANIFEST_MRI_TO_CT);
    assert_string_equal(m.template_name, "phi3_instruct");
    assert_true(m.has_system_prompt);
    assert_string_equal(m.system_prompt, "");
}

static void test_absent(void **state)
{
    (void)state;
    hg_manifest m;
    hg_error err;
    memset(&m, 1, sizeof m);
    assert_int_equal(hg_manifest_read(&m, HG_TEST_DATA "/formats/configs/clip", &err), HG_STATUS_OK);
    assert_false(m.has_tasks);
    assert_false(m.random_weights);
    assert_string_equal(m.name, "");
    assert_true(m.com.hlora_alpha == 0.0);
    assert_false(m.has_system_prompt);
}

static hg_status parse(const uint8_t *data, size_t size, hg_error *err)
{
    hg_manifest m;
    return hg_manifest_parse(&m, (const char *)data, size, err);
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("mri-to-ct", "mri-to-pet", "healthgpt.json: unknown task 'mri-to-pet'"),
        FORMAT_DELTA("\"mri-to-ct\"", "3", "tasks has something that is not a string"),
        FORMAT_DELTA("\"hlora_experts\": 4", "\"hlora_experts\": 0", "hlora_experts is 0"),
        FORMAT_DELTA("\"hlora_experts\": 4", "\"vision_layers\": 0", "vision_layers is 0"),
        FORMAT_DELTA("\"hlora_alpha\": 128", "\"hlora_alpha\": -1", "hlora_alpha is -1"),
        FORMAT_DELTA("\"random_weights\": true", "\"random_weights\": \"yes\"", "random_weights is neither"),
        FORMAT_DELTA("\"tiny\"", "\"0123456789012345678901234567890123456789012345678901234567890123\"",
                     "name has 64 bytes, at most 63"),
        FORMAT_DELTA("\"com\": {", "\"com\": 3, \"old\": {", "com is not an object"),
    };
    format_check_deltas("formats/configs/manifest/healthgpt.json", parse, deltas,
                        sizeof deltas / sizeof deltas[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_keys), cmocka_unit_test(test_absent),
                                       cmocka_unit_test(test_deltas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
