/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_encode.c: hg_tokenizer_encode. The segments become one valid text that remembers which bytes are
 * plain; the text is cut at added tokens, leftmost and longest first; what lies between is encoded by the
 * tokenizer's kind. A tokenizer.json may ask to look for some added tokens after normalisation
 * ("normalized"); here all are looked for before it, which for the models' own tokenizers is the same.
 */
#include "text/tokenizer_parts.h"

#include "base/memory.h"

#include <string.h>

/* Text up to `end`, from the end of the range before. */
typedef struct encode_range {
    size_t end;
    bool plain;
} encode_range;

typedef struct encode_work {
    const hg_tokenizer *tok;
    hg_buffer text;
    encode_range *ranges;
    size_t n_ranges;
    hg_ids *out;
    hg_bpe_work bpe;
    hg_spans words, spare_words;
    hg_buffer normal, spare; /* BPE: a part in normal form */
    hg_ids part;             /* SENTENCEPIECE: ids of a part with something in front */
    hg_error *err;
} encode_work;

static hg_status out_of_ids(const encode_work *w)
{
    return hg_error_set(w->err, HG_STATUS_FAILED,
                        "a text of %zu bytes does not fit the memory for its tokens", w->text.size);
}

/* ---- SentencePiece
 * -------------------------------------------------------------------------------------------- */

/* Without its own leading space the library drops the marks that a text begins with. The slow class gets
 * around that by putting the unknown token's name in front and dropping the tokens that it gives. */
static hg_status encode_behind_unknown(encode_work *w, const uint8_t *text, size_t n)
{
    const hg_tokenizer *tok = w->tok;
    const hg_token *unknown = hg_token_table_get(&tok->vocab, tok->unknown);
    w->spare.size = 0;
    w->part.n = 0;
    if (!hg_buffer_push(&w->spare, hg_token_table_name(&tok->vocab, unknown), unknown->size) ||
        !hg_buffer_push(&w->spare, text, n))
        return out_of_ids(w);
    hg_status status =
        hg_sentencepiece_encode(&tok->sp, w->spare.data, w->spare.size, &w->bpe, &w->part, w->err);
    for (size_t i = w->part.n >= tok->n_unknown ? tok->n_unknown : 0; status == HG_STATUS_OK && i < w->part.n;
         i++) {
        if (!hg_ids_push(w->out, w->part.data[i]))
            status = out_of_ids(w);
    }
    return status;
}

static bool begins_with_space(const uint8_t *text, size_t n)
{
    return text[0] == ' ' || (n >= 3 && memcmp(text, HG_SENTENCEPIECE_SPACE, 3) == 0);
}

/* ---- BPE
 * ------------------------------------------------------------------------------------------------------ */

/* Metaspace: marks for spaces, and one in front where the setting wants it. */
static bool mark_spaces(const hg_pre_tokenizer *pre, hg_buffer *text, hg_buffer *spare, bool first)
{
    const bool prepend = pre->prepend == HG_PREPEND_ALWAYS || (pre->prepend == HG_PREPEND_FIRST && first);
    spare->size = 0;
    if (prepend && !begins_with_space(text->data, text->size) &&
        !hg_buffer_push(spare, HG_SENTENCEPIECE_SPACE, 3))
        return false;
    for (size_t i = 0; i < text->size; i++) {
        const bool space = text->data[i] == ' ';
        if (!hg_buffer_push(spare, space ? (const void *)HG_SENTENCEPIECE_SPACE : text->data + i,
                            space ? 3 : 1))
            return false;
    }
    hg_buffer swap = *text;
    *text = *spare;
    *spare = swap;
    return true;
}

/* `first`: the text stands at the very beginning. */
static hg_status encode_words(encode_work *w, const uint8_t *text, size_t n, bool first)
{
    const hg_tokenizer *tok = w->tok;
    w->normal.size = 0;
    if (!hg_buffer_push(&w->normal, text, n))
        return out_of_ids(w);
    hg_status status = hg_normalizer_apply(&tok->normalizer, &w->normal, &w->spare, w->err);
    if (status == HG_STATUS_OK && tok->pre.prefix_space && w->normal.size > 0 && w->normal.data[0] != ' ') {
        if (hg_buffer_extend(&w->normal, 1) == NULL)
            return out_of_ids(w);
        memmove(w->normal.data + 1, w->normal.data, w->normal.size - 1);
        w->normal.data[0] = ' ';
    }
    if (status == HG_STATUS_OK && tok->pre.marks_spaces && w->normal.size > 0 &&
        !mark_spaces(&tok->pre, &w->normal, &w->spare, first))
        return out_of_ids(w);
    if (status == HG_STATUS_OK)
        status = hg_pre_tokenizer_split(&tok->pre, w->normal.data, w->normal.size, &w->words, &w->spare_words,
                                        w->err);
    for (size_t i = 0; status == HG_STATUS_OK && i < w->words.n; i++) {
        hg_span word = w->words.data[i];
        if (!hg_bpe_model_encode(&tok->bpe, w->normal.data + word.start, word.size, &w->bpe, w->out))
            status = out_of_ids(w);
    }
    return status;
}

/* ---- parts
 * ---------------------------------------------------------------------------------------------------- */

/* Text between added tokens. */
static hg_status encode_part(encode_work *w, size_t begin, size_t end)
{
    const hg_tokenizer *tok = w->tok;
    if (begin == end)
        return HG_STATUS_OK;
    const uint8_t *text = w->text.data + begin;
    size_t n = end - begin;
    if (tok->kind == HG_TOKENIZER_KIND_BPE)
        return encode_words(w, text, n, begin == 0);
    if (!tok->legacy && begins_with_space(text, n))
        return encode_behind_unknown(w, text, n);
    return hg_sentencepiece_encode(&tok->sp, text, n, &w->bpe, w->out, w->err);
}

/* The first added token at or behind `at`; -1 when there is none. */
static int32_t find_added(const encode_work *w, size_t at, size_t *begin, size_t *size)
{
    size_t range = 0;
    while (at < w->text.size) {
        while (range < w->n_ranges && (w->ranges[range].end <= at || w->ranges[range].plain)) {
            if (w->ranges[range].plain && w->ranges[range].end > at)
                at = w->ranges[range].end;
            range++;
        }
        if (range == w->n_ranges)
            break;
        size_t last = range; /* tokens may cross ranges that are not plain */
        while (last + 1 < w->n_ranges && !w->ranges[last + 1].plain)
            last++;
        size_t end = w->ranges[last].end;
        for (; at < end; at++) {
            int32_t id = hg_token_trie_match(&w->tok->added, w->text.data + at, end - at, size);
            if (id >= 0) {
                *begin = at;
                return id;
            }
        }
        range = last + 1;
    }
    return -1;
}

static hg_status encode_parts(encode_work *w)
{
    const hg_tokenizer *tok = w->tok;
    size_t done = 0, begin = 0, size = 0;
    for (;;) {
        int32_t id = find_added(w, done, &begin, &size);
        if (id < 0)
            return encode_part(w, done, w->text.size);
        unsigned flags = tok->vocab.tokens[id].flags;
        size_t end = begin;
        if ((flags & HG_TOKEN_LSTRIP) != 0)
            end -= hg_utf8_spaces_after(w->text.data + done, begin - done, tok->spaces);
        hg_status status = encode_part(w, done, end);
        if (status != HG_STATUS_OK)
            return status;
        if (!hg_ids_push(w->out, id))
            return out_of_ids(w);
        done = begin + size;
        if ((flags & HG_TOKEN_RSTRIP) != 0)
            done += hg_utf8_spaces_before(w->text.data + done, w->text.size - done, tok->spaces);
    }
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------------ */

/* A literal mark in the text counts as a space (not legacy). */
static bool push_without_marks(hg_buffer *text, size_t from)
{
    uint8_t *data = text->data;
    size_t to = from;
    for (size_t at = from; at < text->size;) {
        bool mark = text->size - at >= 3 && memcmp(data + at, HG_SENTENCEPIECE_SPACE, 3) == 0;
        data[to++] = mark ? ' ' : data[at];
        at += mark ? 3 : 1;
    }
    text->size = to;
    return true;
}

static hg_status join_segments(encode_work *w, const hg_text_segment *segments, size_t n)
{
    const hg_tokenizer *tok = w->tok;
    const bool marks = tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE && !tok->legacy;
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += segments[i].n;
        if (segments[i].n > HG_TOKENIZER_MAX_TEXT || total > HG_TOKENIZER_MAX_TEXT)
            return hg_error_set(w->err, HG_STATUS_INPUT, "a text of more than %zu bytes",
                                HG_TOKENIZER_MAX_TEXT);
    }
    w->ranges = hg_mem_array(n + 1, sizeof *w->ranges);
    if (w->ranges == NULL)
        return out_of_ids(w);
    if (marks && tok->add_prefix_space && total > 0) {
        if (!hg_buffer_push(&w->text, HG_SENTENCEPIECE_SPACE, 3))
            return out_of_ids(w);
        w->ranges[w->n_ranges++] = (encode_range){w->text.size, true};
    }
    for (size_t i = 0; i < n; i++) {
        size_t from = w->text.size;
        if (!hg_utf8_push_valid(&w->text, (const uint8_t *)segments[i].text, segments[i].n))
            return out_of_ids(w);
        if (marks)
            push_without_marks(&w->text, from);
        if (w->text.size > from)
            w->ranges[w->n_ranges++] = (encode_range){w->text.size, segments[i].plain};
    }
    return HG_STATUS_OK;
}

/* The slow class drops a lone mark in front when a token with a role follows. */
static void drop_lone_mark(const hg_tokenizer *tok, hg_ids *out, size_t first)
{
    if (tok->kind != HG_TOKENIZER_KIND_SENTENCEPIECE || tok->legacy || out->n < first + 2)
        return;
    const hg_token *mark = hg_token_table_get(&tok->vocab, out->data[first]);
    const hg_token *next = hg_token_table_get(&tok->vocab, out->data[first + 1]);
    if (mark->size != 3 || memcmp(hg_token_table_name(&tok->vocab, mark), HG_SENTENCEPIECE_SPACE, 3) != 0 ||
        (next->flags & HG_TOKEN_NAMED) == 0)
        return;
    memmove(out->data + first, out->data + first + 1, (out->n - first - 1) * sizeof *out->data);
    out->n--;
}

hg_status hg_tokenizer_encode(const hg_tokenizer *tok, const hg_text_segment *segments, size_t n_segments,
                              bool add_bos_eos, hg_ids *out, hg_error *err)
{
    encode_work w = {.tok = tok, .out = out, .err = err};
    hg_buffer_init(&w.text, 3 * HG_TOKENIZER_MAX_TEXT + 16);
    hg_buffer_init(&w.normal, 16 * HG_TOKENIZER_MAX_TEXT);
    hg_buffer_init(&w.spare, 16 * HG_TOKENIZER_MAX_TEXT);
    hg_ids_init(&w.part, 16 * HG_TOKENIZER_MAX_TEXT);
    const size_t before = out->n;
    hg_status status = join_segments(&w, segments, n_segments);
    if (status == HG_STATUS_OK && add_bos_eos && hg_tokenizer_adds_bos(tok) && !hg_ids_push(out, tok->bos))
        status = out_of_ids(&w);
    const size_t first = out->n;
    if (status == HG_STATUS_OK)
        status = encode_parts(&w);
    if (status == HG_STATUS_OK)
        drop_lone_mark(tok, out, first);
    if (status == HG_STATUS_OK && add_bos_eos && tok->add_eos && tok->eos >= 0 && !hg_ids_push(out, tok->eos))
        status = out_of_ids(&w);
    if (status != HG_STATUS_OK)
        out->n = before;
    hg_buffer_deinit(&w.text);
    hg_buffer_deinit(&w.normal);
    hg_buffer_deinit(&w.spare);
    hg_mem_free(w.ranges);
    hg_bpe_work_deinit(&w.bpe);
    hg_spans_deinit(&w.words);
    hg_spans_deinit(&w.spare_words);
    hg_ids_deinit(&w.part);
    return status;
}

hg_status hg_tokenizer_finish_sentencepiece(hg_tokenizer *tok, hg_error *err)
{
    tok->kind = HG_TOKENIZER_KIND_SENTENCEPIECE;
    tok->spaces = HG_UTF8_SPACES_PYTHON;
    tok->space_marks = true;
    tok->strip_first_space = tok->add_prefix_space;
    if (!tok->legacy)
        tok->sp.add_dummy_prefix = false;
    const hg_token *unknown = hg_token_table_get(&tok->vocab, tok->unknown);
    if (unknown == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "the unknown token is missing");
    hg_bpe_work work = {0};
    hg_ids ids;
    hg_ids_init(&ids, HG_TOKENIZER_MAX_TEXT);
    hg_status status =
        hg_sentencepiece_encode(&tok->sp, (const uint8_t *)hg_token_table_name(&tok->vocab, unknown),
                                unknown->size, &work, &ids, err);
    tok->n_unknown = ids.n;
    hg_ids_deinit(&ids);
    hg_bpe_work_deinit(&work);
    return status;
}
