/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_model.c: merges in a hash table from pair to rank and result, so that joining works on ids alone.
 * Details follow the Hugging Face tokenizers library: a character without a token becomes byte tokens, the
 * unknown token, or nothing, in that order of what the vocabulary has.
 */
#include "text/bpe_model.h"

#include "base/memory.h"
#include "text/utf8.h"

#include <string.h>

void hg_bpe_model_deinit(hg_bpe_model *m)
{
    hg_mem_free(m->rules);
    m->rules = NULL;
}

void hg_bpe_model_prepare(hg_bpe_model *m)
{
    memset(m->bytes, -1, sizeof m->bytes);
    for (size_t i = 0; i < m->vocab->n; i++) {
        const hg_token *token = &m->vocab->tokens[i];
        if (token->kind == HG_TOKEN_KIND_BYTE)
            m->bytes[token->byte] = (int32_t)i;
        bool single = m->byte_level && token->kind == HG_TOKEN_KIND_NORMAL && token->size == 1;
        if (single && (token->flags & HG_TOKEN_LITERAL) == 0)
            m->bytes[(uint8_t)hg_token_table_name(m->vocab, token)[0]] = (int32_t)i;
    }
}

static uint64_t pair_key(int32_t left, int32_t right)
{
    return ((uint64_t)(uint32_t)left + 1) << 32 | (uint32_t)right;
}

static size_t find_rule(const hg_bpe_model *m, uint64_t pair)
{
    size_t at = (size_t)((pair * 0x9e3779b97f4a7c15U) >> 20) & (m->n_slots - 1);
    while (m->rules[at].pair != 0 && m->rules[at].pair != pair)
        at = (at + 1) & (m->n_slots - 1);
    return at;
}

static bool grow_rules(hg_bpe_model *m)
{
    if (m->n_rules + 1 <= m->n_slots / 2)
        return true;
    hg_bpe_rule *old = m->rules;
    size_t n_old = m->n_slots, n_slots = n_old == 0 ? 1024 : 2 * n_old;
    hg_bpe_rule *rules = hg_mem_array(n_slots, sizeof *rules);
    if (rules == NULL)
        return false;
    m->rules = rules;
    m->n_slots = n_slots;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].pair != 0)
            rules[find_rule(m, old[i].pair)] = old[i];
    }
    hg_mem_free(old);
    return true;
}

/* A token of the vocabulary itself, or -1. */
static int32_t find_own(const hg_bpe_model *m, const char *name, size_t n)
{
    int32_t id = hg_token_table_find(m->vocab, name, n);
    if (id < 0 || m->vocab->tokens[id].kind == HG_TOKEN_KIND_ADDED ||
        (m->vocab->tokens[id].flags & HG_TOKEN_LITERAL) != 0)
        return -1;
    return id;
}

static hg_status unknown_part(const char *name, size_t n, uint32_t rank, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_INPUT, "merge %u needs '%.*s', which is not in the vocabulary", rank,
                        n > 60 ? 60 : (int)n, name);
}

hg_status hg_bpe_model_add(hg_bpe_model *m, const char *left, size_t n_left, const char *right,
                           size_t n_right, uint32_t rank, hg_error *err)
{
    char joined[1024];
    if (n_left > sizeof joined || n_right > sizeof joined - n_left)
        return hg_error_set(err, HG_STATUS_INPUT, "merge %u makes a token of %zu bytes, at most %zu", rank,
                            n_left + n_right, sizeof joined);
    memcpy(joined, left, n_left);
    memcpy(joined + n_left, right, n_right);
    int32_t a = find_own(m, left, n_left), b = find_own(m, right, n_right);
    int32_t both = find_own(m, joined, n_left + n_right);
    if (a < 0 || b < 0)
        return a < 0 ? unknown_part(left, n_left, rank, err) : unknown_part(right, n_right, rank, err);
    if (both < 0)
        return unknown_part(joined, n_left + n_right, rank, err);
    if (!grow_rules(m))
        return hg_error_memory(err, 2 * m->n_slots * sizeof *m->rules, "the merges");
    size_t at = find_rule(m, pair_key(a, b));
    m->n_rules += m->rules[at].pair == 0 ? 1 : 0;
    m->rules[at] = (hg_bpe_rule){pair_key(a, b), rank, both};
    return HG_STATUS_OK;
}

static bool join_ids(const void *user, const hg_bpe_symbol *left, const hg_bpe_symbol *right, uint32_t *order,
                     int32_t *id)
{
    const hg_bpe_model *m = user;
    if (m->n_slots == 0)
        return false;
    const hg_bpe_rule *rule = &m->rules[find_rule(m, pair_key(left->id, right->id))];
    if (rule->pair == 0)
        return false;
    *order = rule->rank;
    *id = rule->id;
    return true;
}

/* True when all bytes of the character have tokens; pushes them. */
static bool push_bytes(const hg_bpe_model *m, const uint8_t *word, size_t at, size_t size, hg_bpe_work *work,
                       bool *pushed)
{
    *pushed = false;
    for (size_t i = 0; i < size; i++) {
        if (m->bytes[word[at + i]] < 0)
            return true;
    }
    *pushed = true;
    for (size_t i = 0; i < size; i++) {
        if (!hg_bpe_work_push(work, (uint32_t)(at + i), 1, m->bytes[word[at + i]]))
            return false;
    }
    return true;
}

/* The unknown token waits for the next character, with which it may be one. */
typedef struct bpe_unknown {
    size_t at, size; /* size 0: none waits */
} bpe_unknown;

static bool push_unknown(const hg_bpe_model *m, bpe_unknown *unknown, hg_bpe_work *work)
{
    if (unknown->size > 0 &&
        !hg_bpe_work_push(work, (uint32_t)unknown->at, (uint32_t)unknown->size, m->unknown))
        return false;
    unknown->size = 0;
    return true;
}

static bool push_characters(const hg_bpe_model *m, const uint8_t *word, size_t n, hg_bpe_work *work)
{
    bpe_unknown unknown = {0, 0};
    for (size_t at = 0, size; at < n; at += size) {
        size = m->byte_level ? 1 : hg_utf8_read(word + at, n - at).size;
        int32_t id = m->byte_level ? m->bytes[word[at]] : find_own(m, (const char *)word + at, size);
        if (id >= 0) {
            if (!push_unknown(m, &unknown, work) || !hg_bpe_work_push(work, (uint32_t)at, (uint32_t)size, id))
                return false;
            continue;
        }
        bool pushed = false;
        if (m->byte_fallback && !push_bytes(m, word, at, size, work, &pushed))
            return false;
        if (pushed || m->unknown < 0)
            continue;
        if (!m->fuse_unknown && !push_unknown(m, &unknown, work))
            return false;
        unknown.at = unknown.size == 0 ? at : unknown.at;
        unknown.size += size;
    }
    return push_unknown(m, &unknown, work);
}

bool hg_bpe_model_encode(const hg_bpe_model *m, const uint8_t *word, size_t n, hg_bpe_work *work, hg_ids *out)
{
    if (m->ignore_merges) {
        int32_t id = find_own(m, (const char *)word, n);
        if (id >= 0)
            return hg_ids_push(out, id);
    }
    hg_bpe_work_reset(work);
    if (!push_characters(m, word, n, work) || !hg_bpe_work_merge(work, join_ids, m))
        return false;
    for (int32_t i = work->n_symbols == 0 ? -1 : 0; i >= 0; i = work->symbols[i].next) {
        if (!hg_ids_push(out, work->symbols[i].id))
            return false;
    }
    return true;
}
