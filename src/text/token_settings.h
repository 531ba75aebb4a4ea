/* SPDX-License-Identifier: Apache-2.0
 *
 * token_settings.h: what `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.
 */
#ifndef HG_TEXT_TOKEN_SETTINGS_H
#define HG_TEXT_TOKEN_SETTINGS_H

#include "text/tokenizer_parts.h"

/* Names that a class of transformers gives to the roles when its settings are silent; NULL: none. */
typedef struct hg_token_defaults {
    const char *bos, *eos, *unknown, *padding;
    bool add_bos;
} hg_token_defaults;

typedef struct hg_token_settings {
    json_t *config;      /* NULL: no such file */
    json_t *special_map; /* used only when the config does not list the added tokens */
    json_t *added;       /* likewise */
    json_t *fast;        /* the "added_tokens" of tokenizer.json, likewise */
    const char *folder;
} hg_token_settings;

/* Reads the files that are there. */
hg_status hg_token_settings_read(hg_token_settings *s, const char *folder, hg_error *err) HG_MUST_CHECK;
void hg_token_settings_deinit(hg_token_settings *s);

/* A member of the config. */
bool hg_token_settings_bool(const hg_token_settings *s, const char *key, bool fallback);
const char *hg_token_settings_class(const hg_token_settings *s); /* "tokenizer_class" without "Fast", or "" */

/* Adds the added tokens, as a slow class does: those of the config, or else of the other files, then those
 * with a role. */
hg_status hg_token_settings_apply_added(const hg_token_settings *s, const hg_token_defaults *defaults,
                                        hg_tokenizer *tok, hg_error *err) HG_MUST_CHECK;

/* Sets roles among the tokens that the tokenizer has. */
void hg_token_settings_apply_roles(const hg_token_settings *s, const hg_token_defaults *defaults,
                                   hg_tokenizer *tok);

/* One entry of a tokenizer.json's "added_tokens" or of the config's "added_tokens_decoder". */
hg_status hg_token_settings_put_entry(hg_tokenizer *tok, int64_t id, const json_t *entry,
                                      hg_error *err) HG_MUST_CHECK;

/* Reads folder/name; *out stays NULL when there is no such file. */
hg_status hg_token_settings_read_json(json_t **out, const char *folder, const char *name,
                                      hg_error *err) HG_MUST_CHECK;

#endif
