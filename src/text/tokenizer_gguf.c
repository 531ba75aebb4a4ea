/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_gguf.c: vocabularies in GGUF metadata as other programs write them, `tokenizer.ggml.*`. These
 * keys have no strip flags and no `legacy`, so these come from the family that the tokens show; a file that
 * has our own keys goes to tokenizer_gguf_exact.c. Rows that only pad the embedding are left out.
 */
#include "text/tokenizer_gguf_layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define KEY HG_LAYOUT_GGML

typedef struct gguf_vocabulary {
    const hg_gguf *file;
    const hg_gguf_value *names, *kinds; /* kinds: NULL when the file has none */
    size_t n;                           /* without padding */
} gguf_vocabulary;

static bool text_is(hg_gguf_text text, const char *other)
{
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

static hg_status open_vocabulary(gguf_vocabulary *v, const hg_gguf *file, hg_error *err)
{
    *v = (gguf_vocabulary){.file = file};
    hg_status status = hg_gguf_get_array(file, KEY "tokens", HG_GGUF_STRING, &v->names, err);
    if (status == HG_STATUS_OK && hg_gguf_find(file, KEY "token_type") != NULL)
        status = hg_gguf_get_array(file, KEY "token_type", HG_GGUF_I32, &v->kinds, err);
    if (status != HG_STATUS_OK)
        return status;
    v->n = hg_gguf_array_count(v->names);
    if (v->kinds != NULL && hg_gguf_array_count(v->kinds) != v->n)
        return hg_error_set(err, HG_STATUS_INPUT, "%zu tokens but %zu token types", v->n,
                            hg_gguf_array_count(v->kinds));
    while (v->n > 0) { /* "[PAD32011]" at 32011 and so on */
        char padding[32];
        snprintf(padding, sizeof padding, "[PAD%zu]", v->n - 1);
        if (!text_is(hg_gguf_array_string(v->names, v->n - 1), padding))
            break;
        v->n--;
    }
    return HG_STATUS_OK;
}

static int32_t kind_at(const gguf_vocabulary *v, size_t i)
{
    return v->kinds == NULL ? HG_TOKEN_KIND_NORMAL : hg_gguf_array_i32(v->kinds, i);
}

/* The id under a key, or -1: missing, or outside the vocabulary. */
static int32_t role(const gguf_vocabulary *v, const char *key)
{
    uint32_t id = 0;
    return hg_gguf_get_u32(v->file, key, &id, NULL) == HG_STATUS_OK && id < v->n ? (int32_t)id : -1;
}

/* A switch that may be missing. */
static hg_status read_switch(const hg_gguf *file, const char *key, bool *value, hg_error *err)
{
    return hg_gguf_find(file, key) == NULL ? HG_STATUS_OK : hg_gguf_get_bool(file, key, value, err);
}

static hg_status apply_roles(const gguf_vocabulary *v, hg_tokenizer *tok, hg_error *err)
{
    for (size_t i = 0; i < HG_LAYOUT_ROLES; i++) {
        const int32_t id = role(v, hg_layout_roles[i].key);
        const bool there =
            hg_token_table_get(&tok->vocab, id) != NULL; /* not when the file marks it as unused */
        *(int32_t *)(void *)((char *)tok + hg_layout_roles[i].offset) = there ? id : -1;
        if (there)
            tok->vocab.tokens[id].flags |= HG_TOKEN_NAMED;
    }
    hg_status status = read_switch(v->file, KEY "add_bos_token", &tok->add_bos, err);
    return status == HG_STATUS_OK ? read_switch(v->file, KEY "add_eos_token", &tok->add_eos, err) : status;
}

/* Control and user-defined tokens become added ones. `strip`: what they swallow in this family. */
static hg_status put_control(hg_tokenizer *tok, size_t id, int32_t kind, hg_gguf_text name, unsigned strip,
                             hg_error *err)
{
    const unsigned special = kind == HG_TOKEN_KIND_USER ? 0U : HG_TOKEN_SPECIAL;
    return hg_tokenizer_put_added(tok, (int64_t)id, name.data, name.size, special | strip, err);
}

/* ---- model "llama"
 * -------------------------------------------------------------------------------------------- */

static bool has_token(const gguf_vocabulary *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++) {
        if (text_is(hg_gguf_array_string(v->names, i), name))
            return true;
    }
    return false;
}

/* Phi-3's added tokens swallow the white space behind them, but for these. */
static unsigned phi3_strip(hg_gguf_text name)
{
    const bool keeps = text_is(name, "<|endoftext|>") || text_is(name, "<s>") || text_is(name, "<unk>");
    return keeps ? 0U : HG_TOKEN_RSTRIP;
}

static hg_status put_pieces(const gguf_vocabulary *v, const hg_gguf_value *scores, hg_tokenizer *tok,
                            hg_error *err)
{
    const bool is_phi3 = has_token(v, "<|user|>") && has_token(v, "<|end|>") && has_token(v, "<|assistant|>");
    const int32_t unknown = role(v, KEY "unknown_token_id");
    for (size_t i = 0; i < v->n; i++) {
        const hg_gguf_text name = hg_gguf_array_string(v->names, i);
        const int32_t kind = (int32_t)i == unknown ? HG_TOKEN_KIND_UNKNOWN : kind_at(v, i);
        uint8_t byte = 0;
        if (kind < HG_TOKEN_KIND_NORMAL || kind > HG_TOKEN_KIND_BYTE || kind == HG_TOKEN_KIND_UNUSED)
            return hg_error_set(err, HG_STATUS_INPUT, "token %zu is of type %d, which is not supported", i,
                                (int)kind);
        if (kind == HG_TOKEN_KIND_BYTE && !hg_token_byte_name(name.data, name.size, &byte))
            return hg_error_set(err, HG_STATUS_INPUT, "byte token %zu is not named as one", i);
        const bool control = kind != HG_TOKEN_KIND_NORMAL && kind != HG_TOKEN_KIND_BYTE;
        hg_status status = hg_token_table_add(&tok->vocab, (int64_t)i, name.data, name.size,
                                              control ? HG_TOKEN_KIND_ADDED : (hg_token_kind)kind, 0, err);
        if (status != HG_STATUS_OK)
            return status;
        tok->vocab.tokens[i].byte = byte;
        tok->vocab.tokens[i].score = control ? 0 : hg_gguf_array_f32(scores, i);
        if (!isfinite(tok->vocab.tokens[i].score))
            return hg_error_set(err, HG_STATUS_INPUT, "token %zu has a score that is no number", i);
        if (control)
            status = put_control(tok, i, kind, name, is_phi3 ? phi3_strip(name) : 0U, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status read_llama(const gguf_vocabulary *v, hg_tokenizer *tok, hg_error *err)
{
    const hg_gguf_value *scores = NULL;
    hg_status status = hg_gguf_get_array(v->file, KEY "scores", HG_GGUF_F32, &scores, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_gguf_array_count(scores) < v->n)
        return hg_error_set(err, HG_STATUS_INPUT, "%zu tokens but %zu scores", v->n,
                            hg_gguf_array_count(scores));
    tok->add_bos = true; /* unless the file says otherwise */
    tok->add_prefix_space = true;
    tok->sp = (hg_sentencepiece){.vocab = &tok->vocab, .unknown = -1, .byte_fallback = true};
    status = read_switch(v->file, KEY "add_space_prefix", &tok->add_prefix_space, err);
    if (status == HG_STATUS_OK)
        status = read_switch(v->file, KEY "remove_extra_whitespaces", &tok->sp.remove_extra_spaces, err);
    if (status == HG_STATUS_OK)
        status = put_pieces(v, scores, tok, err);
    if (status == HG_STATUS_OK)
        status = apply_roles(v, tok, err);
    if (status != HG_STATUS_OK)
        return status;
    tok->sp.unknown = tok->unknown = tok->unknown < 0 ? 0 : tok->unknown;
    status = hg_sentencepiece_prepare(&tok->sp, v->n, err);
    return status == HG_STATUS_OK ? hg_tokenizer_finish_sentencepiece(tok, err) : status;
}

/* ---- model "gpt2"
 * --------------------------------------------------------------------------------------------- */

static const hg_layout_family *find_family(const hg_gguf *file)
{
    for (size_t i = 0; i < HG_LAYOUT_FAMILIES; i++) {
        if (hg_gguf_string_is(file, KEY "pre", hg_layout_families[i].name))
            return &hg_layout_families[i];
    }
    return NULL;
}

static hg_status put_words(const gguf_vocabulary *v, bool is_phi4, hg_tokenizer *tok, hg_error *err)
{
    const unsigned strip = is_phi4 ? HG_TOKEN_LSTRIP | HG_TOKEN_RSTRIP : 0U;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < v->n; i++) {
        const hg_gguf_text name = hg_gguf_array_string(v->names, i);
        const int32_t kind = kind_at(v, i);
        if (kind == HG_TOKEN_KIND_CONTROL || kind == HG_TOKEN_KIND_USER)
            status = put_control(tok, i, kind, name, strip, err);
        else if (kind != HG_TOKEN_KIND_UNUSED)
            status = hg_tokenizer_put_spelled(tok, (int64_t)i, name.data, name.size, err);
    }
    return status;
}

static hg_status read_gpt2(const gguf_vocabulary *v, hg_tokenizer *tok, hg_error *err)
{
    const hg_gguf_value *merges = NULL;
    const hg_layout_family *family = find_family(v->file);
    hg_gguf_text pre = {"", 0};
    hg_status status = hg_gguf_get_string(v->file, KEY "pre", &pre, err);
    if (status != HG_STATUS_OK)
        return status;
    if (family == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "pre-tokenizer '%.*s' is not supported",
                            pre.size > 40 ? 40 : (int)pre.size, pre.data);
    status = hg_gguf_get_array(v->file, KEY "merges", HG_GGUF_STRING, &merges, err);
    if (status != HG_STATUS_OK)
        return status;
    tok->kind = HG_TOKENIZER_KIND_BPE;
    tok->spaces = HG_UTF8_SPACES_UNICODE;
    tok->pre.byte_level = tok->bpe.byte_level = true;
    if (family->nfc)
        tok->normalizer.steps[tok->normalizer.n++] = (hg_normalizer_step){.kind = HG_NORMALIZER_NFC};
    status = hg_pre_tokenizer_add(&tok->pre, family->pattern, strlen(family->pattern), false,
                                  HG_SPLIT_ISOLATED, false, err);
    if (status == HG_STATUS_OK)
        status = put_words(v, has_token(v, "<|im_sep|>"), tok, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_bpe_model_prepare(&tok->bpe);
    const size_t n = hg_gguf_array_count(merges);
    if (n > UINT32_MAX)
        return hg_error_set(err, HG_STATUS_INPUT, "%zu merges", n);
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        const hg_gguf_text merge = hg_gguf_array_string(merges, i);
        status = hg_tokenizer_put_merge(tok, merge.data, merge.size, (uint32_t)i, err);
    }
    return status == HG_STATUS_OK ? apply_roles(v, tok, err) : status;
}

hg_status hg_tokenizer_read_gguf(hg_tokenizer *tok, const hg_gguf *g, hg_error *err)
{
    if (hg_gguf_find(g, HG_LAYOUT_OWN "version") != NULL)
        return hg_tokenizer_read_gguf_exact(tok, g, err);
    gguf_vocabulary v;
    hg_status status = open_vocabulary(&v, g, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_gguf_string_is(g, KEY "model", "llama"))
        return read_llama(&v, tok, err);
    if (hg_gguf_string_is(g, KEY "model", "gpt2"))
        return read_gpt2(&v, tok, err);
    return hg_error_set(err, HG_STATUS_INPUT, "%smodel is neither llama nor gpt2", KEY);
}

hg_status hg_tokenizer_read_gguf_file(hg_tokenizer *tok, const char *path, hg_error *err)
{
    hg_gguf *file = NULL;
    hg_status status = hg_gguf_open(&file, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_tokenizer_read_gguf(tok, file, err);
    hg_gguf_close(file);
    return status == HG_STATUS_OK ? status : hg_error_prefix(err, status, "%s", path);
}
