/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_gguf_exact.c: reads a tokenizer as tokenizer_gguf_writer.c wrote it. Nothing is guessed: every
 * key must be there, and what no writer writes is refused, so that the invariants of the parts hold whatever
 * the file says.
 */
#include "text/tokenizer_gguf_layout.h"

#include "text/byte_level.h"

#include <math.h>
#include <string.h>

#define GGML HG_LAYOUT_GGML
#define OWN HG_LAYOUT_OWN

#define ALL_FLAGS (HG_TOKEN_LITERAL | (HG_TOKEN_LITERAL - 1)) /* the last one and those before it */

typedef struct exact_read {
    const hg_gguf *g;
    hg_tokenizer *tok;
    const hg_gguf_value *names, *kinds, *flags, *scores; /* scores: NULL for BPE */
    size_t n;
    hg_buffer name; /* working memory */
    hg_error *err;
} exact_read;

static int shown(hg_gguf_text text)
{
    return text.size > 40 ? 40 : (int)text.size;
}

/* ---- settings
 * ------------------------------------------------------------------------------------------------- */

/* Which of the names a text is. */
static hg_status choose(const exact_read *r, const char *key, hg_gguf_text text, const char *const *names,
                        size_t n, int *out)
{
    for (size_t i = 0; i < n; i++) {
        if (text.size == strlen(names[i]) && memcmp(text.data, names[i], text.size) == 0) {
            *out = (int)i;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(r->err, HG_STATUS_INPUT, "%s is '%.*s', which is not known", key, shown(text),
                        text.data);
}

static hg_status read_choice(const exact_read *r, const char *key, const char *const *names, size_t n,
                             int *out)
{
    hg_gguf_text text = {"", 0};
    hg_status status = hg_gguf_get_string(r->g, key, &text, r->err);
    return status == HG_STATUS_OK ? choose(r, key, text, names, n, out) : status;
}

static hg_status read_kind(const exact_read *r)
{
    uint32_t version = 0;
    int kind = 0;
    hg_status status = hg_gguf_get_u32(r->g, OWN "version", &version, r->err);
    if (status == HG_STATUS_OK && version != HG_LAYOUT_VERSION)
        status = hg_error_set(r->err, HG_STATUS_INPUT, "%sversion is %u, only %d is known", OWN, version,
                              HG_LAYOUT_VERSION);
    if (status == HG_STATUS_OK)
        status = read_choice(r, OWN "kind", hg_layout_kinds, 2, &kind);
    if (status == HG_STATUS_OK)
        r->tok->kind = (hg_tokenizer_kind)kind;
    return status;
}

static hg_status read_switches(const exact_read *r)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < HG_LAYOUT_SWITCHES; i++) {
        const hg_layout_member *m = &hg_layout_switches[i];
        if (hg_layout_has(r->tok, m))
            status = hg_gguf_get_bool(r->g, m->key, (bool *)(void *)((char *)r->tok + m->offset), r->err);
    }
    return status;
}

/* The id of a token under a key that may be missing. */
static hg_status read_role(const exact_read *r, const char *key, int32_t *out)
{
    uint32_t id = 0;
    *out = -1;
    if (hg_gguf_find(r->g, key) == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_gguf_get_u32(r->g, key, &id, r->err);
    if (status != HG_STATUS_OK)
        return status;
    if (id >= r->n || hg_token_table_get(&r->tok->vocab, (int32_t)id) == NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s is %u, which is none of the %zu tokens", key, id,
                            r->n);
    *out = (int32_t)id;
    return HG_STATUS_OK;
}

static hg_status read_roles(const exact_read *r)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < HG_LAYOUT_ROLES; i++)
        status = read_role(r, hg_layout_roles[i].key,
                           (int32_t *)(void *)((char *)r->tok + hg_layout_roles[i].offset));
    const bool pieces = r->tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE;
    return status == HG_STATUS_OK
               ? read_role(r, OWN "model_unknown", pieces ? &r->tok->sp.unknown : &r->tok->bpe.unknown)
               : status;
}

/* ---- tokens
 * --------------------------------------------------------------------------------------------------- */

/* An array with an element for each token. */
static hg_status read_column(const exact_read *r, const char *key, hg_gguf_type type,
                             const hg_gguf_value **out)
{
    hg_status status = hg_gguf_get_array(r->g, key, type, out, r->err);
    if (status == HG_STATUS_OK && hg_gguf_array_count(*out) != r->n)
        status = hg_error_set(r->err, HG_STATUS_INPUT, "%s has %zu elements for %zu tokens", key,
                              hg_gguf_array_count(*out), r->n);
    return status;
}

static hg_status read_columns(exact_read *r)
{
    hg_status status = hg_gguf_get_array(r->g, GGML "tokens", HG_GGUF_STRING, &r->names, r->err);
    if (status != HG_STATUS_OK)
        return status;
    r->n = hg_gguf_array_count(r->names);
    if (r->n == 0 || r->n > HG_TOKENIZER_MAX_IDS)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%zu tokens, allowed are 1 to %zu", r->n,
                            HG_TOKENIZER_MAX_IDS);
    status = read_column(r, OWN "token_kinds", HG_GGUF_I32, &r->kinds);
    if (status == HG_STATUS_OK)
        status = read_column(r, OWN "token_flags", HG_GGUF_I32, &r->flags);
    if (status == HG_STATUS_OK && r->tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE)
        status = read_column(r, GGML "scores", HG_GGUF_F32, &r->scores);
    return status;
}

static bool kind_fits(const hg_tokenizer *tok, int32_t kind)
{
    if (kind == HG_TOKEN_KIND_NORMAL || kind == HG_TOKEN_KIND_ADDED)
        return true;
    if (kind == HG_TOKEN_KIND_BYTE)
        return tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE || !tok->bpe.byte_level;
    return tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE && kind >= HG_TOKEN_KIND_UNKNOWN &&
           kind <= HG_TOKEN_KIND_USER;
}

/* Only byte-level words are literal; what is only an added token is one. */
static bool flags_fit(const hg_tokenizer *tok, int32_t kind, int32_t flags)
{
    if (flags < 0 || flags > (int32_t)ALL_FLAGS)
        return false;
    if ((flags & HG_TOKEN_LITERAL) != 0 &&
        (kind != HG_TOKEN_KIND_NORMAL || tok->kind != HG_TOKENIZER_KIND_BPE || !tok->bpe.byte_level))
        return false;
    return kind != HG_TOKEN_KIND_ADDED || (flags & HG_TOKEN_ADDED) != 0;
}

static hg_status check_token(const exact_read *r, size_t i, int32_t kind, int32_t flags, hg_gguf_text name)
{
    if (!kind_fits(r->tok, kind) || !flags_fit(r->tok, kind, flags))
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "token %zu is of kind %d with flags %d, which no token is", i, (int)kind,
                            (int)flags);
    if ((flags & HG_TOKEN_ADDED) != 0 && name.size > HG_TOKEN_TRIE_MAX_NAME)
        return hg_error_set(r->err, HG_STATUS_INPUT, "added token %zu has a name of %zu bytes, at most %d", i,
                            name.size, HG_TOKEN_TRIE_MAX_NAME);
    if (r->scores != NULL && hg_layout_scored(kind) && !isfinite(hg_gguf_array_f32(r->scores, i)))
        return hg_error_set(r->err, HG_STATUS_INPUT, "token %zu has a score that is no number", i);
    return HG_STATUS_OK;
}

/* The bytes that a name in the file stands for, in r->name. */
static hg_status unspell(exact_read *r, size_t i, int32_t kind, unsigned flags, hg_gguf_text name)
{
    bool literal = false, ok;
    r->name.size = 0;
    if (hg_layout_spelled(r->tok, kind, flags))
        ok = hg_byte_level_read(name.data, name.size, &r->name, &literal);
    else
        ok = hg_buffer_push(&r->name, name.data, name.size);
    if (!ok)
        return hg_error_set(r->err, HG_STATUS_INPUT, "token %zu has a name of %zu bytes", i, name.size);
    if (literal)
        return hg_error_set(r->err, HG_STATUS_INPUT, "token %zu, '%.*s', is not spelled as bytes are", i,
                            shown(name), name.data);
    return HG_STATUS_OK;
}

static hg_status read_token(exact_read *r, size_t i)
{
    const int32_t kind = hg_gguf_array_i32(r->kinds, i), flags = hg_gguf_array_i32(r->flags, i);
    const hg_gguf_text name = hg_gguf_array_string(r->names, i);
    uint8_t byte = 0;
    if (kind == HG_TOKEN_KIND_NONE)
        return HG_STATUS_OK;
    hg_status status = check_token(r, i, kind, flags, name);
    if (status == HG_STATUS_OK)
        status = unspell(r, i, kind, (unsigned)flags, name);
    const char *bytes = hg_buffer_text(&r->name);
    if (status == HG_STATUS_OK && kind == HG_TOKEN_KIND_BYTE &&
        !hg_token_byte_name(bytes, r->name.size, &byte))
        status = hg_error_set(r->err, HG_STATUS_INPUT, "byte token %zu is not named as one", i);
    if (status == HG_STATUS_OK)
        status = hg_token_table_add(&r->tok->vocab, (int64_t)i, bytes, r->name.size, (hg_token_kind)kind,
                                    (unsigned)flags & HG_TOKEN_LITERAL, r->err);
    if (status != HG_STATUS_OK)
        return status;
    hg_token *token = &r->tok->vocab.tokens[i];
    token->flags = (uint8_t)flags;
    token->byte = byte;
    token->score = r->scores != NULL && hg_layout_scored(kind) ? hg_gguf_array_f32(r->scores, i) : 0;
    if ((flags & HG_TOKEN_ADDED) != 0 && !hg_token_trie_add(&r->tok->added, bytes, r->name.size, (int32_t)i))
        return hg_error_memory(r->err, r->name.size, "an added token");
    return HG_STATUS_OK;
}

static hg_status read_tokens(exact_read *r)
{
    hg_status status = read_columns(r);
    hg_buffer_init(&r->name, (size_t)1 << 20);
    for (size_t i = 0; status == HG_STATUS_OK && i < r->n; i++)
        status = read_token(r, i);
    hg_buffer_deinit(&r->name);
    return status;
}

/* ---- BPE
 * ------------------------------------------------------------------------------------------------------ */

/* An array with an element for each of `n` steps. */
static hg_status read_steps(const exact_read *r, const char *key, hg_gguf_type type, size_t n,
                            const hg_gguf_value **out)
{
    hg_status status = hg_gguf_get_array(r->g, key, type, out, r->err);
    if (status == HG_STATUS_OK && hg_gguf_array_count(*out) != n)
        status = hg_error_set(r->err, HG_STATUS_INPUT, "%s has %zu elements for %zu steps", key,
                              hg_gguf_array_count(*out), n);
    return status;
}

static bool copy_text(char out[16], hg_gguf_text text)
{
    if (text.size >= 16 || memchr(text.data, 0, text.size) != NULL)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static hg_status read_normalizer(const exact_read *r)
{
    const hg_gguf_value *kinds = NULL, *from = NULL, *to = NULL;
    hg_normalizer *normalizer = &r->tok->normalizer;
    if (hg_gguf_find(r->g, OWN "normalizer.kinds") == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_gguf_get_array(r->g, OWN "normalizer.kinds", HG_GGUF_STRING, &kinds, r->err);
    const size_t n = status == HG_STATUS_OK ? hg_gguf_array_count(kinds) : 0;
    if (n > HG_NORMALIZER_MAX_STEPS)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%zu normalizers, at most %d", n,
                            HG_NORMALIZER_MAX_STEPS);
    if (status == HG_STATUS_OK)
        status = read_steps(r, OWN "normalizer.from", HG_GGUF_STRING, n, &from);
    if (status == HG_STATUS_OK)
        status = read_steps(r, OWN "normalizer.to", HG_GGUF_STRING, n, &to);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        hg_normalizer_step *step = &normalizer->steps[i];
        int kind = 0;
        status = choose(r, OWN "normalizer.kinds", hg_gguf_array_string(kinds, i), hg_layout_normalizers, 3,
                        &kind);
        if (status == HG_STATUS_OK && (!copy_text(step->from, hg_gguf_array_string(from, i)) ||
                                       !copy_text(step->to, hg_gguf_array_string(to, i))))
            status = hg_error_set(r->err, HG_STATUS_INPUT, "normalizer %zu: only texts of up to 15 bytes", i);
        step->kind = (hg_normalizer_kind)kind;
    }
    normalizer->n = status == HG_STATUS_OK ? n : 0;
    return status;
}

static hg_status read_splits(const exact_read *r)
{
    const hg_gguf_value *patterns = NULL, *modes = NULL, *inverts = NULL, *literals = NULL;
    if (hg_gguf_find(r->g, OWN "split.patterns") == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_gguf_get_array(r->g, OWN "split.patterns", HG_GGUF_STRING, &patterns, r->err);
    const size_t n = status == HG_STATUS_OK ? hg_gguf_array_count(patterns) : 0;
    if (status == HG_STATUS_OK)
        status = read_steps(r, OWN "split.modes", HG_GGUF_STRING, n, &modes);
    if (status == HG_STATUS_OK)
        status = read_steps(r, OWN "split.inverts", HG_GGUF_BOOL, n, &inverts);
    if (status == HG_STATUS_OK)
        status = read_steps(r, OWN "split.literals", HG_GGUF_BOOL, n, &literals);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        const hg_gguf_text pattern = hg_gguf_array_string(patterns, i);
        int mode = 0;
        status = choose(r, OWN "split.modes", hg_gguf_array_string(modes, i), hg_layout_modes, 3, &mode);
        if (status == HG_STATUS_OK) /* which checks the number of steps */
            status = hg_pre_tokenizer_add(&r->tok->pre, pattern.data, pattern.size,
                                          hg_gguf_array_bool(literals, i), (hg_split_mode)mode,
                                          hg_gguf_array_bool(inverts, i), r->err);
    }
    return status;
}

static hg_status read_spelled_merges(const exact_read *r)
{
    const hg_gguf_value *merges = NULL;
    hg_status status = hg_gguf_get_array(r->g, GGML "merges", HG_GGUF_STRING, &merges, r->err);
    const size_t n = status == HG_STATUS_OK ? hg_gguf_array_count(merges) : 0;
    if (n > UINT32_MAX)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%zu merges", n);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        const hg_gguf_text merge = hg_gguf_array_string(merges, i);
        status = hg_tokenizer_put_merge(r->tok, merge.data, merge.size, (uint32_t)i, r->err);
    }
    return status;
}

static hg_status read_merge_ids(const exact_read *r)
{
    const hg_gguf_value *ids = NULL;
    const hg_token_table *vocab = &r->tok->vocab;
    hg_status status = hg_gguf_get_array(r->g, OWN "merges", HG_GGUF_I32, &ids, r->err);
    const size_t n = status == HG_STATUS_OK ? hg_gguf_array_count(ids) : 0;
    if (n % 2 != 0 || n / 2 > UINT32_MAX)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%zu ids in merges", n);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i += 2) {
        const hg_token *left = hg_token_table_get(vocab, hg_gguf_array_i32(ids, i));
        const hg_token *right = hg_token_table_get(vocab, hg_gguf_array_i32(ids, i + 1));
        if (left == NULL || right == NULL)
            return hg_error_set(r->err, HG_STATUS_INPUT, "merge %zu needs a token that is not there", i / 2);
        status = hg_tokenizer_put_merge_pair(r->tok, hg_token_table_name(vocab, left), left->size,
                                             hg_token_table_name(vocab, right), right->size,
                                             (uint32_t)(i / 2), r->err);
    }
    return status;
}

static hg_status read_bpe(const exact_read *r)
{
    hg_tokenizer *tok = r->tok;
    int spaces = 0, prepend = 0;
    hg_status status = read_choice(r, OWN "white_space", hg_layout_spaces, 2, &spaces);
    if (status == HG_STATUS_OK)
        status = read_choice(r, OWN "prepend", hg_layout_prepends, 3, &prepend);
    if (status == HG_STATUS_OK)
        status = read_normalizer(r);
    if (status == HG_STATUS_OK)
        status = read_splits(r);
    if (status != HG_STATUS_OK)
        return status;
    tok->spaces = (hg_utf8_spaces)spaces;
    tok->pre.prepend = (hg_prepend)prepend;
    tok->pre.byte_level = tok->bpe.byte_level;
    hg_bpe_model_prepare(&tok->bpe);
    return tok->bpe.byte_level ? read_spelled_merges(r) : read_merge_ids(r);
}

hg_status hg_tokenizer_read_gguf_exact(hg_tokenizer *tok, const hg_gguf *g, hg_error *err)
{
    exact_read r = {.g = g, .tok = tok, .err = err};
    tok->sp = (hg_sentencepiece){.vocab = &tok->vocab, .unknown = -1};
    hg_status status = read_kind(&r);
    if (status == HG_STATUS_OK)
        status = read_switches(&r);
    if (status == HG_STATUS_OK)
        status = read_tokens(&r);
    if (status == HG_STATUS_OK)
        status = read_roles(&r);
    if (status != HG_STATUS_OK)
        return status;
    if (tok->kind == HG_TOKENIZER_KIND_BPE)
        return read_bpe(&r);
    status = hg_sentencepiece_prepare(&tok->sp, r.n, err);
    return status == HG_STATUS_OK ? hg_tokenizer_finish_sentencepiece(tok, err) : status;
}
