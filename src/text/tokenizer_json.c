/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_json.c: `tokenizer.json` of the Hugging Face tokenizers library: BPE models with the parts that
 * Phi-3, phi-4 and Qwen2.5 (and their kin) use. What is not supported is refused by name, never passed over.
 */
#include "text/token_settings.h"

#include "base/file.h"

#include <string.h>

static const char *type_of(const json_t *part)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    return type == NULL ? "" : type;
}

static bool is_type(const json_t *part, const char *type)
{
    return strcmp(type_of(part), type) == 0;
}

static hg_status not_supported(const char *what, const json_t *part, hg_error *err)
{
    return hg_error_set(err, HG_STATUS_INPUT, "%s of type '%.60s' is not supported", what, type_of(part));
}

/* ---- normalizer
 * ----------------------------------------------------------------------------------------------- */

static bool copy_text(char out[16], const json_t *value)
{
    const char *text = json_string_value(value);
    size_t n = text == NULL ? 16 : strlen(text);
    if (n >= 16)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

static hg_status read_normalizer_step(hg_tokenizer *tok, const json_t *part, hg_error *err)
{
    hg_normalizer_step step = {.kind = HG_NORMALIZER_NFC};
    bool ok = true;
    if (is_type(part, "Prepend")) {
        step.kind = HG_NORMALIZER_PREPEND;
        ok = copy_text(step.to, json_object_get(part, "prepend"));
    } else if (is_type(part, "Replace")) {
        step.kind = HG_NORMALIZER_REPLACE;
        ok = copy_text(step.from, json_object_get(json_object_get(part, "pattern"), "String")) &&
             copy_text(step.to, json_object_get(part, "content")) && step.from[0] != 0;
    } else if (!is_type(part, "NFC")) {
        return not_supported("a normalizer", part, err);
    }
    if (!ok)
        return hg_error_set(err, HG_STATUS_INPUT, "normalizer %s: only texts of 1 to 15 bytes are supported",
                            type_of(part));
    if (tok->normalizer.n == HG_NORMALIZER_MAX_STEPS)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %d normalizers", HG_NORMALIZER_MAX_STEPS);
    tok->normalizer.steps[tok->normalizer.n++] = step;
    return HG_STATUS_OK;
}

typedef hg_status (*read_step_fn)(hg_tokenizer *tok, const json_t *part, hg_error *err);

/* A part or a "Sequence" of parts (not nested further). */
static hg_status read_sequence(hg_tokenizer *tok, const json_t *part, const char *list, read_step_fn read,
                               hg_error *err)
{
    if (part == NULL || json_is_null(part))
        return HG_STATUS_OK;
    if (!is_type(part, "Sequence"))
        return read(tok, part, err);
    const json_t *parts = json_object_get(part, list);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < json_array_size(parts); i++)
        status = read(tok, json_array_get(parts, i), err);
    return status;
}

/* ---- pre-tokenizer
 * -------------------------------------------------------------------------------------------- */

static hg_status add_pattern(hg_tokenizer *tok, const char *pattern, bool literal, hg_split_mode mode,
                             bool invert, hg_error *err)
{
    return hg_pre_tokenizer_add(&tok->pre, pattern, strlen(pattern), literal, mode, invert, err);
}

static hg_status read_split(hg_tokenizer *tok, const json_t *part, hg_error *err)
{
    static const char *const names[] = {"Isolated", "Removed", "Contiguous"};
    const json_t *pattern = json_object_get(part, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *text = json_string_value(json_object_get(pattern, "String"));
    const char *behavior = json_string_value(json_object_get(part, "behavior"));
    const bool invert = json_is_true(json_object_get(part, "invert"));
    if (behavior == NULL || (regex == NULL && text == NULL))
        return hg_error_set(err, HG_STATUS_INPUT, "a Split pre-tokenizer without pattern or behavior");
    for (int mode = HG_SPLIT_ISOLATED; mode <= HG_SPLIT_CONTIGUOUS; mode++) {
        if (strcmp(behavior, names[mode]) == 0)
            return add_pattern(tok, regex != NULL ? regex : text, regex == NULL, (hg_split_mode)mode, invert,
                               err);
    }
    return hg_error_set(err, HG_STATUS_INPUT, "a Split pre-tokenizer with behavior '%.40s' is not supported",
                        behavior);
}

/* Spaces become marks, and, unless "split" is false, a word begins at every mark. */
static hg_status read_metaspace(hg_tokenizer *tok, const json_t *part, hg_error *err)
{
    static const char *const schemes[] = {"never", "first", "always"};
    const char *mark = json_string_value(json_object_get(part, "replacement"));
    const char *scheme = json_string_value(json_object_get(part, "prepend_scheme"));
    if (tok->pre.n > 0 || tok->pre.marks_spaces || mark == NULL || strcmp(mark, HG_SENTENCEPIECE_SPACE) != 0)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "a Metaspace pre-tokenizer behind another, or with another mark than U+2581, is not "
            "supported");
    tok->pre.marks_spaces = true;
    /* older files only have this switch */
    tok->pre.prepend =
        json_is_false(json_object_get(part, "add_prefix_space")) ? HG_PREPEND_NEVER : HG_PREPEND_ALWAYS;
    for (int i = 0; scheme != NULL && i <= HG_PREPEND_ALWAYS; i++) {
        if (strcmp(scheme, schemes[i]) == 0)
            tok->pre.prepend = (hg_prepend)i;
    }
    if (json_is_false(json_object_get(part, "split")))
        return HG_STATUS_OK;
    return add_pattern(tok, HG_SENTENCEPIECE_SPACE "[^" HG_SENTENCEPIECE_SPACE "]*", false, HG_SPLIT_ISOLATED,
                       false, err);
}

static hg_status read_pre_tokenizer_step(hg_tokenizer *tok, const json_t *part, hg_error *err)
{
    if (tok->pre.byte_level)
        return hg_error_set(err, HG_STATUS_INPUT, "pre-tokenizer '%.60s' behind ByteLevel is not supported",
                            type_of(part));
    if (is_type(part, "Split"))
        return read_split(tok, part, err);
    if (is_type(part, "Metaspace"))
        return read_metaspace(tok, part, err);
    if (is_type(part, "Digits")) {
        const bool single = json_is_true(json_object_get(part, "individual_digits"));
        return add_pattern(tok, "\\p{N}", false, single ? HG_SPLIT_ISOLATED : HG_SPLIT_CONTIGUOUS, false,
                           err);
    }
    if (!is_type(part, "ByteLevel"))
        return not_supported("a pre-tokenizer", part, err);
    tok->pre.byte_level = tok->bpe.byte_level = true;
    tok->pre.prefix_space = json_is_true(json_object_get(part, "add_prefix_space"));
    if (tok->pre.prefix_space && tok->pre.n > 0)
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "a ByteLevel pre-tokenizer with add_prefix_space behind another is not supported");
    const json_t *use_regex = json_object_get(part, "use_regex");
    if (json_is_boolean(use_regex) && !json_is_true(use_regex))
        return HG_STATUS_OK;
    return add_pattern(tok, hg_pattern_gpt2, false, HG_SPLIT_ISOLATED, false, err);
}

/* ---- model
 * ---------------------------------------------------------------------------------------------------- */

static bool is_blank(const json_t *value)
{
    const char *text = json_string_value(value);
    return value == NULL || json_is_null(value) || (text != NULL && *text == 0);
}

static hg_status read_vocabulary(hg_tokenizer *tok, json_t *names, hg_error *err)
{
    if (json_object_size(names) == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "the model has no vocabulary");
    for (void *at = json_object_iter(names); at != NULL; at = json_object_iter_next(names, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (!json_is_integer(value))
            return hg_error_set(err, HG_STATUS_INPUT, "token '%.60s' has no id", name);
        const json_int_t id = json_integer_value(value);
        uint8_t byte = 0;
        hg_status status;
        if (tok->bpe.byte_level) {
            status = hg_tokenizer_put_spelled(tok, id, name, strlen(name), err);
        } else {
            const bool is_byte = tok->bpe.byte_fallback && hg_token_byte_name(name, strlen(name), &byte);
            status = hg_token_table_add(&tok->vocab, id, name, strlen(name),
                                        is_byte ? HG_TOKEN_KIND_BYTE : HG_TOKEN_KIND_NORMAL, 0, err);
            if (status == HG_STATUS_OK)
                tok->vocab.tokens[id].byte = byte;
        }
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

/* "a b", or in newer files ["a", "b"]. */
static hg_status read_merges(hg_tokenizer *tok, const json_t *merges, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < json_array_size(merges); i++) {
        const json_t *merge = json_array_get(merges, i);
        const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
        if (json_is_string(merge))
            status = hg_tokenizer_put_merge(tok, json_string_value(merge), json_string_length(merge),
                                            (uint32_t)i, err);
        else if (json_array_size(merge) == 2 && json_is_string(left) && json_is_string(right))
            status = hg_tokenizer_put_merge_pair(tok, json_string_value(left), json_string_length(left),
                                                 json_string_value(right), json_string_length(right),
                                                 (uint32_t)i, err);
        else
            status = hg_error_set(err, HG_STATUS_INPUT, "merge %zu is not two tokens", i);
    }
    return status;
}

static hg_status read_model(hg_tokenizer *tok, const json_t *model, hg_error *err)
{
    const char *const blank[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    /* Files of older versions leave the type out. */
    if (!json_is_object(model) || (type_of(model)[0] != 0 && !is_type(model, "BPE")))
        return not_supported("a model", model, err);
    for (size_t i = 0; i < sizeof blank / sizeof blank[0]; i++) {
        if (!is_blank(json_object_get(model, blank[i])))
            return hg_error_set(err, HG_STATUS_INPUT, "a BPE model with %s is not supported", blank[i]);
    }
    tok->bpe.byte_fallback = json_is_true(json_object_get(model, "byte_fallback"));
    tok->bpe.fuse_unknown = json_is_true(json_object_get(model, "fuse_unk"));
    tok->bpe.ignore_merges = json_is_true(json_object_get(model, "ignore_merges"));
    hg_status status = read_vocabulary(tok, json_object_get(model, "vocab"), err);
    if (status != HG_STATUS_OK)
        return status;
    hg_bpe_model_prepare(&tok->bpe);
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    if (unknown != NULL) {
        tok->bpe.unknown = tok->unknown = hg_tokenizer_find_id(tok, unknown);
        if (tok->unknown < 0)
            return hg_error_set(err, HG_STATUS_INPUT, "the unknown token '%.60s' is not in the vocabulary",
                                unknown);
    }
    return read_merges(tok, json_object_get(model, "merges"), err);
}

/* ---- the rest
 * ------------------------------------------------------------------------------------------------- */

static hg_status read_added(hg_tokenizer *tok, const json_t *list, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *id = json_object_get(entry, "id");
        status = json_is_integer(id) && json_integer_value(id) >= 0
                     ? hg_token_settings_put_entry(tok, json_integer_value(id), entry, err)
                     : hg_error_set(err, HG_STATUS_INPUT, "added token %zu has no id", i);
    }
    return status;
}

/* A template may put one token in front of a text and one behind it; other processors add none. */
static hg_status read_post_processor(hg_tokenizer *tok, const json_t *part, hg_error *err)
{
    if (!is_type(part, "TemplateProcessing"))
        return is_type(part, "ByteLevel") ? HG_STATUS_OK : not_supported("a post-processor", part, err);
    const json_t *single = json_object_get(part, "single");
    bool seen_text = false;
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *item = json_array_get(single, i);
        const char *name = json_string_value(json_object_get(json_object_get(item, "SpecialToken"), "id"));
        if (name == NULL) {
            seen_text = true;
            continue;
        }
        const int32_t id = hg_tokenizer_find_id(tok, name);
        bool *add = seen_text ? &tok->add_eos : &tok->add_bos;
        if (id < 0 || *add)
            return hg_error_set(err, HG_STATUS_INPUT, "post-processor: '%.60s' %s", name,
                                id < 0 ? "is no token" : "is not the only token there");
        *add = true;
        *(seen_text ? &tok->eos : &tok->bos) = id;
    }
    return HG_STATUS_OK;
}

static bool has_decoder(const json_t *decoder, const char *type)
{
    const json_t *parts = json_object_get(decoder, "decoders");
    bool found = is_type(decoder, type);
    for (size_t i = 0; i < json_array_size(parts); i++)
        found = found || is_type(json_array_get(parts, i), type);
    return found;
}

hg_status hg_tokenizer_parse_json(hg_tokenizer *tok, const json_t *root, hg_error *err)
{
    tok->kind = HG_TOKENIZER_KIND_BPE;
    tok->spaces = HG_UTF8_SPACES_UNICODE;
    hg_status status =
        read_sequence(tok, json_object_get(root, "normalizer"), "normalizers", read_normalizer_step, err);
    if (status == HG_STATUS_OK)
        status = read_sequence(tok, json_object_get(root, "pre_tokenizer"), "pretokenizers",
                               read_pre_tokenizer_step, err);
    if (status == HG_STATUS_OK)
        status = read_model(tok, json_object_get(root, "model"), err);
    if (status == HG_STATUS_OK)
        status = read_added(tok, json_object_get(root, "added_tokens"), err);
    if (status == HG_STATUS_OK)
        status = read_sequence(tok, json_object_get(root, "post_processor"), "processors",
                               read_post_processor, err);
    const json_t *decoder = json_object_get(root, "decoder");
    const bool metaspace = has_decoder(decoder, "Metaspace");
    tok->space_marks = !tok->bpe.byte_level && (metaspace || has_decoder(decoder, "Replace"));
    tok->strip_first_space = tok->space_marks && (has_decoder(decoder, "Strip") ||
                                                  (metaspace && tok->pre.prepend != HG_PREPEND_NEVER));
    return status;
}

hg_status hg_tokenizer_read_json(hg_tokenizer *tok, const char *folder, hg_error *err)
{
    static const hg_token_defaults none = {0};
    json_t *root = NULL, *config = NULL;
    hg_status status = hg_token_settings_read_json(&root, folder, "tokenizer.json", err);
    if (status == HG_STATUS_OK) {
        status = hg_tokenizer_parse_json(tok, root, err);
        if (status != HG_STATUS_OK)
            status = hg_error_prefix(err, status, "%s/tokenizer.json", folder);
    }
    json_decref(root);
    if (status == HG_STATUS_OK)
        status = hg_token_settings_read_json(&config, folder, "tokenizer_config.json", err);
    if (status == HG_STATUS_OK) {
        const int32_t bos = tok->bos, eos = tok->eos; /* of a template: these are what is added */
        const hg_token_settings s = {.config = config, .folder = folder};
        hg_token_settings_apply_roles(&s, &none, tok);
        tok->bos = tok->add_bos ? bos : tok->bos;
        tok->eos = tok->add_eos ? eos : tok->eos;
    }
    json_decref(config);
    return status;
}
