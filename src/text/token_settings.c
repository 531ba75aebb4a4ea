/* SPDX-License-Identifier: Apache-2.0
 *
 * token_settings.c: the rules by which transformers' slow classes find their added and special tokens: a list
 * in the config ("added_tokens_decoder") stands for itself; without one, the special map overrides the
 * config's roles, and added_tokens.json and tokenizer.json give the tokens, in this order.
 */
#include "text/token_settings.h"

#include "base/file.h"
#include "base/file_map.h"
#include "formats/json_file.h"

#include <stdlib.h>
#include <string.h>

hg_status hg_token_settings_read_json(json_t **out, const char *folder, const char *name, hg_error *err)
{
    *out = NULL;
    char path[HG_PATH_BYTES];
    hg_file_map map;
    hg_status status = hg_path_join(path, folder, name, err);
    if (status != HG_STATUS_OK || !hg_file_exists(path))
        return status;
    status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_json_parse(out, path, (const char *)map.data, map.size, HG_TOKENIZER_MAX_JSON, err);
    hg_file_map_close(&map);
    return status;
}

hg_status hg_token_settings_read(hg_token_settings *s, const char *folder, hg_error *err)
{
    *s = (hg_token_settings){.folder = folder};
    json_t *fast = NULL;
    hg_status status = hg_token_settings_read_json(&s->config, folder, "tokenizer_config.json", err);
    bool complete = json_is_object(json_object_get(s->config, "added_tokens_decoder"));
    if (status == HG_STATUS_OK && !complete)
        status = hg_token_settings_read_json(&s->special_map, folder, "special_tokens_map.json", err);
    if (status == HG_STATUS_OK && !complete)
        status = hg_token_settings_read_json(&s->added, folder, "added_tokens.json", err);
    if (status == HG_STATUS_OK && !complete)
        status = hg_token_settings_read_json(&fast, folder, "tokenizer.json", err);
    s->fast = json_incref(json_object_get(fast, "added_tokens"));
    json_decref(fast);
    if (status != HG_STATUS_OK)
        hg_token_settings_deinit(s);
    return status;
}

void hg_token_settings_deinit(hg_token_settings *s)
{
    json_decref(s->config);
    json_decref(s->special_map);
    json_decref(s->added);
    json_decref(s->fast);
    *s = (hg_token_settings){0};
}

bool hg_token_settings_bool(const hg_token_settings *s, const char *key, bool fallback)
{
    const json_t *value = json_object_get(s->config, key);
    if (json_is_null(value)) /* not the default: Python's None counts as no */
        return false;
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

const char *hg_token_settings_class(const hg_token_settings *s)
{
    static const char *const known[] = {"LlamaTokenizer", "GPT2Tokenizer", "Qwen2Tokenizer",
                                        "CodeGenTokenizer"};
    const char *name = json_string_value(json_object_get(s->config, "tokenizer_class"));
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(name, known[i], strlen(known[i])) == 0)
            return known[i];
    }
    return "";
}

/* ---- entries
 * -------------------------------------------------------------------------------------------------- */

/* A role's or token's name: a string, or an object with "content". */
static const char *name_of(const json_t *value)
{
    return json_is_object(value) ? json_string_value(json_object_get(value, "content"))
                                 : json_string_value(value);
}

static unsigned strip_flags(const json_t *entry)
{
    unsigned flags = json_is_true(json_object_get(entry, "lstrip")) ? HG_TOKEN_LSTRIP : 0U;
    return flags | (json_is_true(json_object_get(entry, "rstrip")) ? HG_TOKEN_RSTRIP : 0U);
}

hg_status hg_token_settings_put_entry(hg_tokenizer *tok, int64_t id, const json_t *entry, hg_error *err)
{
    const char *name = name_of(entry);
    if (!json_is_object(entry) || name == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "added token %lld has no content", (long long)id);
    if (json_is_true(json_object_get(entry, "single_word")))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "added token '%.60s' is a single word, which is not supported", name);
    unsigned special = json_is_true(json_object_get(entry, "special")) ? HG_TOKEN_SPECIAL : 0U;
    return hg_tokenizer_put_added(tok, id, name, strlen(name), special | strip_flags(entry), err);
}

/* ---- roles
 * ---------------------------------------------------------------------------------------------------- */

enum { ROLE_BOS, ROLE_EOS, ROLE_UNKNOWN, ROLE_SEPARATOR, ROLE_PADDING, ROLE_CLASS, ROLE_MASK, N_ROLES };

static const char *const role_keys[N_ROLES] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};

/* The setting of a key, and whether there is one; a null is a setting. */
static const json_t *setting(const hg_token_settings *s, const char *key)
{
    const json_t *value = json_object_get(s->special_map, key);
    return value != NULL ? value : json_object_get(s->config, key);
}

static const char *role_name(const hg_token_settings *s, const hg_token_defaults *d, int role)
{
    const json_t *value = setting(s, role_keys[role]);
    if (value != NULL)
        return name_of(value);
    const char *const fallback[N_ROLES] = {
        [ROLE_BOS] = d->bos, [ROLE_EOS] = d->eos, [ROLE_UNKNOWN] = d->unknown, [ROLE_PADDING] = d->padding};
    return fallback[role];
}

static bool has_role(const hg_token_settings *s, const hg_token_defaults *d, const char *name)
{
    for (int role = 0; role < N_ROLES; role++) {
        const char *other = role_name(s, d, role);
        if (other != NULL && strcmp(other, name) == 0)
            return true;
    }
    const json_t *more = setting(s, "additional_special_tokens");
    for (size_t i = 0; i < json_array_size(more); i++) {
        const char *other = name_of(json_array_get(more, i));
        if (other != NULL && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

/* A role's token becomes an added one unless it is already. */
static hg_status put_role(hg_tokenizer *tok, const char *name, const json_t *entry, hg_error *err)
{
    if (name == NULL || *name == 0)
        return HG_STATUS_OK;
    int32_t id = hg_tokenizer_find_id(tok, name);
    if (id >= 0 && (tok->vocab.tokens[id].flags & HG_TOKEN_ADDED) != 0)
        return HG_STATUS_OK;
    return hg_tokenizer_put_added(tok, -1, name, strlen(name), HG_TOKEN_SPECIAL | strip_flags(entry), err);
}

static hg_status put_listed(const hg_token_settings *s, const json_t *listed, hg_tokenizer *tok,
                            hg_error *err)
{
    void *at = json_object_iter((json_t *)listed);
    for (; at != NULL; at = json_object_iter_next((json_t *)listed, at)) {
        const char *key = json_object_iter_key(at);
        char *end = NULL;
        long id = strtol(key, &end, 10);
        if (*key < '0' || *key > '9' || *end != 0)
            return hg_error_set(err, HG_STATUS_INPUT, "added token '%.60s' does not have a number as id",
                                key);
        hg_status status = hg_token_settings_put_entry(tok, id, json_object_iter_value(at), err);
        if (status != HG_STATUS_OK)
            return hg_error_prefix(err, status, "%s/tokenizer_config.json", s->folder);
    }
    return HG_STATUS_OK;
}

/* added_tokens.json: names and ids only, in order of ids, because put_added fills the vocabulary from the
 * end. */
static hg_status put_named(const hg_token_settings *s, const hg_token_defaults *d, hg_tokenizer *tok,
                           hg_error *err)
{
    void *at = json_object_iter(s->added);
    for (; at != NULL; at = json_object_iter_next(s->added, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *id = json_object_iter_value(at);
        if (!json_is_integer(id))
            return hg_error_set(err, HG_STATUS_INPUT, "%s/added_tokens.json: '%.60s' has no id", s->folder,
                                name);
        unsigned special = has_role(s, d, name) ? HG_TOKEN_SPECIAL : 0U;
        hg_status status =
            json_integer_value(id) < 0
                ? hg_error_set(err, HG_STATUS_INPUT, "'%.60s' has a negative id", name)
                : hg_tokenizer_put_added(tok, json_integer_value(id), name, strlen(name), special, err);
        if (status != HG_STATUS_OK)
            return hg_error_prefix(err, status, "%s/added_tokens.json", s->folder);
    }
    for (size_t i = 0; i < json_array_size(s->fast); i++) {
        const json_t *entry = json_array_get(s->fast, i);
        const json_t *id = json_object_get(entry, "id");
        hg_status status = !json_is_integer(id) || json_integer_value(id) < 0
                               ? hg_error_set(err, HG_STATUS_INPUT, "added token %zu has no id", i)
                               : hg_token_settings_put_entry(tok, json_integer_value(id), entry, err);
        if (status != HG_STATUS_OK)
            return hg_error_prefix(err, status, "%s/tokenizer.json", s->folder);
    }
    return HG_STATUS_OK;
}

hg_status hg_token_settings_apply_added(const hg_token_settings *s, const hg_token_defaults *defaults,
                                        hg_tokenizer *tok, hg_error *err)
{
    const json_t *listed = json_object_get(s->config, "added_tokens_decoder");
    hg_status status =
        json_is_object(listed) ? put_listed(s, listed, tok, err) : put_named(s, defaults, tok, err);
    for (int role = 0; status == HG_STATUS_OK && role < N_ROLES; role++)
        status = put_role(tok, role_name(s, defaults, role), setting(s, role_keys[role]), err);
    const json_t *more = setting(s, "additional_special_tokens");
    for (size_t i = 0; status == HG_STATUS_OK && i < json_array_size(more); i++)
        status = put_role(tok, name_of(json_array_get(more, i)), json_array_get(more, i), err);
    return status;
}

void hg_token_settings_apply_roles(const hg_token_settings *s, const hg_token_defaults *defaults,
                                   hg_tokenizer *tok)
{
    int32_t ids[N_ROLES];
    for (int role = 0; role < N_ROLES; role++) {
        const char *name = role_name(s, defaults, role);
        ids[role] = name == NULL ? -1 : hg_tokenizer_find_id(tok, name);
        if (ids[role] >= 0)
            tok->vocab.tokens[ids[role]].flags |= HG_TOKEN_NAMED;
    }
    const json_t *more = setting(s, "additional_special_tokens");
    for (size_t i = 0; i < json_array_size(more); i++) {
        const char *name = name_of(json_array_get(more, i));
        int32_t id = name == NULL ? -1 : hg_tokenizer_find_id(tok, name);
        if (id >= 0)
            tok->vocab.tokens[id].flags |= HG_TOKEN_NAMED;
    }
    tok->bos = ids[ROLE_BOS];
    tok->eos = ids[ROLE_EOS];
    tok->padding = ids[ROLE_PADDING];
    if (ids[ROLE_UNKNOWN] >= 0)
        tok->unknown = ids[ROLE_UNKNOWN];
}
