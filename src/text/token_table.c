/* SPDX-License-Identifier: Apache-2.0
 *
 * token_table.c: names in one buffer, tokens in an array by id, and an open-addressing hash table of ids.
 * Invariant: every token but a LITERAL one whose bytes another token has is in the table; it is at most half
 * full.
 */
#include "text/token_table.h"

#include "base/memory.h"
#include "text/tokenizer.h"

#include <string.h>

#define TABLE_MAX_NAMES ((size_t)256 << 20)
#define TABLE_MAX_NAME ((size_t)1 << 16)

void hg_token_table_init(hg_token_table *v)
{
    *v = (hg_token_table){0};
    hg_buffer_init(&v->names, TABLE_MAX_NAMES);
}

void hg_token_table_deinit(hg_token_table *v)
{
    hg_buffer_deinit(&v->names);
    hg_mem_free(v->tokens);
    hg_mem_free(v->slots);
    hg_token_table_init(v);
}

/* FNV-1a, then mixed, because the table takes the low bits. */
static uint64_t hash_name(const char *name, size_t n)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)name[i]) * 1099511628211U;
    hash ^= hash >> 29;
    return hash * 0xbf58476d1ce4e5b9U >> 16;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t find_slot(const hg_token_table *v, const char *name, size_t n)
{
    size_t at = (size_t)hash_name(name, n) & (v->n_slots - 1);
    while (v->slots[at] != 0) {
        const hg_token *token = &v->tokens[v->slots[at] - 1];
        if (token->size == n && memcmp(v->names.data + token->offset, name, n) == 0)
            break;
        at = (at + 1) & (v->n_slots - 1);
    }
    return at;
}

static bool grow_slots(hg_token_table *v)
{
    if (v->n_filled + 1 <= v->n_slots / 2)
        return true;
    uint32_t *old = v->slots;
    size_t n_old = v->n_slots;
    uint32_t *slots = hg_mem_array(n_old == 0 ? 1024 : 2 * n_old, sizeof *slots);
    if (slots == NULL)
        return false;
    v->slots = slots;
    v->n_slots = n_old == 0 ? 1024 : 2 * n_old;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i] == 0)
            continue;
        const hg_token *token = &v->tokens[old[i] - 1];
        v->slots[find_slot(v, (const char *)v->names.data + token->offset, token->size)] = old[i];
    }
    hg_mem_free(old);
    return true;
}

static bool grow_tokens(hg_token_table *v, size_t n)
{
    if (n > v->capacity) {
        size_t capacity = n + n / 2 + 64;
        hg_token *tokens = hg_mem_resize(v->tokens, capacity, sizeof *tokens);
        if (tokens == NULL)
            return false;
        v->tokens = tokens;
        v->capacity = capacity;
    }
    if (n > v->n) {
        memset(v->tokens + v->n, 0, (n - v->n) * sizeof *v->tokens);
        v->n = n;
    }
    return true;
}

/* What can be wrong with a new token; the index is ready for find_slot. */
static hg_status check_new(const hg_token_table *v, int64_t id, const char *name, size_t n, unsigned flags,
                           hg_error *err)
{
    int show = n > 40 ? 40 : (int)n;
    if (id < 0 || id >= (int64_t)HG_TOKENIZER_MAX_IDS)
        return hg_error_set(err, HG_STATUS_INPUT, "token '%.*s' has id %lld, allowed are 0 to %zu", show,
                            name, (long long)id, HG_TOKENIZER_MAX_IDS - 1);
    if (n == 0 || n > TABLE_MAX_NAME)
        return hg_error_set(err, HG_STATUS_INPUT, "token %lld has a name of %zu bytes, allowed are 1 to %zu",
                            (long long)id, n, TABLE_MAX_NAME);
    const hg_token *same = hg_token_table_get(v, (int32_t)id);
    if (same != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "token id %lld is given twice: '%.*s' and '%.*s'",
                            (long long)id, same->size > 40 ? 40 : (int)same->size,
                            hg_token_table_name(v, same), show, name);
    int32_t other = (flags & HG_TOKEN_LITERAL) != 0 ? -1 : hg_token_table_find(v, name, n);
    if (other >= 0 && (v->tokens[other].flags & HG_TOKEN_LITERAL) == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "token '%.*s' has the ids %d and %lld", show, name,
                            (int)other, (long long)id);
    return HG_STATUS_OK;
}

hg_status hg_token_table_add(hg_token_table *v, int64_t id, const char *name, size_t n, hg_token_kind kind,
                             unsigned flags, hg_error *err)
{
    hg_status status = check_new(v, id, name, n, flags, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t offset = v->names.size;
    if (!grow_slots(v) || !grow_tokens(v, (size_t)id + 1) || !hg_buffer_push(&v->names, name, n))
        return hg_error_memory(err, v->names.size + n, "the vocabulary");
    hg_token *token = &v->tokens[id];
    *token = (hg_token){(uint32_t)offset, (uint32_t)n, 0, (uint8_t)kind, (uint8_t)flags, 0};
    size_t slot = find_slot(v, name, n);
    bool free_slot = v->slots[slot] == 0;
    if (free_slot || (flags & HG_TOKEN_LITERAL) == 0)
        v->slots[slot] = (uint32_t)id + 1;
    v->n_filled += free_slot ? 1 : 0;
    if (kind != HG_TOKEN_KIND_ADDED && n > v->longest)
        v->longest = n;
    return HG_STATUS_OK;
}

int32_t hg_token_table_find(const hg_token_table *v, const char *name, size_t n)
{
    if (v->n_slots == 0)
        return -1;
    uint32_t found = v->slots[find_slot(v, name, n)];
    return found == 0 ? -1 : (int32_t)(found - 1);
}

const hg_token *hg_token_table_get(const hg_token_table *v, int32_t id)
{
    if (id < 0 || (size_t)id >= v->n || v->tokens[id].kind == HG_TOKEN_KIND_NONE)
        return NULL;
    return &v->tokens[id];
}

const char *hg_token_table_name(const hg_token_table *v, const hg_token *token)
{
    return (const char *)v->names.data + token->offset;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hg_token_byte_name(const char *name, size_t n, uint8_t *byte)
{
    if (n != 6 || memcmp(name, "<0x", 3) != 0 || name[5] != '>')
        return false;
    int high = hex_digit(name[3]), low = hex_digit(name[4]);
    if (high < 0 || low < 0)
        return false;
    *byte = (uint8_t)(16 * high + low);
    return true;
}
