/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer_encode.c: ids equal to those of sentencepiece, transformers' slow classes and the tokenizers
 * library, for 1,000 strings and every way to open each family.
 */
#include "text/tokenizer_parts.h"

#include "text_golden.h"

/* Compares all strings; `base` is the file for strings that NAME.ids leaves out. */
static void check_ids(const hg_tokenizer *tok, const char *name, const char *base, bool plain)
{
    hg_text_segment strings[GOLDEN_STRINGS];
    golden_file texts = golden_strings(strings);
    char path[64];
    snprintf(path, sizeof path, "%s.ids", name);
    golden_file expected = golden_open(path);
    snprintf(path, sizeof path, "%s.ids", base);
    golden_file other = golden_open(path);
    hg_ids ids;
    hg_error err = {0};
    hg_ids_init(&ids, 1 << 20);
    for (size_t i = 0; i < GOLDEN_STRINGS; i++) {
        size_t n = golden_number(&expected, 2), n_other = golden_number(&other, 2);
        golden_file *from = n == GOLDEN_SAME_IDS ? &other : &expected;
        if (n != GOLDEN_SAME_IDS)
            golden_bytes(&other, 2 * n_other);
        ids.n = 0;
        strings[i].plain = plain;
        assert_int_equal(hg_tokenizer_encode(tok, &strings[i], 1, false, &ids, &err), HG_STATUS_OK);
        n = n == GOLDEN_SAME_IDS ? n_other : n;
        bool same = ids.n == n;
        for (size_t k = 0; k < n; k++) {
            uint32_t id = golden_number(from, 2);
            same = same && (uint32_t)ids.data[k] == id;
        }
        if (!same)
            fail_msg("%s: string %zu '%.*s': other ids (%zu, expected %zu)", name, i, (int)strings[i].n,
                     strings[i].text, ids.n, n);
    }
    hg_ids_deinit(&ids);
    if (strcmp(name, base) != 0)
        golden_close(&other);
    else
        hg_buffer_deinit(&other.data);
    golden_close(&expected);
    golden_close(&texts);
}

static void check_folder(const char *family, const char *files, const char *name)
{
    char folder[64];
    golden_folder(folder, family, files);
    hg_tokenizer *tok = golden_tokenizer(folder);
    check_ids(tok, name, family, false);
    hg_tokenizer_close(tok);
    golden_folder_remove(folder);
}

static void check_family(const char *family)
{
    char name[32];
    hg_tokenizer *tok = golden_family(family);
    check_ids(tok, family, family, false);
    snprintf(name, sizeof name, "%s_plain", family);
    check_ids(tok, name, family, true);
    hg_tokenizer_close(tok);
}

static void test_phi3(void **state)
{
    (void)state;
    check_family("phi3");
    check_folder("phi3", "tokenizer.json", "phi3_fast");
}

/* The same settings, said in the files of older releases. */
static void test_phi3_legacy(void **state)
{
    (void)state;
    char folder[64];
    golden_file config = golden_open("phi3/tokenizer_config.json");
    char *legacy = strstr((char *)config.data.data, "\"legacy\": false");
    assert_non_null(legacy);
    memcpy(legacy, "\"legacy\": true ", 15);
    golden_folder(folder, "phi3", "tokenizer.model");
    golden_folder_file(folder, "tokenizer_config.json", config.data.data, config.data.size);
    hg_tokenizer *tok = golden_tokenizer(folder);
    check_ids(tok, "phi3_legacy", "phi3", false);
    hg_tokenizer_close(tok);
    golden_folder_remove(folder);
    hg_buffer_deinit(&config.data);
}

/* transformers' fast class writes `"add_prefix_space": null`, which the slow class takes for no; ids are the
 * slow class's. */
static void test_phi3_without_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t ids[8];
        size_t n;
    } cases[] = {{"What is it?", {277, 259, 379, 275, 503, 522}, 6},
                 {"<|system|>\nYou are<|end|>", {646, 92, 504, 516, 286, 510, 500, 647}, 8}};
    char folder[64];
    golden_file config = golden_open("phi3/tokenizer_config.json");
    hg_buffer text;
    hg_buffer_init(&text, 1 << 20);
    assert_true(hg_buffer_push_text(&text, "{\"add_prefix_space\": null,"));
    assert_true(
        hg_buffer_push(&text, config.data.data + 1, config.data.size - 1)); /* without its own brace */
    golden_folder(folder, "phi3", "tokenizer.model");
    golden_folder_file(folder, "tokenizer_config.json", text.data, text.size);
    hg_tokenizer *tok = golden_tokenizer(folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_ids ids;
        hg_error err = {0};
        hg_text_segment segment = {cases[i].text, strlen(cases[i].text), false};
        hg_ids_init(&ids, 100);
        assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, false, &ids, &err), HG_STATUS_OK);
        assert_int_equal(ids.n, cases[i].n);
        assert_memory_equal(ids.data, cases[i].ids, ids.n * sizeof ids.data[0]);
        hg_ids_deinit(&ids);
    }
    hg_tokenizer_close(tok);
    golden_folder_remove(folder);
    hg_buffer_deinit(&text);
    hg_buffer_deinit(&config.data);
}

static void test_phi4(void **state)
{
    (void)state;
    check_family("phi4");
    check_folder("phi4", "vocab.json merges.txt tokenizer_config.json special_tokens_map.json", "phi4_slow");
}

static void test_qwen2(void **state)
{
    (void)state;
    check_family("qwen2");
    check_folder("qwen2", "vocab.json merges.txt tokenizer_config.json special_tokens_map.json",
                 "qwen2_slow");
}

static const char *shared_file(const char *name)
{
    static char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, HG_SHARED_DATA "/tokenizers/%s", name);
    if (hg_file_exists(path))
        return path;
    print_message("skipped: no shared data (%s)\n", name);
    skip();
    return NULL;
}

static void test_released_phi3(void **state)
{
    (void)state;
    hg_tokenizer *tok = golden_tokenizer(shared_file("ggml-vocab-phi-3.gguf"));
    assert_int_equal(hg_tokenizer_length(tok), 32011);
    check_ids(tok, "released_phi3", "released_phi3", false);
    tok->legacy = tok->sp.add_dummy_prefix = true;
    check_ids(tok, "released_phi3_legacy", "released_phi3", false);
    hg_tokenizer_close(tok);
}

static const char separator[] = "\n__ggml_vocab_test__\n";

static void test_released_gpt2(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_buffer texts, lines;
    hg_buffer_init(&texts, 1 << 20);
    hg_buffer_init(&lines, 1 << 20);
    hg_tokenizer *tok = golden_tokenizer(shared_file("ggml-vocab-gpt-2.gguf"));
    assert_int_equal(hg_file_read(shared_file("ggml-vocab-gpt-2.gguf.inp"), &texts, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_read(shared_file("ggml-vocab-gpt-2.gguf.out"), &lines, &err), HG_STATUS_OK);
    const char *text = hg_buffer_text(&texts);
    const char *line = hg_buffer_text(&lines);
    size_t n_texts = 0;
    hg_ids ids;
    hg_ids_init(&ids, 1 << 20);
    for (const char *end; (end = strstr(text, separator)) != NULL; n_texts++) { /* one behind each text */
        const hg_text_segment segment = {text, (size_t)(end - text), false};
        ids.n = 0;
        assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, false, &ids, &err), HG_STATUS_OK);
        for (size_t k = 0; k < ids.n; k++) {
            char *behind = NULL;
            assert_int_equal(ids.data[k], strtol(line, &behind, 10));
            assert_ptr_not_equal(behind, line);
            line = behind;
        }
        line += strspn(line, " ");
        assert_int_equal(*line, '\n');
        line++;
        text = end + sizeof separator - 1;
    }
    assert_int_equal(n_texts, 46);
    assert_int_equal(*line, 0);
    hg_ids_deinit(&ids);
    hg_buffer_deinit(&texts);
    hg_buffer_deinit(&lines);
    hg_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phi3),
        cmocka_unit_test(test_phi3_legacy),
        cmocka_unit_test(test_phi3_without_prefix),
        cmocka_unit_test(test_phi4),
        cmocka_unit_test(test_qwen2),
        cmocka_unit_test(test_released_phi3),
        cmocka_unit_test(test_released_gpt2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
