/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer_gguf_writer.c: what is written equals the same tokenizer written by the gguf library and
 * llama.cpp's own vocabularies; what is read back is the same tokenizer, and is written to the same bytes.
 */
#include "formats/gguf_value.h"
#include "gguf_bytes.h"

/* ---- against other writers
 * ------------------------------------------------------------------------------------ */

static bool same_string(hg_gguf_text a, hg_gguf_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static void check_value(const hg_gguf_value *a, const hg_gguf *other)
{
    const hg_gguf_value *b = hg_gguf_find(other, a->key);
    if (b == NULL || a->type != b->type || a->element != b->element || a->count != b->count)
        fail_msg("key '%s' is missing, or of another type or size", a->key);
    bool same = true;
    if (a->type == HG_GGUF_STRING)
        same = same_string(a->text, b->text);
    else if (a->type != HG_GGUF_ARRAY || a->element != HG_GGUF_STRING)
        same = memcmp(a->data, b->data,
                      a->type == HG_GGUF_ARRAY ? a->count * hg_gguf_type_bytes(a->element)
                                               : hg_gguf_type_bytes(a->type)) == 0;
    for (size_t i = 0; a->strings != NULL && i < a->count; i++)
        same = same && same_string(a->strings[i], b->strings[i]);
    if (!same)
        fail_msg("key '%s' differs", a->key);
}

/* Every key of the packed file, but for those that its library adds, and no other. */
static void check_packed(const hg_tokenizer *tok, const char *name)
{
    char path[HG_PATH_BYTES];
    hg_error err = {0};
    hg_gguf *expected = NULL, *written = NULL;
    snprintf(path, sizeof path, HG_TEST_DATA "/text/%s.gguf", name);
    if (hg_gguf_open(&expected, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_buffer file = gguf_bytes_write(tok);
    assert_int_equal(hg_gguf_open_memory(&written, file.data, file.size, &err), HG_STATUS_OK);
    size_t n = 0;
    for (size_t i = 0; i < hg_gguf_n_values(expected); i++) {
        const hg_gguf_value *value = hg_gguf_get_value(expected, i);
        if (strncmp(value->key, "general.", 8) == 0)
            continue;
        check_value(value, written);
        n++;
    }
    assert_int_equal(hg_gguf_n_values(written), n);
    hg_gguf_close(written);
    hg_gguf_close(expected);
    hg_buffer_deinit(&file);
}

static hg_tokenizer *open_json(const json_t *content)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    char *text = json_dumps(content, 0);
    assert_non_null(text);
    if (hg_tokenizer_open_json_memory(&tok, text, strlen(text), &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    free(text);
    return tok;
}

static hg_tokenizer *open_model(const char *name)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    golden_file f = golden_open(name);
    if (hg_tokenizer_open_model_memory(&tok, f.data.data, f.data.size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_buffer_deinit(&f.data);
    return tok;
}

static void test_packed(void **state)
{
    (void)state;
    json_error_t reason;
    json_t *root = json_load_file(HG_TEST_DATA "/text/packed.json", 0, &reason);
    const json_t *cases = json_object_get(root, "cases");
    assert_int_equal(json_array_size(cases), 2);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        hg_tokenizer *tok = open_json(json_object_get(item, "tokenizer"));
        check_packed(tok, json_string_value(json_object_get(item, "name")));
        hg_tokenizer_close(tok);
    }
    json_decref(root);
    hg_tokenizer *tok = open_model("pieces_user.model");
    check_packed(tok, "packed_pieces");
    hg_tokenizer_close(tok);
}

static void check_pre(const hg_tokenizer *tok, const char *model, const char *pre)
{
    hg_error err = {0};
    hg_gguf *g = NULL;
    hg_buffer file = gguf_bytes_write(tok);
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, &err), HG_STATUS_OK);
    assert_true(hg_gguf_string_is(g, "tokenizer.ggml.model", model));
    assert_true(hg_gguf_string_is(g, "tokenizer.ggml.pre", pre));
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
}

/* llama.cpp's names of the pre-tokenizers, and one that it refuses for what it cannot do. */
static void test_pre_names(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"phi4", "tokenizer.json", "gpt2", "dbrx"},
        {"phi4", "vocab.json merges.txt tokenizer_config.json", "gpt2", "gpt-2"},
        {"qwen2", "tokenizer.json", "gpt2", "qwen2"},
        {"phi3", "tokenizer.model", "llama", "default"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[64];
        golden_folder(folder, cases[i][0], cases[i][1]);
        hg_tokenizer *tok = golden_tokenizer(folder);
        check_pre(tok, cases[i][2], cases[i][3]);
        if (strcmp(cases[i][2], "gpt2") == 0) {
            tok->normalizer.steps[0].kind = HG_NORMALIZER_REPLACE;
            tok->normalizer.n = 1;
            check_pre(tok, "gpt2", "healthgpt");
        }
        hg_tokenizer_close(tok);
        golden_folder_remove(folder);
    }
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

/* The first `n` strings or numbers of an array. */
static void check_array(const hg_gguf *a, const hg_gguf *b, const char *key, hg_gguf_type type, size_t n)
{
    const hg_gguf_value *x = NULL, *y = NULL;
    hg_error err = {0};
    assert_int_equal(hg_gguf_get_array(a, key, type, &x, &err), HG_STATUS_OK);
    assert_int_equal(hg_gguf_get_array(b, key, type, &y, &err), HG_STATUS_OK);
    assert_int_equal(hg_gguf_array_count(x), n);
    assert_true(hg_gguf_array_count(y) >= n);
    for (size_t i = 0; i < n; i++) {
        const hg_gguf_text s = type == HG_GGUF_STRING ? hg_gguf_array_string(x, i) : (hg_gguf_text){NULL, 0};
        const hg_gguf_text t = type == HG_GGUF_STRING ? hg_gguf_array_string(y, i) : (hg_gguf_text){NULL, 0};
        assert_int_equal(s.size, t.size);
        if (s.size > 0)
            assert_memory_equal(s.data, t.data, s.size);
        if (type == HG_GGUF_I32)
            assert_int_equal(hg_gguf_array_i32(x, i), hg_gguf_array_i32(y, i));
        if (type == HG_GGUF_F32)
            assert_true(hg_gguf_array_f32(x, i) == hg_gguf_array_f32(y, i));
    }
}

/* A vocabulary of llama.cpp's converter is written as that wrote it, read back, and written again. */
static void check_released(const char *name, size_t n_tokens, size_t n_merges)
{
    hg_error err = {0};
    hg_gguf *released = NULL, *written = NULL;
    const char *path = shared_file(name);
    hg_tokenizer *tok = golden_tokenizer(path);
    assert_int_equal(hg_gguf_open(&released, path, &err), HG_STATUS_OK);
    hg_buffer file = gguf_bytes_write(tok);
    assert_int_equal(hg_gguf_open_memory(&written, file.data, file.size, &err), HG_STATUS_OK);
    check_array(written, released, "tokenizer.ggml.tokens", HG_GGUF_STRING, n_tokens);
    check_array(written, released, "tokenizer.ggml.token_type", HG_GGUF_I32, n_tokens);
    if (n_merges > 0)
        check_array(written, released, "tokenizer.ggml.merges", HG_GGUF_STRING, n_merges);
    else
        check_array(written, released, "tokenizer.ggml.scores", HG_GGUF_F32, n_tokens);
    static const char *const same[] = {"bos_token_id", "eos_token_id", "unknown_token_id",
                                       "padding_token_id"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char key[64];
        uint32_t a = 0, b = 0;
        snprintf(key, sizeof key, "tokenizer.ggml.%s", same[i]);
        assert_int_equal(hg_gguf_get_u32(written, key, &a, &err), hg_gguf_get_u32(released, key, &b, &err));
        assert_int_equal(a, b);
    }
    hg_tokenizer *again = gguf_bytes_read(&file);
    same_tokenizers(tok, again, 2000);
    hg_buffer file_again = gguf_bytes_write(again);
    assert_int_equal(file.size, file_again.size);
    assert_memory_equal(file.data, file_again.data, file.size);
    hg_buffer_deinit(&file_again);
    hg_buffer_deinit(&file);
    hg_tokenizer_close(again);
    hg_tokenizer_close(tok);
    hg_gguf_close(written);
    hg_gguf_close(released);
}

static void test_released_phi3(void **state)
{
    (void)state;
    check_released("ggml-vocab-phi-3.gguf", 32011, 0);
}

static void test_released_gpt2(void **state)
{
    (void)state;
    check_released("ggml-vocab-gpt-2.gguf", 50257, 50000);
}

/* ---- there and back
 * ------------------------------------------------------------------------------------------- */

static void check_round(hg_tokenizer *tok, size_t n_texts)
{
    hg_buffer file = gguf_bytes_write(tok);
    hg_tokenizer *again = gguf_bytes_read(&file);
    same_tokenizers(tok, again, n_texts);
    hg_buffer file_again = gguf_bytes_write(again);
    assert_int_equal(file.size, file_again.size);
    assert_memory_equal(file.data, file_again.data, file.size);
    hg_buffer_deinit(&file_again);
    hg_buffer_deinit(&file);
    hg_tokenizer_close(again);
}

/* Every family, from all the files that it can be read from. */
static void test_folders(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"phi3",
         "tokenizer.model tokenizer.json tokenizer_config.json added_tokens.json special_tokens_map.json"},
        {"phi3", "tokenizer.model tokenizer.json added_tokens.json special_tokens_map.json"},
        {"phi3", "tokenizer.model"},
        {"phi3", "tokenizer.json"},
        {"phi3", "tokenizer.json tokenizer_config.json"},
        {"phi4", "tokenizer.json tokenizer_config.json"},
        {"phi4", "vocab.json merges.txt tokenizer_config.json special_tokens_map.json"},
        {"phi4", "vocab.json merges.txt added_tokens.json"},
        {"qwen2", "tokenizer.json tokenizer_config.json"},
        {"qwen2", "vocab.json merges.txt tokenizer_config.json special_tokens_map.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[64];
        golden_folder(folder, cases[i][0], cases[i][1]);
        hg_tokenizer *tok = golden_tokenizer(folder);
        check_round(tok, 2000);
        hg_tokenizer_close(tok);
        golden_folder_remove(folder);
    }
}

/* How the file names the token: llama.cpp looks for added tokens in a text as they stand. */
static void check_stored_name(const hg_tokenizer *tok, const char *name)
{
    hg_error err = {0};
    hg_gguf *g = NULL;
    const hg_gguf_value *names = NULL;
    const int32_t id = hg_tokenizer_find_id(tok, name);
    hg_buffer file = gguf_bytes_write(tok);
    assert_true(id >= 0);
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, &err), HG_STATUS_OK);
    assert_int_equal(hg_gguf_get_array(g, "tokenizer.ggml.tokens", HG_GGUF_STRING, &names, &err),
                     HG_STATUS_OK);
    const hg_gguf_text stored = hg_gguf_array_string(names, (size_t)id);
    assert_int_equal(stored.size, strlen(name));
    assert_memory_equal(stored.data, name, stored.size);
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
}

/* Settings that a caller or the class of the tokenizer can change. */
static void test_changed_settings(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_tokenizer *tok = golden_family("phi3");
    hg_tokenizer_set_bos(tok, true);
    tok->add_eos = true;
    check_round(tok, 200);
    tok->legacy = tok->sp.add_dummy_prefix = true;
    check_round(tok, 2000);
    tok->sp.add_dummy_prefix = false;
    tok->sp.remove_extra_spaces = true;
    check_round(tok, 2000);
    hg_tokenizer_close(tok);
    tok = golden_family("qwen2"); /* a word of the vocabulary becomes an added token */
    const char *const names[] = {"<new>", " the", "\xe6\x97\xa5"};
    assert_int_equal(hg_tokenizer_add_tokens(tok, names, 3, &err), HG_STATUS_OK);
    tok->pre.prefix_space = true;
    check_round(tok, 2000);
    check_stored_name(tok, " the");
    hg_tokenizer_close(tok);
}

static void test_variants(void **state)
{
    (void)state;
    json_error_t reason;
    static const char *const files[] = {HG_TEST_DATA "/text/variants.json", HG_TEST_DATA "/text/packed.json"};
    size_t n = 0;
    for (size_t k = 0; k < 2; k++) {
        json_t *root = json_load_file(files[k], 0, &reason);
        const json_t *cases = json_object_get(root, "cases");
        for (size_t i = 0; i < json_array_size(cases); i++, n++) {
            hg_tokenizer *tok = open_json(json_object_get(json_array_get(cases, i), "tokenizer"));
            check_round(tok, 300);
            hg_tokenizer_close(tok);
        }
        json_decref(root);
    }
    assert_int_equal(n, 28);
}

/* Two words of a byte-level vocabulary may be the same bytes, one as its letters and one as it stands; names
 * of other vocabularies may hold anything. */
static void test_odd_names(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\u65e5\": 6, \"\u00e6\": 1, \"\u0139\": 2, "
        "\"\u00a5\": 3, "
        "\"\u00e6\u0139\": 4, \"\u00e6\u0139\u00a5\": 5}, \"merges\": [\"\u00e6 \u0139\", "
        "\"\u00e6\u0139 \u00a5\"]}, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
        "false}}",
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \" \": 1, \"a \": 2, \"\\n\": 3, \" \\n\": "
        "7}, "
        "\"merges\": [[\"a\", \" \"], [\" \", \"\\n\"]]}}",
    };
    for (size_t i = 0; i < 2; i++) {
        hg_tokenizer *tok = NULL;
        hg_error err = {0};
        if (hg_tokenizer_open_json_memory(&tok, contents[i], strlen(contents[i]), &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        assert_int_equal(hg_tokenizer_find_id(tok, i == 0 ? "\xe6\x97\xa5" : " \n"), i == 0 ? 5 : 7);
        check_round(tok, 1000);
        hg_tokenizer_close(tok);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    static const char *const names[] = {"pieces_bytes.model", "pieces_scores.model", "pieces_spaces.model",
                                        "pieces_user.model"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        hg_tokenizer *tok = open_model(names[i]);
        check_round(tok, 500);
        hg_tokenizer_close(tok);
    }
}

/* Picture tokens that are added on opening get the ids that they have in a folder's tokenizer. */
static void test_picture_tokens(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_tokenizer *tok = golden_family("phi3");
    hg_buffer file = gguf_bytes_write(tok);
    hg_tokenizer *again = gguf_bytes_read(&file);
    assert_int_equal(hg_tokenizer_add_picture_tokens(tok, 64, &err), HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_add_picture_tokens(again, 64, &err), HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_find_id(again, "<idx_63>"), 651 + 64);
    same_tokenizers(tok, again, 500);
    hg_buffer_deinit(&file);
    hg_tokenizer_close(again);
    hg_tokenizer_close(tok);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/hg_text_XXXXXX";
    hg_tokenizer *tok = golden_family("qwen2");
    hg_buffer file = gguf_bytes_write(tok);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.data, file.size), file.size);
    close(fd);
    hg_tokenizer *again = golden_tokenizer(path);
    same_tokenizers(tok, again, 10);
    hg_tokenizer_close(again);
    hg_tokenizer_close(tok);
    hg_buffer_deinit(&file);
    unlink(path);
}

/* A builder that has failed keeps its first error. */
static void test_failed_builder(void **state)
{
    (void)state;
    hg_gguf_builder b;
    hg_error err = {0};
    hg_tokenizer *tok = golden_family("phi4");
    hg_gguf_builder_init(&b);
    hg_gguf_put_bool(&b, "tokenizer.ggml.model", true);
    assert_int_equal(hg_tokenizer_write_gguf(tok, &b, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "tokenizer.ggml.model"));
    hg_gguf_builder_deinit(&b);
    hg_tokenizer_close(tok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),        cmocka_unit_test(test_pre_names),
        cmocka_unit_test(test_released_phi3), cmocka_unit_test(test_released_gpt2),
        cmocka_unit_test(test_folders),       cmocka_unit_test(test_changed_settings),
        cmocka_unit_test(test_variants),      cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_pieces),        cmocka_unit_test(test_picture_tokens),
        cmocka_unit_test(test_file),          cmocka_unit_test(test_failed_builder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
