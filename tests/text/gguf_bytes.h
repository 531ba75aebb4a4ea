/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_bytes.h: tokenizers to and from the bytes of a GGUF file, and whether two of them are the same.
 */
#ifndef HG_TESTS_TEXT_GGUF_BYTES_H
#define HG_TESTS_TEXT_GGUF_BYTES_H

#include "base/rng.h"
#include "formats/gguf_builder.h"
#include "text/tokenizer_parts.h"

#include "text_golden.h"

/* The file without tensors that the builder's metadata makes. hg_buffer_deinit by the caller. */
static inline hg_buffer gguf_bytes_of(const hg_gguf_builder *b)
{
    hg_buffer file;
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3};
    for (size_t i = 0; i < 8; i++)
        head[16 + i] = (uint8_t)(b->n_values >> (8 * i));
    hg_buffer_init(&file, (size_t)1 << 26);
    assert_true(hg_buffer_push(&file, head, sizeof head));
    assert_true(hg_buffer_push(&file, b->bytes.data, b->bytes.size));
    return file;
}

static inline hg_buffer gguf_bytes_write(const hg_tokenizer *tok)
{
    hg_gguf_builder b;
    hg_error err = {0};
    hg_gguf_builder_init(&b);
    if (hg_tokenizer_write_gguf(tok, &b, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_buffer file = gguf_bytes_of(&b);
    hg_gguf_builder_deinit(&b);
    return file;
}

/* Reads an exact-size copy, which is gone when the tokenizer is there. */
static inline hg_status gguf_bytes_open(hg_tokenizer **out, const uint8_t *data, size_t n, hg_error *err)
{
    hg_gguf *g = NULL;
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    assert_non_null(copy);
    memcpy(copy, data, n);
    *out = NULL;
    hg_status status = hg_gguf_open_memory(&g, copy, n, err);
    if (status == HG_STATUS_OK) {
        status = hg_tokenizer_open_gguf(out, g, err);
        assert_true((status == HG_STATUS_OK) == (*out != NULL));
        hg_gguf_close(g);
    }
    free(copy);
    return status;
}

static inline hg_tokenizer *gguf_bytes_read(const hg_buffer *file)
{
    hg_tokenizer *tok = NULL;
    hg_error err = {0};
    if (gguf_bytes_open(&tok, file->data, file->size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return tok;
}

/* ---- the same
 * ------------------------------------------------------------------------------------------------- */

static inline void same_token(const hg_tokenizer *a, const hg_tokenizer *b, int32_t id)
{
    const hg_token *x = hg_token_table_get(&a->vocab, id), *y = hg_token_table_get(&b->vocab, id);
    assert_true((x == NULL) == (y == NULL));
    if (x == NULL)
        return;
    const char *name = hg_token_table_name(&a->vocab, x);
    assert_int_equal(x->size, y->size);
    assert_memory_equal(name, hg_token_table_name(&b->vocab, y), x->size);
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->flags, y->flags);
    assert_int_equal(x->byte, y->byte);
    if (x->kind == HG_TOKEN_KIND_NORMAL || x->kind == HG_TOKEN_KIND_USER)
        assert_memory_equal(&x->score, &y->score, sizeof x->score);
    assert_int_equal(hg_token_table_find(&a->vocab, name, x->size),
                     hg_token_table_find(&b->vocab, name, x->size));
}

static inline void same_settings(const hg_tokenizer *a, const hg_tokenizer *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->bos, b->bos);
    assert_int_equal(a->eos, b->eos);
    assert_int_equal(a->unknown, b->unknown);
    assert_int_equal(a->padding, b->padding);
    assert_int_equal(a->add_bos, b->add_bos);
    assert_int_equal(a->add_eos, b->add_eos);
    assert_int_equal(a->spaces, b->spaces);
    assert_int_equal(a->space_marks, b->space_marks);
    assert_int_equal(a->strip_first_space, b->strip_first_space);
    assert_int_equal(a->bpe.n_rules, b->bpe.n_rules);
    assert_int_equal(a->vocab.longest, b->vocab.longest);
}

typedef struct same_work {
    hg_ids a, b;
    hg_buffer text_a, text_b;
} same_work;

static inline void same_text(const hg_tokenizer *a, const hg_tokenizer *b, const hg_ids *ids, bool skip,
                             same_work *w)
{
    hg_error err = {0};
    w->text_a.size = w->text_b.size = 0;
    const hg_status status = hg_tokenizer_decode(a, ids->data, ids->n, skip, &w->text_a, &err);
    assert_int_equal(hg_tokenizer_decode(b, ids->data, ids->n, skip, &w->text_b, &err), status);
    assert_int_equal(w->text_a.size, w->text_b.size);
    if (w->text_a.size > 0)
        assert_memory_equal(w->text_a.data, w->text_b.data, w->text_a.size);
}

static inline void same_ids(const hg_tokenizer *a, const hg_tokenizer *b, const hg_text_segment *segments,
                            size_t n, bool whole, same_work *w)
{
    hg_error err = {0};
    w->a.n = w->b.n = 0;
    const hg_status status = hg_tokenizer_encode(a, segments, n, whole, &w->a, &err);
    assert_int_equal(status, HG_STATUS_OK);
    assert_int_equal(hg_tokenizer_encode(b, segments, n, whole, &w->b, &err), status);
    if (w->a.n != w->b.n || (w->a.n > 0 && memcmp(w->a.data, w->b.data, w->a.n * sizeof *w->a.data) != 0))
        fail_msg("'%.*s' has other ids", (int)segments[0].n, segments[0].text);
    same_text(a, b, &w->a, true, w);
    same_text(a, b, &w->a, false, w);
}

/* One of a few fragments, the name of a token, or raw bytes. */
static inline void push_fragment(const hg_tokenizer *tok, hg_rng *rng, hg_buffer *text)
{
    static const char *const fragments[] = {" ",
                                            "  ",
                                            "\n",
                                            "\n\n",
                                            "\t",
                                            "\r\n",
                                            "\xc2\xa0",
                                            "\xe3\x80\x80",
                                            "\x1c",
                                            "\xe2\x96\x81",
                                            "a",
                                            "The ",
                                            "the",
                                            " lung",
                                            "'s",
                                            "'LL",
                                            "12",
                                            "1234567",
                                            "3.5",
                                            "e\xcc\x81",
                                            "\xc3\xa9",
                                            "\xe6\x97\xa5\xe6\x9c\xac",
                                            "\xf0\x9f\xa9\xbb",
                                            "\xd8\xa7\xd9\x84",
                                            "\xed\x95\x9c",
                                            "<",
                                            "|>",
                                            "<|",
                                            "<0x0A>",
                                            "\xe1\xa0\x8e",
                                            "(x)"};
    const uint64_t choice = hg_rng_next(rng) % 10;
    const uint64_t value = hg_rng_next(rng);
    const hg_token *token = hg_token_table_get(&tok->vocab, (int32_t)(value % tok->vocab.n));
    if (choice == 0) {
        assert_true(hg_buffer_push(text, &(uint8_t){(uint8_t)value}, 1));
    } else if (choice < 4 && token != NULL && token->size < 40) {
        assert_true(hg_buffer_push(text, hg_token_table_name(&tok->vocab, token), token->size));
    } else if (choice == 4) { /* added tokens are mostly last */
        const size_t near_end = tok->vocab.n - 1 - (size_t)(value % (tok->vocab.n < 30 ? tok->vocab.n : 30));
        token = hg_token_table_get(&tok->vocab, (int32_t)near_end);
        if (token != NULL)
            assert_true(hg_buffer_push(text, hg_token_table_name(&tok->vocab, token), token->size));
    } else {
        assert_true(hg_buffer_push_text(text, fragments[value % (sizeof fragments / sizeof fragments[0])]));
    }
}

static inline void same_random(const hg_tokenizer *a, const hg_tokenizer *b, size_t n_texts, same_work *w)
{
    hg_rng rng;
    hg_buffer text;
    hg_rng_init(&rng, 20);
    hg_buffer_init(&text, 1 << 20);
    for (size_t i = 0; i < n_texts; i++) {
        text.size = 0;
        for (uint64_t k = hg_rng_next(&rng) % 12; k > 0; k--)
            push_fragment(a, &rng, &text);
        const size_t cut = text.size == 0 ? 0 : (size_t)(hg_rng_next(&rng) % text.size);
        const uint64_t plain = hg_rng_next(&rng);
        const char *bytes = hg_buffer_text(&text);
        const hg_text_segment segments[] = {{bytes, cut, plain % 4 == 0},
                                            {bytes + cut, text.size - cut, plain % 3 == 0}};
        same_ids(a, b, segments, 2, i % 2 == 0, w);
        w->a.n = 0;
        for (uint64_t k = hg_rng_next(&rng) % 12; k > 0; k--)
            assert_true(hg_ids_push(&w->a, (int32_t)(hg_rng_next(&rng) % a->vocab.n)));
        same_text(a, b, &w->a, i % 2 == 0, w);
    }
    hg_buffer_deinit(&text);
}

/* Equal in everything, for the golden strings and `n_texts` more. */
static inline void same_tokenizers(const hg_tokenizer *a, const hg_tokenizer *b, size_t n_texts)
{
    hg_text_segment strings[GOLDEN_STRINGS];
    golden_file texts = golden_strings(strings);
    same_work w;
    hg_ids_init(&w.a, 1 << 20);
    hg_ids_init(&w.b, 1 << 20);
    hg_buffer_init(&w.text_a, 1 << 20);
    hg_buffer_init(&w.text_b, 1 << 20);
    assert_int_equal(hg_tokenizer_length(a), hg_tokenizer_length(b));
    for (int32_t id = 0; id < hg_tokenizer_length(a); id++)
        same_token(a, b, id);
    same_settings(a, b);
    for (size_t i = 0; i < GOLDEN_STRINGS; i++) {
        same_ids(a, b, &strings[i], 1, true, &w);
        strings[i].plain = true;
        same_ids(a, b, &strings[i], 1, false, &w);
    }
    same_random(a, b, n_texts, &w);
    hg_ids_deinit(&w.a);
    hg_ids_deinit(&w.b);
    hg_buffer_deinit(&w.text_a);
    hg_buffer_deinit(&w.text_b);
    golden_close(&texts);
}

#endif
