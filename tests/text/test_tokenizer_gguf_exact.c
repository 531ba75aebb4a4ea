/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer_gguf_exact.c: files that the gguf library wrote with our keys give the ids of the libraries
 * that own the tokenizers; damaged ones are refused, saying why.
 */
#include "formats/format_deltas.h"
#include "gguf_bytes.h"

static hg_tokenizer *open_packed(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "text/%s.gguf", name);
    hg_buffer file = format_read(path);
    hg_tokenizer *tok = gguf_bytes_read(&file);
    hg_buffer_deinit(&file);
    return tok;
}

static void check_ids(const hg_tokenizer *tok, const json_t *texts, const json_t *lists, bool whole)
{
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    assert_true(json_array_size(texts) > 10 && json_array_size(texts) == json_array_size(lists));
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        const json_t *expected = json_array_get(lists, i);
        const hg_text_segment segment = {text, strlen(text), false};
        ids.n = 0;
        assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, whole, &ids, &err), HG_STATUS_OK);
        bool same = ids.n == json_array_size(expected);
        for (size_t k = 0; same && k < ids.n; k++)
            same = ids.data[k] == json_integer_value(json_array_get(expected, k));
        if (!same)
            fail_msg("other ids for '%s'", text);
    }
    hg_ids_deinit(&ids);
}

static void test_ids(void **state)
{
    (void)state;
    json_error_t reason;
    json_t *root = json_load_file(HG_TEST_DATA "/text/packed.json", 0, &reason);
    const json_t *cases = json_object_get(root, "cases");
    assert_int_equal(json_array_size(cases), 2);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        hg_tokenizer *tok = open_packed(json_string_value(json_object_get(item, "name")));
        check_ids(tok, json_object_get(root, "texts"), json_object_get(item, "ids"), true);
        hg_tokenizer_close(tok);
    }
    json_decref(root);
    root = json_load_file(HG_TEST_DATA "/text/pieces.json", 0, &reason);
    const json_t *item = json_array_get(json_object_get(root, "cases"), 1);
    assert_string_equal(json_string_value(json_object_get(item, "model")), "pieces_user.model");
    hg_tokenizer *tok = open_packed("packed_pieces");
    check_ids(tok, json_object_get(root, "texts"), json_object_get(item, "ids"), false);
    hg_tokenizer_close(tok);
    json_decref(root);
}

static void test_look_ups(void **state)
{
    (void)state;
    size_t n = 0;
    hg_tokenizer *tok = open_packed("packed_bytes");
    assert_int_equal(hg_tokenizer_length(tok), 22);
    assert_int_equal(hg_tokenizer_bos(tok), 19);
    assert_int_equal(hg_tokenizer_eos(tok), 20);
    assert_true(hg_tokenizer_adds_bos(tok));
    assert_null(hg_tokenizer_token(tok, 17, &n)); /* "[PAD17]" only fills the place */
    assert_int_equal(hg_tokenizer_find_id(tok, "[PAD17]"), -1);
    assert_int_equal(hg_tokenizer_find_id(tok, " ab"), 11);
    assert_int_equal(hg_tokenizer_find_id(tok, "\n"), 7);
    assert_true(hg_tokenizer_is_special(tok, 20));
    assert_false(hg_tokenizer_is_special(tok, 21));
    hg_tokenizer_close(tok);
}

/* ---- damaged files
 * -------------------------------------------------------------------------------------------- */

static hg_status read_tokenizer(const uint8_t *data, size_t size, hg_error *err)
{
    hg_tokenizer *tok = NULL;
    hg_status status = gguf_bytes_open(&tok, data, size, err);
    hg_tokenizer_close(tok);
    return status;
}

/* The beginnings of values: type, for arrays the type of the elements, and their number in 8 bytes. */
#define ARRAY(type) "\x09\0\0\0" type "\0\0\0"
#define COUNT(n) n "\0\0\0\0\0\0\0"
#define U32(n) "\x04\0\0\0" n "\0\0\0"
#define BOOL(b) "\x07\0\0\0" b
#define TEXT(n, text) "\x08\0\0\0" COUNT(n) text

#define KINDS "token_kinds" ARRAY("\0")
#define FLAGS "token_flags" ARRAY("\0")
#define TOKENS "ggml.tokens" ARRAY("\x08")

static void test_damaged_bytes(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("version" U32("\x01"), "version" U32("\x02"), "version is 2, only 1 is known"),
        FORMAT_DELTA("version" U32("\x01"), "version" BOOL("\x01"), "of type bool, expected an integer"),
        FORMAT_DELTA(TEXT("\x03", "bpe"), TEXT("\x03", "bpf"), "kind is 'bpf', which is not known"),
        FORMAT_DELTA(TEXT("\x03", "bpe"), TEXT("\0", ""), "kind is '', which is not known"),
        FORMAT_DELTA(TEXT("\x03", "bpe"), TEXT("\x0d", "sentencepiece"),
                     "remove_extra_whitespaces' is missing"),
        FORMAT_DELTA("byte_level", "byte_levem", "key 'healthgpt.tokenizer.byte_level' is missing"),
        FORMAT_DELTA("byte_level" BOOL("\x01"), "byte_level" BOOL("\0"),
                     "token 16 is of kind 1 with flags 32"),
        FORMAT_DELTA("byte_level" BOOL("\x01"), "byte_level" U32("\x01"), "of type u32, expected bool"),
        FORMAT_DELTA("white_space" TEXT("\x07", "unicode"), "white_space" TEXT("\x07", "unicodf"),
                     "'unicodf'"),
        FORMAT_DELTA("prepend" TEXT("\x05", "never"), "prepend" TEXT("\x05", "newer"), "'newer'"),
        FORMAT_DELTA(KINDS, "token_kindz" ARRAY("\0"), "key 'healthgpt.tokenizer.token_kinds' is missing"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x15"), "token_kinds has 21 elements for 22"),
        FORMAT_DELTA(FLAGS COUNT("\x16") "\0", FLAGS COUNT("\x15"), "token_flags has 21 elements for 22"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\x08", "token 0 is of kind 8"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\x05", "token 0 is of kind 5"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\x06", "token 0 is of kind 6"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\x03", "token 0 is of kind 3"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\x07", "kind 7 with flags 0"),
        FORMAT_DELTA(KINDS COUNT("\x16") "\x01", KINDS COUNT("\x16") "\0", "needs 'a', which is not"),
        FORMAT_DELTA(FLAGS COUNT("\x16") "\0", FLAGS COUNT("\x16") "\x40", "kind 1 with flags 64"),
        FORMAT_DELTA(FLAGS COUNT("\x16") "\0", FLAGS COUNT("\x16") "\xff", "kind 1 with flags 255"),
        FORMAT_DELTA(TOKENS COUNT("\x16") COUNT("\x01") "a", TOKENS COUNT("\x16") COUNT("\x01") " ",
                     "token 0, ' ', is not spelled"),
        FORMAT_DELTA(TOKENS COUNT("\x16") COUNT("\x01") "a", TOKENS COUNT("\x16") COUNT("\x01") "b",
                     "token 'b' has the ids 0 and 1"),
        FORMAT_DELTA(TOKENS COUNT("\x16") COUNT("\x01") "a", TOKENS COUNT("\x16") COUNT("\0"), "0 bytes"),
        FORMAT_DELTA(COUNT("\x03") "<y>", COUNT("\x03") "<x>", "token '<x>' has the ids 19 and 20"),
        FORMAT_DELTA(COUNT("\x03") "a b", COUNT("\x03") "a d", "merge 0 needs 'd'"),
        FORMAT_DELTA(COUNT("\x03") "a b", COUNT("\x03") "b a", "merge 0 needs 'ba'"),
        FORMAT_DELTA(COUNT("\x03") "a b", COUNT("\x03") "  b", "merge 0 is '  b', not two tokens"),
        FORMAT_DELTA(COUNT("\x03") "a b", COUNT("\0") "", "not two tokens"),
        FORMAT_DELTA("bos_token_id" U32("\x13"), "bos_token_id" U32("\x16"),
                     "bos_token_id is 22, which is none"),
        FORMAT_DELTA("bos_token_id" U32("\x13"), "bos_token_id" U32("\x11"),
                     "bos_token_id is 17, which is none"),
        FORMAT_DELTA("bos_token_id" U32("\x13"), "bos_token_id" BOOL("\x01"), "expected an integer"),
        FORMAT_DELTA(COUNT("\x07") "replace", COUNT("\x07") "replacf", "normalizer.kinds is 'replacf'"),
        FORMAT_DELTA(COUNT("\x02") "zz", COUNT("\x02") "z\0", "normalizer 1: only texts"),
        FORMAT_DELTA(COUNT("\x02") "zz", COUNT("\x10") "0123456789abcdef", "normalizer 1: only texts"),
        FORMAT_DELTA("normalizer.from", "normalizer.frow", "normalizer.from' is missing"),
        FORMAT_DELTA("[abc]+|", "(abc]+|", "splitting pattern '\\s?(abc]+|[^1]'"),
        FORMAT_DELTA("\\s?[abc]+|[^1]", "\\s?\\C\\C\\C\\C\\C)", "splitting pattern"),
        FORMAT_DELTA(COUNT("\x07") "removed", COUNT("\x07") "removes", "split.modes is 'removes'"),
        FORMAT_DELTA("inverts" ARRAY("\x07") COUNT("\x02") "\x01", "inverts" ARRAY("\x07") COUNT("\x01"),
                     "split.inverts has 1 elements for 2 steps"),
        FORMAT_DELTA("literals" ARRAY("\x07"), "literals" ARRAY("\0"), "split.literals"),
        FORMAT_DELTA("split.modes", "split.modez", "split.modes' is missing"),
    };
    format_check_deltas("text/packed_bytes.gguf", read_tokenizer, deltas, sizeof deltas / sizeof deltas[0]);
    format_check_truncated("text/packed_bytes.gguf", 0, read_tokenizer);
}

static void test_damaged_chars(void **state)
{
    (void)state;
#define MERGES "merges" ARRAY("\x05")
    static const format_delta deltas[] = {
        FORMAT_DELTA(MERGES COUNT("\x04") "\x02", MERGES COUNT("\x04") "\x63",
                     "merge 0 needs a token that is"),
        FORMAT_DELTA(MERGES COUNT("\x04") "\x02\0\0\0", MERGES COUNT("\x04") "\xff\xff\xff\xff",
                     "merge 0 needs"),
        FORMAT_DELTA(MERGES COUNT("\x04") "\x02\0\0\0", MERGES COUNT("\x03"), "3 ids in merges"),
        FORMAT_DELTA(MERGES COUNT("\x04") "\x02", MERGES COUNT("\x04") "\x08", "merge 0 needs '<x>'"),
        FORMAT_DELTA(MERGES, "merges" ARRAY("\x06"), "merges"),
        FORMAT_DELTA("<0x0A>", "<0x0a>", "byte token 7 is not named as one"),
        FORMAT_DELTA("model_unknown" U32("\0"), "model_unknown" U32("\x09"),
                     "model_unknown is 9, which is none"),
        FORMAT_DELTA(FLAGS COUNT("\x09") "\0", FLAGS COUNT("\x09") "\x20", "kind 1 with flags 32"),
        FORMAT_DELTA(KINDS COUNT("\x09") "\x01", KINDS COUNT("\x09") "\x02", "kind 2 with flags 0"),
    };
    format_check_deltas("text/packed_chars.gguf", read_tokenizer, deltas, sizeof deltas / sizeof deltas[0]);
}

static void test_damaged_pieces(void **state)
{
    (void)state;
#define NEVER "\0\0\x7a\xc4" /* -1000 */
    static const format_delta deltas[] = {
        FORMAT_DELTA(NEVER "\0\0\0\0", NEVER "\0\0\x80\x7f", "token 3 has a score that is no number"),
        FORMAT_DELTA(NEVER "\0\0\0\0", NEVER "\0\0\xc0\xff", "token 3 has a score that is no number"),
        FORMAT_DELTA("ggml.scores", "ggml.scorez", "ggml.scores' is missing"),
        FORMAT_DELTA("model_unknown", "model_unknowm", "the unknown piece is missing"),
        FORMAT_DELTA("ggml.unknown_token_id", "ggml.unknowm_token_id", "the unknown token is missing"),
        FORMAT_DELTA("byte_fallback" BOOL("\0"), "byte_fallback" BOOL("\x01"), "needs 256 byte pieces"),
        FORMAT_DELTA("legacy", "legacz", "legacy' is missing"),
        FORMAT_DELTA(FLAGS COUNT("\x5a") "\0", FLAGS COUNT("\x5a") "\x20", "kind 2 with flags 32"),
        FORMAT_DELTA(KINDS COUNT("\x5a") "\x02", KINDS COUNT("\x5a") "\x06",
                     "byte token 0 is not named as one"),
    };
    format_check_deltas("text/packed_pieces.gguf", read_tokenizer, deltas, sizeof deltas / sizeof deltas[0]);
}

/* Names longer than may be looked for in a text, and more steps than there is room for. */
static void test_too_much(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_tokenizer *tok = open_packed("packed_chars"), *again = NULL;
    char name[1025];
    memset(name, 'x', sizeof name);
    assert_int_equal(
        hg_token_table_add(&tok->vocab, 9, name, sizeof name, HG_TOKEN_KIND_ADDED, HG_TOKEN_ADDED, &err),
        HG_STATUS_OK);
    hg_buffer file = gguf_bytes_write(tok);
    assert_int_equal(gguf_bytes_open(&again, file.data, file.size, &err), HG_STATUS_INPUT);
    format_check_text(&err, "added token 9 has a name of 1025 bytes, at most 1024");
    hg_buffer_deinit(&file);
    hg_tokenizer_close(tok);
}

static void test_too_many_steps(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_gguf_builder b;
    hg_tokenizer *tok = NULL;
    hg_buffer file = format_read("text/packed_chars.gguf");
    hg_gguf *g = NULL;
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, &err), HG_STATUS_OK);
    for (int what = 0; what < 2; what++) {
        const char *const prefix =
            what == 0 ? "healthgpt.tokenizer.split." : "healthgpt.tokenizer.normalizer.";
        const size_t n = 9;
        hg_gguf_builder_init(&b);
        for (size_t i = 0; i < hg_gguf_n_values(g); i++) {
            const hg_gguf_value *value = hg_gguf_get_value(g, i);
            if (strncmp(hg_gguf_value_key(value), prefix, strlen(prefix)) != 0)
                hg_gguf_put_value(&b, value);
        }
        static const char *const keys[2][3] = {{"split.patterns", "split.modes", NULL},
                                               {"normalizer.kinds", "normalizer.from", "normalizer.to"}};
        static const char *const values[2][3] = {{"c", "isolated", NULL}, {"nfc", "", ""}};
        for (size_t k = 0; k < 3 && keys[what][k] != NULL; k++) {
            char key[64];
            snprintf(key, sizeof key, "healthgpt.tokenizer.%s", keys[what][k]);
            hg_gguf_begin_array(&b, key, HG_GGUF_STRING, n);
            for (size_t i = 0; i < n; i++)
                hg_gguf_push_text(&b, values[what][k], strlen(values[what][k]));
        }
        for (size_t k = 0; what == 0 && k < 2; k++) {
            hg_gguf_begin_array(
                &b, k == 0 ? "healthgpt.tokenizer.split.inverts" : "healthgpt.tokenizer.split.literals",
                HG_GGUF_BOOL, n);
            for (size_t i = 0; i < n; i++)
                hg_gguf_push_bool(&b, k == 1);
        }
        assert_int_equal(hg_gguf_builder_status(&b, &err), HG_STATUS_OK);
        hg_buffer changed = gguf_bytes_of(&b);
        assert_int_equal(gguf_bytes_open(&tok, changed.data, changed.size, &err), HG_STATUS_INPUT);
        format_check_text(&err,
                          what == 0 ? "more than 8 steps of pre-tokenization" : "9 normalizers, at most 8");
        hg_buffer_deinit(&changed);
        hg_gguf_builder_deinit(&b);
    }
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
}

/* A pattern that backtracks without end is stopped, with an error. */
static void test_endless_pattern(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_tokenizer *tok = NULL;
    hg_buffer file = format_read("text/packed_bytes.gguf");
    static const char pattern[] = "\\s?[abc]+|[^1]", endless[] = "(a|a|aa)+(?=x)";
    assert_int_equal(sizeof pattern, sizeof endless);
    uint8_t *at = NULL;
    for (size_t i = 0; at == NULL && i + sizeof pattern <= file.size; i++) {
        if (memcmp(file.data + i, pattern, sizeof pattern - 1) == 0)
            at = file.data + i;
    }
    assert_non_null(at);
    memcpy(at, endless, sizeof endless - 1);
    tok = gguf_bytes_read(&file);
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    char text[200];
    memset(text, 'a', sizeof text);
    const hg_text_segment segment = {text, sizeof text, false};
    assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, false, &ids, &err), HG_STATUS_INPUT);
    format_check_text(&err, "limits");
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
    hg_buffer_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_damaged_chars),
        cmocka_unit_test(test_damaged_pieces),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_too_many_steps),
        cmocka_unit_test(test_endless_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
