/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer_json.c: unusual settings give the ids of the tokenizers library; what is broken or not
 * supported is refused by name.
 */
#include "text/tokenizer_parts.h"

#include "text_golden.h"

static void check_ids(const hg_ids *ids, const json_t *expected, size_t c, const char *text)
{
    bool same = ids->n == json_array_size(expected);
    for (size_t i = 0; same && i < ids->n; i++)
        same = ids->data[i] == json_integer_value(json_array_get(expected, i));
    if (!same)
        fail_msg("case %zu: other ids for '%s'", c, text);
}

static void check_variant(size_t c, const json_t *item, const json_t *texts)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    char *content = json_dumps(json_object_get(item, "tokenizer"), 0);
    if (hg_tokenizer_open_json_memory(&tok, content, strlen(content), &err) != HG_STATUS_OK)
        fail_msg("case %zu: %s", c, err.text);
    free(content);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        ids.n = 0;
        assert_int_equal(
            hg_tokenizer_encode(tok, &(hg_text_segment){text, strlen(text), false}, 1, true, &ids, &err),
            HG_STATUS_OK);
        check_ids(&ids, json_array_get(json_object_get(item, "ids"), i), c, text);
    }
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

static void test_variants(void **state)
{
    (void)state;
    json_error_t reason;
    json_t *root = json_load_file(HG_TEST_DATA "/text/variants.json", 0, &reason);
    const json_t *cases = json_object_get(root, "cases");
    assert_int_equal(json_array_size(cases), 26);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_variant(i, json_array_get(cases, i), json_object_get(root, "texts"));
    json_decref(root);
}

static void check_refused(const char *content, const char *reason)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    hg_status status = hg_tokenizer_open_json_memory(&tok, content, strlen(content), &err);
    if (status != HG_STATUS_INPUT || strstr(err.text, reason) == NULL)
        fail_msg("status %d, '%s' does not say '%s'", (int)status, err.text, reason);
    assert_null(tok);
}

#define MODEL(rest) "\"model\": {\"type\": \"BPE\", " rest "}"
#define AB "\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}"
#define GOOD MODEL(AB ", \"merges\": [\"a b\"]")

static void test_broken_models(void **state)
{
    (void)state;
    check_refused("", "not valid JSON");
    check_refused("[]", "not a JSON object");
    check_refused("{}", "a model");
    check_refused("{\"model\": 5}", "a model");
    check_refused("{\"model\": {\"type\": \"Unigram\"}}", "Unigram");
    check_refused("{" MODEL("\"vocab\": {}") "}", "no vocabulary");
    check_refused("{" MODEL("\"vocab\": [1]") "}", "no vocabulary");
    check_refused("{" MODEL("\"vocab\": {\"a\": 0, \"b\": 0}") "}", "given twice");
    check_refused("{" MODEL("\"vocab\": {\"a\": 0, \"a\": 1}") "}", "duplicate");
    check_refused("{" MODEL("\"vocab\": {\"a\": -1}") "}", "id -1");
    check_refused("{" MODEL("\"vocab\": {\"a\": 1048576}") "}", "1048576");
    check_refused("{" MODEL("\"vocab\": {\"a\": 9223372036854775807}") "}", "9223372036854775807");
    check_refused("{" MODEL("\"vocab\": {\"a\": 1.5}") "}", "has no id");
    check_refused("{" MODEL("\"vocab\": {\"\": 0}") "}", "0 bytes");
    check_refused("{" MODEL(AB ", \"merges\": [\"a c\"]") "}", "merge 0 needs 'c'");
    check_refused("{" MODEL(AB ", \"merges\": [\"a b\", \"b a\"]") "}", "merge 1 needs 'ba'");
    check_refused("{" MODEL(AB ", \"merges\": [\"ab\"]") "}", "two tokens");
    check_refused("{" MODEL(AB ", \"merges\": [[\"a\", \"b\", \"c\"]]") "}", "two tokens");
    check_refused("{" MODEL(AB ", \"merges\": [7]") "}", "two tokens");
    check_refused("{" MODEL(AB ", \"unk_token\": \"<unk>\"") "}", "<unk>");
    check_refused("{" MODEL(AB ", \"dropout\": 0.5") "}", "dropout");
    check_refused("{" MODEL(AB ", \"end_of_word_suffix\": \"</w>\"") "}", "end_of_word_suffix");
}

static void test_broken_parts(void **state)
{
    (void)state;
    check_refused("{" GOOD ", \"normalizer\": {\"type\": \"BertNormalizer\"}}", "BertNormalizer");
    check_refused("{" GOOD ", \"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"0123456789abcdef\"}}",
                  "Prepend");
    check_refused("{" GOOD ", \"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a\"}}}",
                  "Replace");
    check_refused("{" GOOD ", \"pre_tokenizer\": {\"type\": \"Whitespace\"}}", "Whitespace");
    check_refused("{" GOOD ", \"pre_tokenizer\": {\"type\": \"Split\"}}", "Split");
    check_refused("{" GOOD ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, "
                  "\"behavior\": \"Isolated\"}}",
                  "splitting pattern '('");
    check_refused(
        "{" GOOD
        ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Odd\"}}",
        "Odd");
    check_refused("{" GOOD ", \"added_tokens\": [{\"content\": \"x\"}]}", "has no id");
    check_refused("{" GOOD ", \"added_tokens\": [{\"id\": 5}]}", "no content");
    check_refused("{" GOOD ", \"added_tokens\": [{\"id\": 1, \"content\": \"x\"}]}", "given twice");
    check_refused("{" GOOD ", \"added_tokens\": [{\"id\": 3, \"content\": \"a\"}]}", "has the ids 0 and 3");
    check_refused("{" GOOD ", \"added_tokens\": [{\"id\": 3, \"content\": \"x\", \"single_word\": true}]}",
                  "single word");
    check_refused("{" GOOD ", \"post_processor\": {\"type\": \"BertProcessing\"}}", "BertProcessing");
    check_refused("{" GOOD
                  ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
                  "{\"id\": \"<s>\"}}]}}",
                  "<s>");
}

static void test_deep_json(void **state)
{
    (void)state;
    const size_t depth = 100000;
    char *text = malloc(depth + 16);
    assert_non_null(text);
    memcpy(text, "{\"model\": ", 10);
    memset(text + 10, '[', depth);
    text[10 + depth] = 0;
    check_refused(text, "not valid JSON");
    free(text);
}

/* A pattern that backtracks without end is stopped, with an error. */
static void test_endless_pattern(void **state)
{
    (void)state;
    static const char content[] =
        "{" GOOD ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a|a|aa)+(?=x)\"}, "
        "\"behavior\": \"Isolated\"}}";
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    char text[200];
    memset(text, 'a', sizeof text);
    assert_int_equal(hg_tokenizer_open_json_memory(&tok, content, strlen(content), &err), HG_STATUS_OK);
    assert_int_equal(
        hg_tokenizer_encode(tok, &(hg_text_segment){text, sizeof text, false}, 1, false, &ids, &err),
        HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "limits"));
    assert_int_equal(ids.n, 0);
    hg_ids_deinit(&ids);
    hg_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),        cmocka_unit_test(test_broken_models),
        cmocka_unit_test(test_broken_parts),    cmocka_unit_test(test_deep_json),
        cmocka_unit_test(test_endless_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
