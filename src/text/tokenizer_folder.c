/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_folder.c: folders with `tokenizer.model` (slow Llama class), or with `vocab.json` and
 * `merges.txt` (slow GPT-2 and Qwen2 classes). The classes' own defaults hold where the settings are silent.
 */
#include "text/token_settings.h"

#include "base/file.h"
#include "base/file_map.h"
#include "text/sentencepiece_file.h"

#include <string.h>

static hg_status parse_model_file(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_file_map map;
    hg_status status = hg_path_join(path, folder, "tokenizer.model", err);
    if (status == HG_STATUS_OK)
        status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_sentencepiece_parse(map.data, map.size, &tok->vocab, &tok->sp, err);
    hg_file_map_close(&map);
    return status == HG_STATUS_OK ? status : hg_error_prefix(err, status, "%s", path);
}

hg_status hg_tokenizer_read_sentencepiece(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    static const hg_token_defaults llama = {"<s>", "</s>", "<unk>", NULL, true};
    hg_token_settings s;
    hg_status status = hg_token_settings_read(&s, folder, err);
    if (status != HG_STATUS_OK)
        return status;
    status = parse_model_file(tok, folder, err);
    if (status == HG_STATUS_OK) {
        tok->unknown = tok->sp.unknown;
        tok->legacy =
            !json_is_false(json_object_get(s.config, "legacy")); /* null, too, means the default: true */
        tok->add_prefix_space = hg_token_settings_bool(&s, "add_prefix_space", true);
        tok->add_bos = hg_token_settings_bool(&s, "add_bos_token", llama.add_bos);
        tok->add_eos = hg_token_settings_bool(&s, "add_eos_token", false);
        status = hg_token_settings_apply_added(&s, &llama, tok, err);
    }
    if (status == HG_STATUS_OK) {
        hg_token_settings_apply_roles(&s, &llama, tok);
        status = hg_tokenizer_finish_sentencepiece(tok, err);
    }
    hg_token_settings_deinit(&s);
    return status;
}

static hg_status read_vocabulary(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    json_t *names = NULL;
    hg_status status = hg_token_settings_read_json(&names, folder, "vocab.json", err);
    void *at = json_object_iter(names);
    for (; status == HG_STATUS_OK && at != NULL; at = json_object_iter_next(names, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *id = json_object_iter_value(at);
        status = json_is_integer(id)
                     ? hg_tokenizer_put_spelled(tok, json_integer_value(id), name, strlen(name), err)
                     : hg_error_set(err, HG_STATUS_INPUT, "token '%.60s' has no id", name);
        if (status != HG_STATUS_OK)
            status = hg_error_prefix(err, status, "%s/vocab.json", folder);
    }
    json_decref(names);
    return status;
}

/* One merge a line; a first line "#version: ..." and empty lines do not count. */
static hg_status put_lines(hg_tokenizer *tok, const char *text, size_t size, hg_error *err)
{
    uint32_t rank = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end == NULL ? size - at : (size_t)(end - text) - at;
        const char *line = text + at;
        at += n + 1;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (n == 0 || (line == text && n >= 9 && memcmp(line, "#version:", 9) == 0))
            continue;
        hg_status status = hg_tokenizer_put_merge(tok, line, n, rank++, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status read_merges_file(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_file_map map;
    hg_status status = hg_path_join(path, folder, "merges.txt", err);
    if (status == HG_STATUS_OK)
        status = hg_file_map_open(&map, path, err);
    if (status != HG_STATUS_OK)
        return status;
    if (map.size > HG_TOKENIZER_MAX_JSON)
        status = hg_error_set(err, HG_STATUS_INPUT, "%zu bytes, at most %zu are read", map.size,
                              HG_TOKENIZER_MAX_JSON);
    else
        status = put_lines(tok, (const char *)map.data, map.size, err);
    hg_file_map_close(&map);
    return status == HG_STATUS_OK ? status : hg_error_prefix(err, status, "%s", path);
}

hg_status hg_tokenizer_read_merges(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    static const hg_token_defaults gpt2 = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, false};
    static const hg_token_defaults qwen2 = {NULL, "<|endoftext|>", "<|endoftext|>", "<|endoftext|>", false};
    hg_token_settings s;
    hg_status status = hg_token_settings_read(&s, folder, err);
    if (status != HG_STATUS_OK)
        return status;
    const bool is_qwen2 = strcmp(hg_token_settings_class(&s), "Qwen2Tokenizer") == 0;
    const hg_token_defaults *defaults = is_qwen2 ? &qwen2 : &gpt2;
    const char *pattern = is_qwen2 ? hg_pattern_qwen2 : hg_pattern_gpt2;
    tok->kind = HG_TOKENIZER_KIND_BPE;
    tok->spaces = HG_UTF8_SPACES_PYTHON;
    tok->bpe.byte_level = tok->pre.byte_level = true;
    tok->pre.prefix_space = !is_qwen2 && hg_token_settings_bool(&s, "add_prefix_space", false);
    tok->add_bos = !is_qwen2 && hg_token_settings_bool(&s, "add_bos_token", defaults->add_bos);
    if (is_qwen2)
        tok->normalizer.steps[tok->normalizer.n++] = (hg_normalizer_step){.kind = HG_NORMALIZER_NFC};
    status = read_vocabulary(tok, folder, err);
    if (status == HG_STATUS_OK) {
        hg_bpe_model_prepare(&tok->bpe);
        status = read_merges_file(tok, folder, err);
    }
    if (status == HG_STATUS_OK)
        status =
            hg_pre_tokenizer_add(&tok->pre, pattern, strlen(pattern), false, HG_SPLIT_ISOLATED, false, err);
    if (status == HG_STATUS_OK)
        status = hg_token_settings_apply_added(&s, defaults, tok, err);
    if (status == HG_STATUS_OK)
        hg_token_settings_apply_roles(&s, defaults, tok);
    hg_token_settings_deinit(&s);
    return status;
}
