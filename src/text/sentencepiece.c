/* SPDX-License-Identifier: Apache-2.0
 *
 * sentencepiece.c: normalisation, symbols, joins by score, output. The library's rules that matter: equal
 * scores join from the left; control, unknown and byte pieces are never made by joining; neighbouring unknown
 * characters give one unknown token. Character maps other than "identity" are refused when a model is read.
 */
#include "text/sentencepiece.h"

#include "text/tokenizer.h"
#include "text/utf8.h"

#include <string.h>

void hg_sentencepiece_deinit(hg_sentencepiece *sp)
{
    hg_token_trie_deinit(&sp->user);
}

hg_status hg_sentencepiece_prepare(hg_sentencepiece *sp, size_t n_pieces, hg_error *err)
{
    size_t n_bytes = 0;
    memset(sp->bytes, -1, sizeof sp->bytes);
    for (size_t i = 0; i < n_pieces && i < sp->vocab->n; i++) {
        const hg_token *token = &sp->vocab->tokens[i];
        if (token->kind == HG_TOKEN_KIND_BYTE && sp->bytes[token->byte] < 0) {
            sp->bytes[token->byte] = (int32_t)i;
            n_bytes++;
        }
        if (token->kind != HG_TOKEN_KIND_USER)
            continue;
        if (token->size > HG_TOKEN_TRIE_MAX_NAME)
            return hg_error_set(err, HG_STATUS_INPUT, "user-defined piece %zu has %u bytes, at most %d", i,
                                token->size, HG_TOKEN_TRIE_MAX_NAME);
        if (!hg_token_trie_add(&sp->user, hg_token_table_name(sp->vocab, token), token->size, (int32_t)i))
            return hg_error_memory(err, token->size, "the user-defined pieces");
    }
    if (sp->byte_fallback && n_bytes != 256)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "byte fallback needs 256 byte pieces, the vocabulary has %zu", n_bytes);
    if (hg_token_table_get(sp->vocab, sp->unknown) == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "the unknown piece is missing");
    return HG_STATUS_OK;
}

/* Spaces become U+2581, with one in front if the model wants it; extra ones go if the model wants that. */
static bool normalize(const hg_sentencepiece *sp, const uint8_t *text, size_t n, hg_buffer *out)
{
    const bool trim = sp->remove_extra_spaces;
    while (trim && n > 0 && text[0] == ' ') {
        text++;
        n--;
    }
    if (n > 0 && sp->add_dummy_prefix && !hg_buffer_push(out, HG_SENTENCEPIECE_SPACE, 3))
        return false;
    for (size_t at = 0; at < n;) {
        const uint8_t *space = memchr(text + at, ' ', n - at);
        size_t end = space == NULL ? n : (size_t)(space - text);
        if (!hg_buffer_push(out, text + at, end - at))
            return false;
        at = end;
        if (at < n && !hg_buffer_push(out, HG_SENTENCEPIECE_SPACE, 3))
            return false;
        at += at < n ? 1 : 0;
        while (trim && at < n && text[at] == ' ')
            at++;
    }
    /* The marks in the text itself go with those at the end. */
    while (trim && out->size >= 3 && memcmp(out->data + out->size - 3, HG_SENTENCEPIECE_SPACE, 3) == 0)
        out->size -= 3;
    return true;
}

typedef struct sp_pair_context {
    const hg_sentencepiece *sp;
    const uint8_t *text;
} sp_pair_context;

/* Floats in descending order as integers in ascending order. */
static uint32_t order_of_score(float score)
{
    uint32_t bits;
    score += 0.0F; /* -0 and 0 are equal scores */
    memcpy(&bits, &score, sizeof bits);
    return (bits & 0x80000000U) != 0 ? bits : 0x7fffffffU - bits;
}

static bool is_kept_whole(const hg_sentencepiece *sp, int32_t id)
{
    return id >= 0 && sp->vocab->tokens[id].kind == HG_TOKEN_KIND_USER;
}

static int32_t find_piece(const hg_sentencepiece *sp, const uint8_t *text, size_t n)
{
    if (n > sp->vocab->longest)
        return -1;
    int32_t id = hg_token_table_find(sp->vocab, (const char *)text, n);
    if (id < 0)
        return -1;
    uint8_t kind = sp->vocab->tokens[id].kind;
    return kind == HG_TOKEN_KIND_NORMAL || kind == HG_TOKEN_KIND_USER ? id : -1;
}

static bool join_pieces(const void *user, const hg_bpe_symbol *left, const hg_bpe_symbol *right,
                        uint32_t *order, int32_t *id)
{
    const sp_pair_context *c = user;
    if (is_kept_whole(c->sp, left->id) || is_kept_whole(c->sp, right->id))
        return false;
    *id = find_piece(c->sp, c->text + left->start, (size_t)left->size + right->size);
    if (*id < 0)
        return false;
    *order = order_of_score(c->sp->vocab->tokens[*id].score);
    return true;
}

static bool push_symbols(const hg_sentencepiece *sp, const uint8_t *text, size_t n, hg_bpe_work *work)
{
    hg_bpe_work_reset(work);
    for (size_t at = 0; at < n;) {
        size_t size = 0;
        int32_t id = hg_token_trie_match(&sp->user, text + at, n - at, &size);
        if (id < 0) {
            size = hg_utf8_read(text + at, n - at).size;
            id = find_piece(sp, text + at, size);
        }
        if (!hg_bpe_work_push(work, (uint32_t)at, (uint32_t)size, id))
            return false;
        at += size;
    }
    return true;
}

static bool push_ids(const hg_sentencepiece *sp, const uint8_t *text, const hg_bpe_work *work, hg_ids *out)
{
    bool after_unknown = false;
    for (int32_t i = work->n_symbols == 0 ? -1 : 0; i >= 0; i = work->symbols[i].next) {
        const hg_bpe_symbol *s = &work->symbols[i];
        bool unknown = s->id < 0;
        if (!unknown && !hg_ids_push(out, s->id))
            return false;
        for (uint32_t k = 0; unknown && sp->byte_fallback && k < s->size; k++) {
            if (!hg_ids_push(out, sp->bytes[text[s->start + k]]))
                return false;
        }
        if (unknown && !sp->byte_fallback && !after_unknown && !hg_ids_push(out, sp->unknown))
            return false;
        after_unknown = unknown;
    }
    return true;
}

hg_status hg_sentencepiece_encode(const hg_sentencepiece *sp, const uint8_t *text, size_t n,
                                  hg_bpe_work *work, hg_ids *out, hg_error *err)
{
    hg_buffer normal;
    hg_buffer_init(&normal, 4 * HG_TOKENIZER_MAX_TEXT);
    bool ok = normalize(sp, text, n, &normal) && push_symbols(sp, normal.data, normal.size, work);
    sp_pair_context context = {sp, normal.data};
    ok = ok && hg_bpe_work_merge(work, join_pieces, &context) && push_ids(sp, normal.data, work, out);
    hg_buffer_deinit(&normal);
    if (!ok)
        return hg_error_set(err, HG_STATUS_FAILED,
                            "a text of %zu bytes does not fit the memory for its tokens", n);
    return HG_STATUS_OK;
}
