/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sentencepiece_file.c: models with unusual settings give the library's ids; broken files are refused.
 */
#include "text/tokenizer_parts.h"

#include "text_golden.h"

static void check_model(const json_t *item, const json_t *texts)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    golden_file f = golden_open(json_string_value(json_object_get(item, "model")));
    if (hg_tokenizer_open_model_memory(&tok, f.data.data, f.data.size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        const json_t *expected = json_array_get(json_object_get(item, "ids"), i);
        ids.n = 0;
        assert_int_equal(
            hg_tokenizer_encode(tok, &(hg_text_segment){text, strlen(text), false}, 1, false, &ids, &err),
            HG_STATUS_OK);
        bool same = ids.n == json_array_size(expected);
        for (size_t k = 0; same && k < ids.n; k++)
            same = ids.data[k] == json_integer_value(json_array_get(expected, k));
        if (!same)
            fail_msg("%s: other ids for '%s'", json_string_value(json_object_get(item, "model")), text);
    }
    hg_buffer_deinit(&f.data);
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

static void test_models(void **state)
{
    (void)state;
    json_error_t reason;
    json_t *root = json_load_file(HG_TEST_DATA "/text/pieces.json", 0, &reason);
    const json_t *cases = json_object_get(root, "cases");
    assert_int_equal(json_array_size(cases), 4);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_model(json_array_get(cases, i), json_object_get(root, "texts"));
    json_decref(root);
}

static hg_status open_bytes(const void *data, size_t n, hg_error *err)
{
    hg_tokenizer *tok = NULL;
    hg_status status = hg_tokenizer_open_model_memory(&tok, data, n, err);
    assert_true((status == HG_STATUS_OK) == (tok != NULL));
    hg_tokenizer_close(tok);
    return status;
}

/* A model cut anywhere lacks its settings, which stand at its end. */
static void test_cut_model(void **state)
{
    (void)state;
    golden_file f = golden_open("pieces_user.model");
    hg_error err = {0};
    assert_int_equal(open_bytes(f.data.data, f.data.size, &err), HG_STATUS_OK);
    for (size_t n = 0; n < 1000; n++) {
        uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees a read behind its end */
        assert_non_null(exact);
        exact = realloc(exact, n == 0 ? 1 : n);
        memcpy(exact, f.data.data, n);
        assert_int_equal(open_bytes(exact, n, &err), HG_STATUS_INPUT);
        free(exact);
    }
    hg_buffer_deinit(&f.data);
}

/* Messages byte by byte: <key> is number * 8 + wire type. */
#define PIECE(n, text) "\x0a" n text
#define UNKNOWN PIECE("\x09", "\x0a\x05<unk>\x18\x02")
#define BPE "\x12\x02\x18\x02"

static void check_refused(const char *bytes, size_t n, const char *reason)
{
    hg_error err = {0};
    hg_status status = open_bytes(bytes, n, &err);
    if (status != HG_STATUS_INPUT || strstr(err.text, reason) == NULL)
        fail_msg("status %d, '%s' does not say '%s'", (int)status, err.text, reason);
}

#define CHECK_REFUSED(bytes, reason) check_refused(bytes, sizeof(bytes) - 1, reason)

static void test_broken_models(void **state)
{
    (void)state;
    hg_error err = {0};
    assert_int_equal(open_bytes(UNKNOWN BPE, sizeof(UNKNOWN BPE) - 1, &err), HG_STATUS_OK);
    CHECK_REFUSED(BPE, "no pieces");
    CHECK_REFUSED(UNKNOWN, "kind 1");
    CHECK_REFUSED(UNKNOWN "\x12\x02\x18\x01", "kind 1");
    CHECK_REFUSED(PIECE("\x03", "\x0a\x01"
                                "a") BPE,
                  "unknown piece is missing");
    CHECK_REFUSED(UNKNOWN PIECE("\x03", "\x0a\x01"
                                        "a") PIECE("\x03", "\x0a\x01"
                                                           "a") BPE,
                  "has the ids 1 and 2");
    CHECK_REFUSED(UNKNOWN PIECE("\x02", "\x0a\x00") BPE, "0 bytes");
    CHECK_REFUSED(UNKNOWN PIECE("\x03", "\x0a\x01\xff") BPE, "not UTF-8");
    CHECK_REFUSED(UNKNOWN PIECE("\x05", "\x0a\x01"
                                        "a\x18\x05") BPE,
                  "unused");
    CHECK_REFUSED(UNKNOWN PIECE("\x05", "\x0a\x01"
                                        "a\x18\x09") BPE,
                  "unknown kind");
    CHECK_REFUSED(UNKNOWN PIECE("\x05", "\x0a\x01"
                                        "a\x18\x06") BPE,
                  "not named");
    CHECK_REFUSED(UNKNOWN PIECE("\x08", "\x0a\x01"
                                        "a\x15\x00\x00\xc0\x7f") BPE,
                  "no number");
    CHECK_REFUSED(UNKNOWN "\x12\x05\x18\x02\x98\x02\x01", "256 byte pieces");
    CHECK_REFUSED(UNKNOWN BPE "\x1a\x03\x12\x01x", "character map");
    CHECK_REFUSED(UNKNOWN BPE "\x1a\x02\x28\x00", "space mark");
    CHECK_REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "ends behind");
    CHECK_REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "64 bits");
    CHECK_REFUSED("\x0a\x80", "cut number");
    CHECK_REFUSED("\x03", "field number");
    CHECK_REFUSED("\x0b", "field type");
    CHECK_REFUSED("\x0d\x01\x02", "ends behind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_cut_model),
        cmocka_unit_test(test_broken_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
