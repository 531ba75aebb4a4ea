/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tokenizer_gguf.c: vocabularies that have no keys of ours: what the family decides, and what is
 * refused. Ids of released vocabularies: test_tokenizer_encode.c.
 */
#include "formats/format_deltas.h"
#include "gguf_bytes.h"

#include <math.h>

static hg_status read_tokenizer(const uint8_t *data, size_t size, hg_error *err)
{
    hg_tokenizer *tok = NULL;
    hg_status status = gguf_bytes_open(&tok, data, size, err);
    hg_tokenizer_close(tok);
    return status;
}

static void check_text(const hg_tokenizer *tok, const char *text, const int32_t *expected, size_t n)
{
    hg_error err = {0};
    hg_ids ids;
    hg_ids_init(&ids, 1000);
    const hg_text_segment segment = {text, strlen(text), false};
    assert_int_equal(hg_tokenizer_encode(tok, &segment, 1, true, &ids, &err), HG_STATUS_OK);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.data, expected, n * sizeof *expected);
    hg_ids_deinit(&ids);
}

/* Single bytes have their own number as id here. */
static void test_words(void **state)
{
    (void)state;
    hg_buffer file = format_read("text/family_words.gguf");
    hg_tokenizer *tok = gguf_bytes_read(&file);
    assert_int_equal(hg_tokenizer_length(tok), 261); /* the last row only pads */
    assert_int_equal(hg_tokenizer_bos(tok), -1);
    assert_int_equal(hg_tokenizer_eos(tok), 260);
    assert_true(hg_tokenizer_is_special(tok, 259));
    check_text(tok, " the the12", (const int32_t[]){258, 258, '1', '2'}, 4);
    check_text(tok, "<|im_start|> the\n<|im_end|>", (const int32_t[]){259, 258, '\n', 260}, 4);
    check_text(tok, "e\xcc\x81", (const int32_t[]){0xc3, 0xa9}, 2); /* Qwen2.5 composes */
    hg_tokenizer_close(tok);
    hg_buffer_deinit(&file);
}

#define TOKENS "ggml.tokens\x09\0\0\0\x08\0\0\0"
#define TYPES "token_type\x09\0\0\0\x05\0\0\0"
#define SIZE(n) n "\0\0\0\0\0\0"

static void test_damaged_words(void **state)
{
    (void)state;
    static const format_delta deltas[] = {
        FORMAT_DELTA("gpt2", "gpt3", "model is neither llama nor gpt2"),
        FORMAT_DELTA("ggml.model", "ggml.modex", "model is neither llama nor gpt2"),
        FORMAT_DELTA("qwen2", "qwen9", "pre-tokenizer 'qwen9' is not supported"),
        FORMAT_DELTA("ggml.pre", "ggml.prf", "ggml.pre' is missing"),
        FORMAT_DELTA("ggml.tokens", "ggml.tokenz", "ggml.tokens' is missing"),
        FORMAT_DELTA("ggml.merges", "ggml.mergez", "ggml.merges' is missing"),
        FORMAT_DELTA(TYPES SIZE("\x06\x01") "\x01\0\0\0", TYPES SIZE("\x05\x01"),
                     "262 tokens but 261 token types"),
        FORMAT_DELTA("h e", "h z", "merge 1 needs 'hz'"),
        FORMAT_DELTA("h e", "hee", "merge 1 is 'hee', not two tokens"),
        FORMAT_DELTA("\x0c\0\0\0\0\0\0\0<|im_start|>", "\x0a\0\0\0\0\0\0\0<|im_end|>",
                     "has the ids 259 and 260"),
        FORMAT_DELTA(TOKENS SIZE("\x06\x01") "\x02\0\0\0\0\0\0\0\xc4\x80",
                     TOKENS SIZE("\x06\x01") "\x01\0\0\0\0\0\0\0A", "has the ids 0 and 65"),
    };
    format_check_deltas("text/family_words.gguf", read_tokenizer, deltas, sizeof deltas / sizeof deltas[0]);
    format_check_truncated("text/family_words.gguf", 0, read_tokenizer);
}

/* A role without a token is no role: outside the vocabulary, or given to a token that is marked as unused. */
static void test_role_without_token(void **state)
{
    (void)state;
    static const uint8_t ids[] = {0xff, 0};
    static const char eos[] = "eos_token_id\x04\0\0\0", types[] = TYPES SIZE("\x06\x01");
    for (size_t k = 0; k < 2; k++) {
        hg_buffer file = format_read("text/family_words.gguf");
        size_t n_changed = 0;
        for (size_t i = 0; i + sizeof eos < file.size; i++) {
            if (memcmp(file.data + i, eos, sizeof eos - 1) == 0) { /* the last key: 4 bytes behind it */
                file.data[i + sizeof eos - 1] = ids[k];
                file.data[i + sizeof eos] = k == 0 ? 0xff : 0;
                n_changed++;
            }
            if (i + sizeof types < file.size && memcmp(file.data + i, types, sizeof types - 1) == 0) {
                file.data[i + sizeof types - 1] = HG_TOKEN_KIND_UNUSED;
                n_changed++;
            }
        }
        assert_int_equal(n_changed, 2);
        hg_tokenizer *tok = gguf_bytes_read(&file);
        assert_int_equal(hg_tokenizer_eos(tok), -1);
        hg_tokenizer_close(tok);
        hg_buffer_deinit(&file);
    }
}

/* ---- pieces
 * --------------------------------------------------------------------------------------------------- */

#define N_PIECES 262

typedef struct piece_row {
    char name[8];
    int32_t type;
    float score;
} piece_row;

/* "<unk>", the 256 bytes, and a few pieces. The score of a control token is never looked at. */
static void make_rows(piece_row rows[N_PIECES])
{
    static const piece_row more[] = {{"\xe2\x96\x81", HG_TOKEN_KIND_NORMAL, -1},
                                     {"a", HG_TOKEN_KIND_NORMAL, -2},
                                     {"\xe2\x96\x81"
                                      "a",
                                      HG_TOKEN_KIND_NORMAL, -0.5F},
                                     {"<s>", HG_TOKEN_KIND_CONTROL, (float)NAN},
                                     {"<u>", HG_TOKEN_KIND_USER, -1000}};
    rows[0] = (piece_row){"<unk>", HG_TOKEN_KIND_UNKNOWN, 0};
    for (size_t i = 0; i < 256; i++) {
        rows[1 + i] = (piece_row){"", HG_TOKEN_KIND_BYTE, 0};
        snprintf(rows[1 + i].name, sizeof rows[0].name, "<0x%02X>", (unsigned)(i & 0xff));
    }
    memcpy(rows + 257, more, sizeof more);
}

static hg_status open_rows(hg_tokenizer **out, const piece_row rows[N_PIECES], hg_error *err)
{
    hg_gguf_builder b;
    hg_gguf_builder_init(&b);
    hg_gguf_put_text(&b, "tokenizer.ggml.model", "llama");
    hg_gguf_begin_array(&b, "tokenizer.ggml.tokens", HG_GGUF_STRING, N_PIECES);
    for (size_t i = 0; i < N_PIECES; i++)
        hg_gguf_push_text(&b, rows[i].name, strlen(rows[i].name));
    hg_gguf_begin_array(&b, "tokenizer.ggml.token_type", HG_GGUF_I32, N_PIECES);
    for (size_t i = 0; i < N_PIECES; i++)
        hg_gguf_push_i32(&b, rows[i].type);
    hg_gguf_begin_array(&b, "tokenizer.ggml.scores", HG_GGUF_F32, N_PIECES);
    for (size_t i = 0; i < N_PIECES; i++)
        hg_gguf_push_f32(&b, rows[i].score);
    hg_gguf_put_u32(&b, "tokenizer.ggml.bos_token_id", 260);
    assert_int_equal(hg_gguf_builder_status(&b, err), HG_STATUS_OK);
    hg_buffer file = gguf_bytes_of(&b);
    hg_gguf_builder_deinit(&b);
    hg_status status = gguf_bytes_open(out, file.data, file.size, err);
    hg_buffer_deinit(&file);
    return status;
}

static void test_pieces(void **state)
{
    (void)state;
    hg_error err = {0};
    hg_tokenizer *tok = NULL;
    piece_row rows[N_PIECES];
    make_rows(rows);
    assert_int_equal(open_rows(&tok, rows, &err), HG_STATUS_OK);
    check_text(tok, "a<u>b<s> a", (const int32_t[]){260, 259, 261, 1 + 'b', 260, 259}, 6);
    assert_true(hg_tokenizer_is_special(tok, 260));
    assert_false(hg_tokenizer_is_special(tok, 261));
    hg_buffer file = gguf_bytes_write(tok);
    hg_tokenizer *again = gguf_bytes_read(&file);
    same_tokenizers(tok, again, 1000);
    hg_buffer_deinit(&file);
    hg_tokenizer_close(again);
    hg_tokenizer_close(tok);
}

static void test_damaged_pieces(void **state)
{
    (void)state;
    static const struct {
        size_t row;
        piece_row with;
        const char *reason;
    } cases[] = {
        {258, {"a", HG_TOKEN_KIND_NORMAL, (float)INFINITY}, "token 258 has a score that is no number"},
        {258, {"a", HG_TOKEN_KIND_NORMAL, (float)NAN}, "token 258 has a score that is no number"},
        {258, {"a", HG_TOKEN_KIND_UNUSED, 0}, "token 258 is of type 5"},
        {258, {"a", 99, 0}, "token 258 is of type 99"},
        {258, {"a", -1, 0}, "token 258 is of type -1"},
        {258, {"a", HG_TOKEN_KIND_BYTE, 0}, "byte token 258 is not named as one"},
        {258, {"", HG_TOKEN_KIND_NORMAL, 0}, "0 bytes"},
        {258, {"<s>", HG_TOKEN_KIND_NORMAL, 0}, "has the ids 258 and 260"},
        {5, {"x", HG_TOKEN_KIND_NORMAL, 0}, "the vocabulary has 255"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_error err = {0};
        hg_tokenizer *tok = NULL;
        piece_row rows[N_PIECES];
        make_rows(rows);
        rows[cases[i].row] = cases[i].with;
        assert_int_equal(open_rows(&tok, rows, &err), HG_STATUS_INPUT);
        format_check_text(&err, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_damaged_words),
        cmocka_unit_test(test_role_without_token),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_damaged_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
