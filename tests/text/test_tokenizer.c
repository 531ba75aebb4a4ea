/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer.c: opening, added tokens, segments, text that is not UTF-8, limits.
 */
#include "text/tokenizer.h"

#include "text_golden.h"

static void encode(const hg_tokenizer *tok, const hg_text_segment *segments, size_t n, hg_ids *ids)
{
    hg_error err = {0};
    ids->n = 0;
    if (hg_tokenizer_encode(tok, segments, n, false, ids, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static hg_text_segment part(const char *text, bool plain)
{
    return (hg_text_segment){text, strlen(text), plain};
}

static void check_same(const hg_ids *a, const hg_ids *b)
{
    assert_int_equal(a->n, b->n);
    if (a->n > 0)
        assert_memory_equal(a->data, b->data, a->n * sizeof *a->data);
}

/* ---- opening
 * -------------------------------------------------------------------------------------------------- */

static void check_refused(const char *path, const char *reason)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    assert_int_equal(hg_tokenizer_open(&tok, path, &err), HG_STATUS_INPUT);
    assert_null(tok);
    if (strstr(err.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, reason);
}

/* A folder whose file has this content, with the other files of the family. */
static void check_broken(const char *family, const char *others, const char *name, const char *content,
                         const char *reason)
{
    char folder[64];
    golden_folder(folder, family, others);
    golden_folder_file(folder, name, content, strlen(content));
    check_refused(folder, reason);
    golden_folder_remove(folder);
}

static void test_missing(void **state)
{
    (void)state;
    check_refused("/nonexistent/folder", "no such file");
    check_refused(HG_TEST_DATA, "no tokenizer");
    check_refused(HG_TEST_DATA "/text/chat.json", "chat.json");
}

static void test_broken_files(void **state)
{
    (void)state;
    static const char model[] = "tokenizer.model", words[] = "merges.txt", merges[] = "vocab.json";
    check_broken("phi3", "", model, "", "not a SentencePiece model");
    check_broken("phi3", "", model, "no model at all", "tokenizer.model");
    check_broken("phi3", model, "tokenizer_config.json", "{", "not valid JSON");
    check_broken("phi3", model, "tokenizer_config.json",
                 "{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}", "number");
    check_broken("phi3", model, "tokenizer_config.json",
                 "{\"added_tokens_decoder\": {\"5\": {\"content\": \"<|x|>\"}}}", "given twice");
    check_broken("phi3", model, "tokenizer_config.json",
                 "{\"added_tokens_decoder\": {\"700\": {\"content\": \"<s>\"}}}", "has the ids 1 and 700");
    check_broken("phi3", model, "tokenizer_config.json",
                 "{\"added_tokens_decoder\": {\"99999999999\": {\"content\": \"<|x|>\"}}}", "99999999999");
    check_broken("phi3", model, "added_tokens.json", "{\"<|x|>\": \"1\"}", "has no id");
    check_broken("phi3", model, "added_tokens.json", "{\"<|x|>\": -1}", "negative id");
    check_broken("phi4", words, "vocab.json", "{\"a\": 0, \"b\": 0}", "given twice");
    check_broken("phi4", words, "vocab.json", "{\"a\": 0, \"b\": 1048576}", "1048576");
    check_broken("phi4", words, "vocab.json", "{\"a\": 0, \"b\": \"1\"}", "has no id");
    check_broken("phi4", words, "vocab.json", "{\"a\": 0, \"b\": 1}", "not in the vocabulary");
    check_broken("phi4", merges, "merges.txt", "#version: 0.2\na b c\n", "two tokens");
    check_broken("phi4", merges, "merges.txt", "ab\n", "two tokens");
    check_broken("phi4", merges, "merges.txt", "Z Z\n", "merge 0 needs 'ZZ'");
}

/* ---- tokens
 * --------------------------------------------------------------------------------------------------- */

static void test_look_ups(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("phi3");
    size_t n = 0;
    assert_int_equal(hg_tokenizer_length(tok), 651);
    assert_int_equal(hg_tokenizer_find_id(tok, "<|endoftext|>"), 640);
    assert_int_equal(hg_tokenizer_find_id(tok, "<|user|>"), 650);
    assert_int_equal(hg_tokenizer_find_id(tok, "no such token"), -1);
    assert_int_equal(hg_tokenizer_find_id(tok, ""), -1);
    assert_memory_equal(hg_tokenizer_token(tok, 647, &n), "<|end|>", 7);
    assert_int_equal(n, 7);
    assert_null(hg_tokenizer_token(tok, 651, &n));
    assert_null(hg_tokenizer_token(tok, -1, &n));
    assert_true(hg_tokenizer_is_special(tok, 647));
    assert_false(hg_tokenizer_is_special(tok, 300));
    assert_false(hg_tokenizer_is_special(tok, 651));
    assert_int_equal(hg_tokenizer_bos(tok), 1);
    assert_int_equal(hg_tokenizer_eos(tok), 640);
    assert_false(hg_tokenizer_adds_bos(tok));
    hg_tokenizer_close(tok);
    tok = golden_family("qwen2");
    assert_int_equal(hg_tokenizer_bos(tok), -1);
    assert_int_equal(hg_tokenizer_eos(tok), hg_tokenizer_find_id(tok, "<|im_end|>"));
    hg_tokenizer_set_bos(tok, true); /* without effect: there is no begin token */
    assert_false(hg_tokenizer_adds_bos(tok));
    hg_tokenizer_close(tok);
}

static void test_begin_and_end(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("phi3");
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 100);
    const hg_text_segment text = part("", false);
    assert_int_equal(hg_tokenizer_encode(tok, &text, 1, true, &ids, &err), HG_STATUS_OK);
    assert_int_equal(ids.n, 0);
    hg_tokenizer_set_bos(tok, true);
    assert_int_equal(hg_tokenizer_encode(tok, &text, 1, true, &ids, &err), HG_STATUS_OK);
    assert_int_equal(ids.n, 1);
    assert_int_equal(ids.data[0], 1);
    assert_int_equal(hg_tokenizer_encode(tok, NULL, 0, false, &ids, &err), HG_STATUS_OK);
    assert_int_equal(ids.n, 1); /* what was there stays */
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

/* 8,195 tokens; the ids of a released generation model's prompt follow from the length before. */
static void test_picture_tokens(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("phi3");
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1 << 20);
    const int32_t first = hg_tokenizer_length(tok);
    assert_int_equal(hg_tokenizer_add_picture_tokens(tok, 8192, &err), HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_length(tok), first + 8195);
    assert_int_equal(hg_tokenizer_find_id(tok, "<start_index>"), first);
    assert_int_equal(hg_tokenizer_find_id(tok, "<idx_0>"), first + 1);
    assert_int_equal(hg_tokenizer_find_id(tok, "<idx_8191>"), first + 8192);
    assert_int_equal(hg_tokenizer_find_id(tok, "<idx_8192>"), -1);
    assert_int_equal(hg_tokenizer_find_id(tok, "<end_index>"), first + 8193);
    assert_int_equal(hg_tokenizer_find_id(tok, "<pixel_newline>"), first + 8194);
    /* Again: nothing new. */
    assert_int_equal(hg_tokenizer_add_picture_tokens(tok, 8192, &err), HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_length(tok), first + 8195);
    const hg_text_segment text = part("<start_index><idx_7><idx_70><idx_8191><end_index>", false);
    encode(tok, &text, 1, &ids);
    const int32_t expected[] = {first, first + 8, first + 71, first + 8192, first + 8193};
    assert_int_equal(ids.n, 5); /* the lone mark in front goes: these tokens have a role */
    assert_memory_equal(ids.data, expected, sizeof expected);
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

static void test_new_tokens(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_family("qwen2");
    hg_error err = {0};
    char long_name[1026];
    memset(long_name, 'x', sizeof long_name);
    long_name[1025] = 0;
    const char *const bad[] = {"", long_name};
    assert_int_equal(hg_tokenizer_add_tokens(tok, &bad[0], 1, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_tokenizer_add_tokens(tok, &bad[1], 1, &err), HG_STATUS_USAGE);
    /* A word of the vocabulary keeps its id and is now found before anything else. */
    const char *const names[] = {"<new>", " the"};
    const int32_t n = hg_tokenizer_length(tok), the = hg_tokenizer_find_id(tok, " the");
    assert_int_equal(hg_tokenizer_add_tokens(tok, names, 2, &err), HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_find_id(tok, "<new>"), n);
    assert_int_equal(hg_tokenizer_find_id(tok, " the"), the);
    assert_int_equal(hg_tokenizer_length(tok), n + 1);
    hg_ids ids;
    hg_ids_init(&ids, 100);
    const hg_text_segment text = part(" there<new>", false);
    encode(tok, &text, 1, &ids);
    assert_true(ids.n > 2);
    assert_int_equal(ids.data[0], the);
    assert_int_equal(ids.data[ids.n - 1], n);
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

/* ---- segments
 * ------------------------------------------------------------------------------------------------- */

static size_t character_end(const hg_text_segment *s, size_t at)
{
    while (at < s->n && ((uint8_t)s->text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* However a text is cut, its ids are the same. */
static void test_cut_texts(void **state)
{
    (void)state;
    static const char *const families[] = {"phi3", "phi4", "qwen2"};
    hg_text_segment strings[GOLDEN_STRINGS];
    golden_file texts = golden_strings(strings);
    hg_ids whole, cut;
    hg_ids_init(&whole, 1 << 20);
    hg_ids_init(&cut, 1 << 20);
    for (size_t family = 0; family < 3; family++) {
        hg_tokenizer *tok = golden_family(families[family]);
        for (size_t i = 0; i < GOLDEN_STRINGS; i++) {
            hg_text_segment s = strings[i];
            s.plain = i % 2 == 0;
            size_t a = character_end(&s, s.n / 3), b = character_end(&s, s.n * 2 / 3);
            const hg_text_segment parts[] = {{s.text, a, s.plain},
                                             {NULL, 0, !s.plain},
                                             {s.text + a, b - a, s.plain},
                                             {s.text + b, s.n - b, s.plain}};
            encode(tok, &s, 1, &whole);
            encode(tok, parts, 4, &cut);
            check_same(&whole, &cut);
        }
        hg_tokenizer_close(tok);
    }
    hg_ids_deinit(&whole);
    hg_ids_deinit(&cut);
    golden_close(&texts);
}

static size_t count(const hg_ids *ids, int32_t id)
{
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++)
        n += ids->data[i] == id ? 1 : 0;
    return n;
}

/* A control token counts only where no part of it is plain. */
static void test_plain_parts(void **state)
{
    (void)state;
    static const char *const families[] = {"phi4", "qwen2"};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    for (size_t family = 0; family < 2; family++) {
        hg_tokenizer *tok = golden_family(families[family]);
        const int32_t end = hg_tokenizer_find_id(tok, "<|im_end|>");
        const hg_text_segment whole[] = {part("<|im", false), part("_end|>", false)};
        const hg_text_segment half[] = {part("<|im", false), part("_end|>", true)};
        const hg_text_segment other_half[] = {part("<|im", true), part("_end|>", false)};
        const hg_text_segment mixed[] = {part("a<|im_end|>", true), part("<|im_end|>", false),
                                         part("<|im_end|>b", true), part("c<|im_end|><|im_end|>", false)};
        encode(tok, whole, 2, &ids);
        assert_int_equal(count(&ids, end), 1);
        encode(tok, half, 2, &ids);
        assert_int_equal(count(&ids, end), 0);
        encode(tok, other_half, 2, &ids);
        assert_int_equal(count(&ids, end), 0);
        encode(tok, mixed, 4, &ids);
        assert_int_equal(count(&ids, end), 3);
        hg_tokenizer_close(tok);
    }
    hg_ids_deinit(&ids);
}

/* ---- what text may be
 * ----------------------------------------------------------------------------------------- */

/* As Python's bytes.decode("utf-8", "replace") gives the text. */
static void test_not_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xe2\x82x", "\xef\xbf\xbdx"},
        {"\xf0\x9f\x91", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x28\xa1", "\xef\xbf\xbd(\xef\xbf\xbd"},
    };
    static const char *const families[] = {"phi3", "phi4", "qwen2"};
    hg_ids a, b;
    hg_ids_init(&a, 1000);
    hg_ids_init(&b, 1000);
    for (size_t family = 0; family < 3; family++) {
        hg_tokenizer *tok = golden_family(families[family]);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const hg_text_segment bytes = part(cases[i].bytes, true), text = part(cases[i].text, true);
            encode(tok, &bytes, 1, &a);
            encode(tok, &text, 1, &b);
            check_same(&a, &b);
        }
        hg_tokenizer_close(tok);
    }
    hg_ids_deinit(&a);
    hg_ids_deinit(&b);
}

/* A long row of one letter, of spaces or of brackets is encoded soon; more than the limit is refused. */
static void test_long_texts(void **state)
{
    (void)state;
    static const char *const families[] = {"phi3", "phi4", "qwen2"};
    static const char letters[] = "a <\n1";
    const size_t n = 300000, n_spaces = HG_TOKENIZER_MAX_TEXT;
    hg_error err = {0};
    hg_ids ids;
    hg_buffer text;
    hg_ids_init(&ids, 1 << 22);
    hg_buffer_init(&text, 1 << 24);
    assert_non_null(hg_buffer_extend(&text, HG_TOKENIZER_MAX_TEXT + 1));
    for (size_t family = 0; family < 3; family++) {
        hg_tokenizer *tok = golden_family(families[family]);
        for (const char *c = letters; *c != 0; c++) {
            const size_t bytes = *c == ' ' ? n_spaces : n; /* the patterns go back and forth over spaces */
            memset(text.data, *c, bytes);
            const hg_text_segment s = {(const char *)text.data, bytes, false};
            encode(tok, &s, 1, &ids);
            assert_true(ids.n > 0);
        }
        const hg_text_segment both[] = {{(const char *)text.data, 1, true},
                                        {(const char *)text.data, HG_TOKENIZER_MAX_TEXT, true}};
        ids.n = 1;
        assert_int_equal(hg_tokenizer_encode(tok, both, 2, false, &ids, &err), HG_STATUS_INPUT);
        assert_int_equal(ids.n, 1);
        hg_tokenizer_close(tok);
    }
    hg_ids_deinit(&ids);
    hg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing),        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_look_ups),       cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_new_tokens),     cmocka_unit_test(test_cut_texts),
        cmocka_unit_test(test_picture_tokens), cmocka_unit_test(test_plain_parts),
        cmocka_unit_test(test_not_utf8),       cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
