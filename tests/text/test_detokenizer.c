/* SPDX-License-Identifier: Apache-2.0
 *
 * test_detokenizer.c: texts equal to those of the tokenizers library and sentencepiece, at once and token by
 * token.
 */
#include "text/detokenizer.h"
#include "text/utf8.h"

#include "text_golden.h"

static bool is_valid(const uint8_t *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        hg_utf8_step step = hg_utf8_read(text + at, n - at);
        if (!step.valid)
            return false;
        at += step.size;
    }
    return true;
}

/* Decodes both ways; what has come out is whole characters after every token. */
static void check_text(const hg_tokenizer *tok, const int32_t *ids, size_t n, const uint8_t *expected,
                       size_t size)
{
    hg_buffer once, stream;
    hg_error err = {0};
    hg_detokenizer d;
    hg_buffer_init(&once, 1 << 20);
    hg_buffer_init(&stream, 1 << 20);
    assert_int_equal(hg_tokenizer_decode(tok, ids, n, false, &once, &err), HG_STATUS_OK);
    if (once.size != size || (size > 0 && memcmp(once.data, expected, size) != 0))
        fail_msg("decoded '%s', expected '%.*s'", hg_buffer_text(&once), (int)size, (const char *)expected);
    hg_detokenizer_init(&d, tok, false);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(hg_detokenizer_push(&d, ids[i], &stream, &err), HG_STATUS_OK);
        assert_true(is_valid(stream.data, stream.size));
    }
    assert_int_equal(hg_detokenizer_flush(&d, &stream, &err), HG_STATUS_OK);
    assert_int_equal(stream.size, size);
    if (size > 0)
        assert_memory_equal(stream.data, expected, size);
    hg_buffer_deinit(&once);
    hg_buffer_deinit(&stream);
}

static void read_ids(golden_file *f, size_t n, hg_ids *ids)
{
    ids->n = 0;
    for (size_t k = 0; k < n; k++)
        assert_true(hg_ids_push(ids, (int32_t)golden_number(f, 2)));
}

static void check_strings(const hg_tokenizer *tok, const char *family)
{
    hg_text_segment strings[GOLDEN_STRINGS];
    char name[64];
    golden_file texts = golden_strings(strings);
    snprintf(name, sizeof name, "%s.ids", family);
    golden_file lists = golden_open(name);
    snprintf(name, sizeof name, "%s.decoded", family);
    golden_file decoded = golden_open(name);
    hg_ids ids;
    hg_ids_init(&ids, 1 << 20);
    for (size_t i = 0; i < GOLDEN_STRINGS; i++) {
        read_ids(&lists, golden_number(&lists, 2), &ids);
        uint32_t size = golden_number(&decoded, 4);
        if (size == GOLDEN_SAME_TEXT)
            check_text(tok, ids.data, ids.n, (const uint8_t *)strings[i].text, strings[i].n);
        else
            check_text(tok, ids.data, ids.n, golden_bytes(&decoded, size), size);
    }
    hg_ids_deinit(&ids);
    golden_close(&lists);
    golden_close(&decoded);
    golden_close(&texts);
}

static void check_random(const hg_tokenizer *tok, const char *family)
{
    char name[64];
    snprintf(name, sizeof name, "%s.random", family);
    golden_file f = golden_open(name);
    hg_ids ids;
    hg_ids_init(&ids, 1 << 20);
    for (uint32_t n = golden_number(&f, 4); n > 0; n--) {
        read_ids(&f, golden_number(&f, 2), &ids);
        uint32_t size = golden_number(&f, 4);
        check_text(tok, ids.data, ids.n, golden_bytes(&f, size), size);
    }
    hg_ids_deinit(&ids);
    golden_close(&f);
}

static void test_families(void **state)
{
    (void)state;
    static const char *const families[] = {"phi3", "phi4", "qwen2"};
    for (size_t i = 0; i < 3; i++) {
        hg_tokenizer *tok = golden_family(families[i]);
        check_strings(tok, families[i]);
        check_random(tok, families[i]);
        hg_tokenizer_close(tok);
    }
}

/* The vocabulary of tokenizer.json decodes what tokenizer.model encoded. */
static void test_phi3_fast(void **state)
{
    (void)state;
    char folder[64];
    golden_folder(folder, "phi3", "tokenizer.json");
    hg_tokenizer *tok = golden_tokenizer(folder);
    check_strings(tok, "phi3");
    hg_tokenizer_close(tok);
    golden_folder_remove(folder);
}

static void test_special_tokens(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("phi3");
    hg_error err = {0};
    assert_int_equal(hg_tokenizer_add_picture_tokens(tok, 4, &err), HG_STATUS_OK);
    const int32_t ids[] = {
        hg_tokenizer_find_id(tok, "<|user|>"), hg_tokenizer_find_id(tok, "\xe2\x96\x81show"),
        hg_tokenizer_find_id(tok, "<idx_2>"),  hg_tokenizer_find_id(tok, "<end_index>"),
        hg_tokenizer_find_id(tok, "</s>"),     hg_tokenizer_find_id(tok, "<|end|>")};
    hg_buffer out;
    hg_buffer_init(&out, 1000);
    assert_int_equal(hg_tokenizer_decode(tok, ids, 6, false, &out, &err), HG_STATUS_OK);
    assert_string_equal(hg_buffer_text(&out), "<|user|> show<idx_2><end_index></s><|end|>");
    out.size = 0;
    /* With nothing before it, the leading space goes; </s> is not a special token of Phi-3. */
    assert_int_equal(hg_tokenizer_decode(tok, ids, 6, true, &out, &err), HG_STATUS_OK);
    assert_string_equal(hg_buffer_text(&out), "show</s>");
    hg_buffer_deinit(&out);
    hg_tokenizer_close(tok);
}

static void test_errors(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("qwen2");
    hg_error err = {0};
    hg_buffer out;
    hg_buffer_init(&out, 3);
    const int32_t high = hg_tokenizer_length(tok), below = -1, word = hg_tokenizer_find_id(tok, " the");
    assert_true(word >= 0);
    assert_int_equal(hg_tokenizer_decode(tok, &high, 1, false, &out, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "546"));
    assert_int_equal(hg_tokenizer_decode(tok, &below, 1, false, &out, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_tokenizer_decode(tok, &word, 1, false, &out, &err), HG_STATUS_FAILED);
    hg_buffer_deinit(&out);
    hg_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_phi3_fast),
        cmocka_unit_test(test_special_tokens),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
