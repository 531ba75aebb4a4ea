/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decoder_config.c: config.json and generation_config.json as transformers writes them for the three
 * base models, and changes that must be refused.
 */
#include "format_deltas.h"
#include "formats/model_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CONFIGS HG_TEST_DATA "/formats/configs/"

static hg_decoder_config read_config(const char *folder)
{
    hg_decoder_config c;
    hg_error err = {.text = ""};
    if (hg_decoder_config_read(&c, folder, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return c;
}

static void test_phi3(void **state)
{
    (void)state;
    hg_decoder_config c = read_config(CONFIGS "phi3");
    assert_int_equal(c.family, HG_FAMILY_PHI3);
    assert_string_equal(hg_family_name(c.family), "phi3");
    assert_int_equal(c.n_layers, 32);
    assert_int_equal(c.hidden, 3072);
    assert_int_equal(c.n_heads, 32);
    assert_int_equal(c.n_kv_heads, 32);
    assert_int_equal(c.head_dim, 96);
    assert_int_equal(c.ffn, 8192);
    assert_int_equal(c.vocab, 32064);
    assert_true(c.rope_theta == 10000.0);
    assert_true(c.rms_eps == 1e-5F);
    assert_int_equal(c.sliding_window, 2047);
    assert_int_equal(c.max_positions, 4096);
    assert_false(c.tie_embeddings);
    assert_int_equal(c.bos_id, 1);
    assert_int_equal(c.pad_id, 32000);
    assert_int_equal(c.n_eos_ids, 1);
    assert_int_equal(c.eos_ids[0], 32000);
}

static void test_phi4(void **state)
{
    (void)state;
    hg_decoder_config c = read_config(CONFIGS "phi4");
    assert_int_equal(c.family, HG_FAMILY_PHI3);
    assert_int_equal(c.n_layers, 40);
    assert_int_equal(c.n_heads, 40);
    assert_int_equal(c.n_kv_heads, 10);
    assert_int_equal(c.head_dim, 128);
    assert_int_equal(c.ffn, 17920);
    assert_true(c.rope_theta == 250000.0);
    assert_int_equal(c.sliding_window, 0);
    assert_int_equal(c.eos_ids[0], 100265);
    assert_int_equal(c.bos_id, 100257);
}

static void test_qwen2(void **state)
{
    (void)state;
    hg_decoder_config c = read_config(CONFIGS "qwen2");
    assert_int_equal(c.family, HG_FAMILY_QWEN2);
    assert_int_equal(c.n_layers, 64);
    assert_int_equal(c.n_kv_heads, 8);
    assert_int_equal(c.head_dim, 128);
    assert_true(c.rms_eps == 1e-6F);
    assert_int_equal(c.sliding_window, 0);
    assert_int_equal(c.pad_id, -1);
    hg_generation_config g;
    hg_error err;
    assert_int_equal(hg_generation_config_read(&g, &c, CONFIGS "qwen2", &err), HG_STATUS_OK);
    assert_int_equal(g.n_stop_ids, 2);
    assert_int_equal(g.stop_ids[0], 151645);
    assert_int_equal(g.stop_ids[1], 151643);
    assert_true(g.repetition_penalty == 1.05F);
    assert_true(g.do_sample);
    assert_true(g.temperature == 0.7F);
    assert_int_equal(g.top_k, 20);
    assert_true(g.top_p == 0.8F);
}

static void test_generation(void **state)
{
    (void)state;
    hg_decoder_config c = read_config(CONFIGS "phi3");
    hg_generation_config g;
    hg_error err;
    assert_int_equal(hg_generation_config_read(&g, &c, CONFIGS "phi3", &err), HG_STATUS_OK);
    assert_int_equal(g.n_stop_ids, 3);
    assert_int_equal(g.stop_ids[2], 32007);
    assert_true(g.repetition_penalty == 1.0F);
    assert_false(g.do_sample);
    /* phi4 has no generation_config.json here: the ids of config.json stop. */
    c = read_config(CONFIGS "phi4");
    assert_int_equal(hg_generation_config_read(&g, &c, CONFIGS "phi4", &err), HG_STATUS_OK);
    assert_int_equal(g.n_stop_ids, 1);
    assert_int_equal(g.stop_ids[0], 100265);
    assert_int_equal(g.top_k, 50);
}

static hg_status parse_config(const uint8_t *data, size_t size, hg_error *err)
{
    hg_decoder_config c;
    return hg_decoder_config_parse(&c, (const char *)data, size, err);
}

static void test_deltas(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("\"phi3\"", "\"llama\"", "config.json: model_type 'llama' is not supported"),
        FORMAT_DELTA("\"phi3\"", "7", "config.json: model_type is not a string"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden_size\": 0",
                     "hidden_size is 0, expected 1 to 1048576"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden_size\": 99999999",
                     "hidden_size is 99999999, expected 1 to"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden_size\": 3072.0", "hidden_size is not a whole number"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden_size\": 3073", "hidden_size 3073 is no multiple of"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden_size\": 3104", "heads of dimension 97"),
        FORMAT_DELTA("\"hidden_size\": 3072", "\"hidden\": 3072", "hidden_size is missing"),
        FORMAT_DELTA("\"num_hidden_layers\": 32", "\"num_hidden_layers\": -1", "num_hidden_layers is -1"),
        FORMAT_DELTA("\"num_key_value_heads\": 32", "\"num_key_value_heads\": 5",
                     "num_attention_heads 32 is no multiple of num_key_value_heads 5"),
        FORMAT_DELTA("\"num_key_value_heads\": 32", "\"num_key_value_heads\": 64", "is 64, expected 1 to 32"),
        FORMAT_DELTA("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\"}",
                     "rope_scaling is not supported"),
        FORMAT_DELTA("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"",
                     "hidden_act 'gelu' is not supported"),
        FORMAT_DELTA("\"rope_theta\": 10000.0", "\"rope_theta\": -1", "rope_theta is -1"),
        FORMAT_DELTA("\"eos_token_id\": 32000", "\"eos_token_id\": -2", "eos_token_id is not a token id"),
        FORMAT_DELTA("\"eos_token_id\": 32000", "\"eos_token_id\": [1,2,3,4,5,6,7,8,9]",
                     "eos_token_id has 9 ids, at most 8"),
        FORMAT_DELTA("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": 0",
                     "neither true nor false"),
        FORMAT_DELTA("\"vocab_size\": 32064", "\"vocab_size\": 32064, \"vocab_size\": 1", "duplicate"),
        FORMAT_DELTA("\"vocab_size\": 32064", "\"vocab_size\": 32064, \"attention_bias\": true",
                     "attention_bias is not supported for phi3"),
        FORMAT_DELTA("\"partial_rotary_factor\": 1.0", "\"partial_rotary_factor\": 0.75",
                     "partial_rotary_factor 0.75 is not supported"),
        FORMAT_DELTA("\"vocab_size\": 32064", "\"vocab_size\": 32064, \"quantization_config\": {}",
                     "quantization_config is not supported"),
        FORMAT_DELTA("{", "[", "not valid JSON"),
    };
    format_check_deltas("formats/configs/phi3/config.json", parse_config, deltas,
                        sizeof deltas / sizeof deltas[0]);
    format_check_truncated("formats/configs/phi4/config.json", 1, parse_config);
}

static void test_window(void **state)
{
    (void)state;
    /* 70 layers is past the last of the 64, so the window never applies; 28 would be inside. */
    hg_buffer file = format_read("formats/configs/qwen2/config.json");
    hg_error err;
    hg_decoder_config c;
    char *at = strstr((char *)file.data, "\"max_window_layers\": 70");
    assert_non_null(at);
    memcpy(at, "\"max_window_layers\": 28", 23);
    assert_int_equal(parse_config(file.data, file.size, &err), HG_STATUS_OK);
    at = strstr((char *)file.data, "\"use_sliding_window\": false");
    assert_non_null(at);
    memcpy(at, "\"use_sliding_window\": true ", 27);
    assert_int_equal(parse_config(file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "a sliding window from layer 28 on is not supported");
    at = strstr((char *)file.data, "\"max_window_layers\": 28");
    memcpy(at, "\"max_window_layers\": 0 ", 23);
    assert_int_equal(hg_decoder_config_parse(&c, (const char *)file.data, file.size, &err), HG_STATUS_OK);
    assert_int_equal(c.sliding_window, 131072);
    hg_buffer_deinit(&file);
}

/* A small phi3 config with `members` added. */
static hg_status parse_with(hg_decoder_config *c, const char *members, hg_error *err)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"model_type\": \"phi3\", \"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2,"
        " \"intermediate_size\": 4, \"vocab_size\": 9, \"max_position_embeddings\": 16, %s}",
        members);
    return hg_decoder_config_parse(c, text, strlen(text), err);
}

/* transformers 5 moves rope_theta into an object. */
static void test_rope(void **state)
{
    (void)state;
    hg_decoder_config c;
    hg_error err = {.text = ""};
    assert_int_equal(parse_with(&c, "\"rope_theta\": 5000.0", &err), HG_STATUS_OK);
    assert_true(c.rope_theta == 5000.0);
    assert_int_equal(
        parse_with(&c, "\"rope_parameters\": {\"rope_theta\": 250000, \"rope_type\": \"default\"}", &err),
        HG_STATUS_OK);
    assert_true(c.rope_theta == 250000.0);
    assert_int_equal(parse_with(&c, "\"rope_scaling\": {\"type\": \"default\"}, \"rope_theta\": 7", &err),
                     HG_STATUS_OK);
    assert_true(c.rope_theta == 7.0);
    assert_int_equal(
        parse_with(&c, "\"rope_parameters\": {\"rope_theta\": 7, \"rope_type\": \"yarn\"}", &err),
        HG_STATUS_INPUT);
    format_check_text(&err, "rope_parameters is not supported, expected null or the rope_type 'default'");
    assert_int_equal(parse_with(&c,
                                "\"rope_parameters\": {\"partial_rotary_factor\": 0.5, \"rope_type\": "
                                "\"default\"}",
                                &err),
                     HG_STATUS_INPUT);
    format_check_text(&err, "partial_rotary_factor 0.5 is not supported");
}

static void test_bad_generation(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {{"{\"repetition_penalty\": 0}", "repetition_penalty is 0, expected 0.01 to 100"},
                 {"{\"top_p\": 2}", "top_p is 2, expected 0 to 1"},
                 {"{\"top_k\": -3}", "top_k is -3"},
                 {"{\"temperature\": \"hot\"}", "temperature is not a number"},
                 {"{\"do_sample\": 1}", "do_sample is neither"},
                 {"{\"eos_token_id\": [1, \"x\"]}", "eos_token_id is not a token id"}};
    hg_decoder_config c = read_config(CONFIGS "phi3");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_generation_config g;
        hg_error err = {.text = "no error"};
        hg_status status = hg_generation_config_parse(&g, &c, cases[i].text, strlen(cases[i].text), &err);
        format_check_text(&err, cases[i].expected);
        assert_int_equal(status, HG_STATUS_INPUT);
    }
}

static void test_missing(void **state)
{
    (void)state;
    hg_decoder_config c;
    hg_error err;
    assert_int_equal(hg_decoder_config_read(&c, CONFIGS "vqgan", &err), HG_STATUS_INPUT);
    format_check_text(&err, "configs/vqgan/config.json: No such file");
    assert_int_equal(hg_decoder_config_read(&c, CONFIGS "clip", &err), HG_STATUS_INPUT);
    format_check_text(&err, "configs/clip/config.json: model_type 'clip' is not supported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_phi3),   cmocka_unit_test(test_phi4),
                                       cmocka_unit_test(test_qwen2),  cmocka_unit_test(test_generation),
                                       cmocka_unit_test(test_deltas), cmocka_unit_test(test_window),
                                       cmocka_unit_test(test_rope),   cmocka_unit_test(test_bad_generation),
                                       cmocka_unit_test(test_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
