/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_gguf_writer.c: a tokenizer as GGUF metadata. Other programs get what they can use: names in their
 * spelling, and a model or pre-tokenizer name that they refuse where they could only encode wrongly. Own keys
 * say the rest (tokenizer_gguf_layout.h). Equal tokenizers give equal bytes: merges are put in order of rank.
 */
#include "text/tokenizer_gguf_layout.h"

#include "base/memory.h"
#include "text/byte_level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GGML HG_LAYOUT_GGML
#define OWN HG_LAYOUT_OWN

/* The score of tokens that are never made by joining, as llama.cpp's converters write it: other programs do
 * not know that, and must not prefer them. */
#define SCORE_NEVER (-1000.0F)

typedef struct gguf_write {
    const hg_tokenizer *tok;
    hg_gguf_builder *out;
    hg_buffer text; /* working memory */
    hg_error *err;
} gguf_write;

static hg_status write_short(const gguf_write *w)
{
    return hg_error_memory(w->err, w->text.size, "a tokenizer's names");
}

static bool is_bytes(const hg_tokenizer *tok)
{
    return tok->kind == HG_TOKENIZER_KIND_BPE && tok->bpe.byte_level;
}

/* ---- tokens
 * --------------------------------------------------------------------------------------------------- */

static hg_status write_names(gguf_write *w)
{
    const hg_token_table *vocab = &w->tok->vocab;
    hg_gguf_begin_array(w->out, GGML "tokens", HG_GGUF_STRING, vocab->n);
    for (size_t i = 0; i < vocab->n; i++) {
        const hg_token *token = &vocab->tokens[i];
        const char *name = hg_token_table_name(vocab, token);
        w->text.size = 0;
        bool ok = true;
        if (token->kind == HG_TOKEN_KIND_NONE)
            ok = hg_buffer_push_format(&w->text, "[PAD%zu]", i);
        else if (hg_layout_spelled(w->tok, token->kind, token->flags))
            ok = hg_byte_level_write(name, token->size, &w->text);
        else
            ok = hg_buffer_push(&w->text, name, token->size);
        if (!ok)
            return write_short(w);
        hg_gguf_push_text(w->out, hg_buffer_text(&w->text), w->text.size);
    }
    return HG_STATUS_OK;
}

/* llama.cpp knows added tokens as control ones, or as user-defined when they are not special. */
static int32_t type_of(const hg_token *token)
{
    if (token->kind == HG_TOKEN_KIND_NONE)
        return HG_TOKEN_KIND_UNUSED;
    if ((token->flags & HG_TOKEN_ADDED) != 0)
        return (token->flags & HG_TOKEN_SPECIAL) != 0 ? HG_TOKEN_KIND_CONTROL : HG_TOKEN_KIND_USER;
    return token->kind;
}

static void write_tokens(const gguf_write *w)
{
    const hg_token_table *vocab = &w->tok->vocab;
    hg_gguf_begin_array(w->out, GGML "token_type", HG_GGUF_I32, vocab->n);
    for (size_t i = 0; i < vocab->n; i++)
        hg_gguf_push_i32(w->out, type_of(&vocab->tokens[i]));
    hg_gguf_begin_array(w->out, OWN "token_kinds", HG_GGUF_U8, vocab->n);
    for (size_t i = 0; i < vocab->n; i++)
        hg_gguf_push_u8(w->out, vocab->tokens[i].kind);
    hg_gguf_begin_array(w->out, OWN "token_flags", HG_GGUF_U8, vocab->n);
    for (size_t i = 0; i < vocab->n; i++)
        hg_gguf_push_u8(w->out, vocab->tokens[i].flags);
    if (w->tok->kind != HG_TOKENIZER_KIND_SENTENCEPIECE)
        return;
    hg_gguf_begin_array(w->out, GGML "scores", HG_GGUF_F32, vocab->n);
    for (size_t i = 0; i < vocab->n; i++)
        hg_gguf_push_f32(w->out,
                         hg_layout_scored(vocab->tokens[i].kind) ? vocab->tokens[i].score : SCORE_NEVER);
}

/* ---- merges
 * --------------------------------------------------------------------------------------------------- */

static int rank_order(const void *a, const void *b)
{
    const uint32_t left = ((const hg_bpe_rule *)a)->rank, right = ((const hg_bpe_rule *)b)->rank;
    return left < right ? -1 : (left > right ? 1 : 0);
}

static const hg_token *left_of(const hg_tokenizer *tok, const hg_bpe_rule *rule)
{
    return &tok->vocab.tokens[(rule->pair >> 32) - 1];
}

static const hg_token *right_of(const hg_tokenizer *tok, const hg_bpe_rule *rule)
{
    return &tok->vocab.tokens[(uint32_t)rule->pair];
}

static hg_status write_spelled_merge(gguf_write *w, const hg_bpe_rule *rule)
{
    const hg_token *left = left_of(w->tok, rule), *right = right_of(w->tok, rule);
    w->text.size = 0;
    if (!hg_byte_level_write(hg_token_table_name(&w->tok->vocab, left), left->size, &w->text) ||
        !hg_buffer_push_text(&w->text, " ") ||
        !hg_byte_level_write(hg_token_table_name(&w->tok->vocab, right), right->size, &w->text))
        return write_short(w);
    hg_gguf_push_text(w->out, hg_buffer_text(&w->text), w->text.size);
    return HG_STATUS_OK;
}

/* Names that are not spelled may hold spaces, so that "left right" would not say where one ends: ids do. */
static hg_status write_rules(gguf_write *w, const hg_bpe_rule *rules, size_t n)
{
    if (is_bytes(w->tok)) {
        hg_gguf_begin_array(w->out, GGML "merges", HG_GGUF_STRING, n);
        hg_status status = HG_STATUS_OK;
        for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
            status = write_spelled_merge(w, &rules[i]);
        return status;
    }
    hg_gguf_begin_array(w->out, OWN "merges", HG_GGUF_I32, 2 * n);
    for (size_t i = 0; i < n; i++) {
        hg_gguf_push_i32(w->out, (int32_t)(left_of(w->tok, &rules[i]) - w->tok->vocab.tokens));
        hg_gguf_push_i32(w->out, (int32_t)(right_of(w->tok, &rules[i]) - w->tok->vocab.tokens));
    }
    return HG_STATUS_OK;
}

static hg_status write_merges(gguf_write *w)
{
    const hg_bpe_model *bpe = &w->tok->bpe;
    hg_bpe_rule *rules = hg_mem_array(bpe->n_rules + 1, sizeof *rules);
    if (rules == NULL)
        return hg_error_memory(w->err, bpe->n_rules * sizeof *rules, "the merges");
    size_t n = 0;
    for (size_t i = 0; i < bpe->n_slots; i++) {
        if (bpe->rules[i].pair != 0)
            rules[n++] = bpe->rules[i];
    }
    qsort(rules, n, sizeof *rules, rank_order);
    hg_status status = write_rules(w, rules, n);
    hg_mem_free(rules);
    return status;
}

/* ---- settings
 * ------------------------------------------------------------------------------------------------- */

/* llama.cpp's name of the pre-tokenizer; "healthgpt", which it refuses, when it has none that cuts the same
 * words. NFC is not asked for: llama.cpp does not normalise in any of them. */
static const char *pre_name(const hg_tokenizer *tok)
{
    const hg_pre_tokenizer *pre = &tok->pre;
    const hg_split_step *step = &pre->steps[0];
    bool plain = pre->n == 1 && !pre->marks_spaces && !step->literal;
    /* The patterns match all text, so what lies between matches, and would be removed, is nothing. */
    plain = plain && (step->mode == HG_SPLIT_ISOLATED || (step->mode == HG_SPLIT_REMOVED && step->invert));
    for (size_t i = 0; i < tok->normalizer.n; i++)
        plain = plain && tok->normalizer.steps[i].kind == HG_NORMALIZER_NFC;
    for (size_t i = 0; plain && i < HG_LAYOUT_FAMILIES; i++) {
        const char *pattern = hg_layout_families[i].pattern;
        if (step->size == strlen(pattern) && memcmp(step->pattern, pattern, step->size) == 0)
            return hg_layout_families[i].name;
    }
    return "healthgpt";
}

static void write_model(const gguf_write *w)
{
    const hg_tokenizer *tok = w->tok;
    if (tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE) {
        hg_gguf_put_text(w->out, GGML "model", "llama");
        hg_gguf_put_text(w->out, GGML "pre", "default");
        hg_gguf_put_bool(w->out, GGML "add_space_prefix",
                         tok->legacy ? tok->sp.add_dummy_prefix : tok->add_prefix_space);
    } else if (is_bytes(tok)) {
        hg_gguf_put_text(w->out, GGML "model", "gpt2");
        hg_gguf_put_text(w->out, GGML "pre", pre_name(tok));
    } else {
        hg_gguf_put_text(w->out, GGML "model", "bpe"); /* of characters: llama.cpp has none */
    }
}

static void write_members(const gguf_write *w)
{
    const char *tok = (const char *)w->tok;
    for (size_t i = 0; i < HG_LAYOUT_SWITCHES; i++) {
        const hg_layout_member *m = &hg_layout_switches[i];
        if (hg_layout_has(w->tok, m))
            hg_gguf_put_bool(w->out, m->key, *(const bool *)(const void *)(tok + m->offset));
    }
    for (size_t i = 0; i < HG_LAYOUT_ROLES; i++) {
        const int32_t id = *(const int32_t *)(const void *)(tok + hg_layout_roles[i].offset);
        if (id >= 0)
            hg_gguf_put_u32(w->out, hg_layout_roles[i].key, (uint32_t)id);
    }
    const int32_t unknown =
        w->tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE ? w->tok->sp.unknown : w->tok->bpe.unknown;
    if (unknown >= 0)
        hg_gguf_put_u32(w->out, OWN "model_unknown", (uint32_t)unknown);
}

static void write_normalizer(hg_gguf_builder *out, const hg_normalizer *normalizer)
{
    const size_t n = normalizer->n;
    if (n == 0)
        return;
    hg_gguf_begin_array(out, OWN "normalizer.kinds", HG_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) {
        const char *kind = hg_layout_normalizers[normalizer->steps[i].kind];
        hg_gguf_push_text(out, kind, strlen(kind));
    }
    hg_gguf_begin_array(out, OWN "normalizer.from", HG_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        hg_gguf_push_text(out, normalizer->steps[i].from, strlen(normalizer->steps[i].from));
    hg_gguf_begin_array(out, OWN "normalizer.to", HG_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        hg_gguf_push_text(out, normalizer->steps[i].to, strlen(normalizer->steps[i].to));
}

static void write_splits(hg_gguf_builder *out, const hg_pre_tokenizer *pre)
{
    const size_t n = pre->n;
    if (n == 0)
        return;
    hg_gguf_begin_array(out, OWN "split.patterns", HG_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        hg_gguf_push_text(out, pre->steps[i].pattern, pre->steps[i].size);
    hg_gguf_begin_array(out, OWN "split.modes", HG_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) {
        const char *mode = hg_layout_modes[pre->steps[i].mode];
        hg_gguf_push_text(out, mode, strlen(mode));
    }
    hg_gguf_begin_array(out, OWN "split.inverts", HG_GGUF_BOOL, n);
    for (size_t i = 0; i < n; i++)
        hg_gguf_push_bool(out, pre->steps[i].invert);
    hg_gguf_begin_array(out, OWN "split.literals", HG_GGUF_BOOL, n);
    for (size_t i = 0; i < n; i++)
        hg_gguf_push_bool(out, pre->steps[i].literal);
}

hg_status hg_tokenizer_write_gguf(const hg_tokenizer *tok, hg_gguf_builder *out, hg_error *err)
{
    gguf_write w = {.tok = tok, .out = out, .err = err};
    hg_buffer_init(&w.text, (size_t)1 << 20);
    write_model(&w);
    hg_status status = write_names(&w);
    if (status == HG_STATUS_OK) {
        write_tokens(&w);
        write_members(&w);
        hg_gguf_put_u32(out, OWN "version", HG_LAYOUT_VERSION);
        hg_gguf_put_text(out, OWN "kind", hg_layout_kinds[tok->kind]);
    }
    if (status == HG_STATUS_OK && tok->kind == HG_TOKENIZER_KIND_BPE) {
        hg_gguf_put_text(out, OWN "white_space", hg_layout_spaces[tok->spaces]);
        hg_gguf_put_text(out, OWN "prepend", hg_layout_prepends[tok->pre.prepend]);
        write_normalizer(out, &tok->normalizer);
        write_splits(out, &tok->pre);
        status = write_merges(&w);
    }
    hg_buffer_deinit(&w.text);
    return status == HG_STATUS_OK ? hg_gguf_builder_status(out, err) : status;
}
