/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer.c: the handle: opening, added tokens, look-ups. What a folder's files mean is in tokenizer_*.c.
 */
#include "text/tokenizer_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/json_file.h"
#include "text/byte_level.h"
#include "text/sentencepiece_file.h"

#include <stdio.h>
#include <string.h>

static hg_tokenizer *tokenizer_create(void)
{
    hg_tokenizer *tok = hg_mem_array(1, sizeof *tok);
    if (tok == NULL)
        return NULL;
    hg_token_table_init(&tok->vocab);
    tok->bos = tok->eos = tok->unknown = tok->padding = -1;
    tok->bpe.vocab = &tok->vocab;
    tok->bpe.unknown = -1;
    return tok;
}

void hg_tokenizer_close(hg_tokenizer *tok)
{
    if (tok == NULL)
        return;
    hg_token_table_deinit(&tok->vocab);
    hg_token_trie_deinit(&tok->added);
    hg_sentencepiece_deinit(&tok->sp);
    hg_pre_tokenizer_deinit(&tok->pre);
    hg_bpe_model_deinit(&tok->bpe);
    hg_mem_free(tok);
}

static bool has_file(const char *folder, const char *name)
{
    char path[HG_PATH_BYTES];
    return hg_path_join(path, folder, name, NULL) == HG_STATUS_OK && hg_file_exists(path);
}

static hg_status read_any(hg_tokenizer *tok, const char *path, hg_error *err)
{
    if (hg_file_exists(path))
        return hg_tokenizer_read_gguf_file(tok, path, err);
    if (!hg_folder_exists(path))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no such file or folder", path);
    if (has_file(path, "tokenizer.model"))
        return hg_tokenizer_read_sentencepiece(tok, path, err);
    if (has_file(path, "tokenizer.json"))
        return hg_tokenizer_read_json(tok, path, err);
    if (has_file(path, "vocab.json") && has_file(path, "merges.txt"))
        return hg_tokenizer_read_merges(tok, path, err);
    return hg_error_set(
        err, HG_STATUS_INPUT,
        "%s: no tokenizer: tokenizer.model, tokenizer.json or vocab.json with merges.txt is needed", path);
}

/* Hands out `tok` if reading it went well, else closes it. */
static hg_status tokenizer_hand_out(hg_tokenizer **out, hg_tokenizer *tok, hg_status status)
{
    if (status == HG_STATUS_OK)
        *out = tok;
    else
        hg_tokenizer_close(tok);
    return status;
}

hg_status hg_tokenizer_open(hg_tokenizer **out, const char *path, hg_error *err)
{
    *out = NULL;
    hg_tokenizer *tok = tokenizer_create();
    if (tok == NULL)
        return hg_error_memory(err, sizeof *tok, "a tokenizer");
    return tokenizer_hand_out(out, tok, read_any(tok, path, err));
}

hg_status hg_tokenizer_open_gguf(hg_tokenizer **out, const hg_gguf *g, hg_error *err)
{
    *out = NULL;
    hg_tokenizer *tok = tokenizer_create();
    if (tok == NULL)
        return hg_error_memory(err, sizeof *tok, "a tokenizer");
    return tokenizer_hand_out(out, tok, hg_tokenizer_read_gguf(tok, g, err));
}

hg_status hg_tokenizer_open_json_memory(hg_tokenizer **out, const char *text, size_t n, hg_error *err)
{
    *out = NULL;
    hg_tokenizer *tok = tokenizer_create();
    if (tok == NULL)
        return hg_error_memory(err, sizeof *tok, "a tokenizer");
    json_t *root = NULL;
    hg_status status = hg_json_parse(&root, "tokenizer.json", text, n, HG_TOKENIZER_MAX_JSON, err);
    if (status == HG_STATUS_OK)
        status = hg_tokenizer_parse_json(tok, root, err);
    json_decref(root);
    return tokenizer_hand_out(out, tok, status);
}

hg_status hg_tokenizer_open_model_memory(hg_tokenizer **out, const uint8_t *data, size_t n, hg_error *err)
{
    *out = NULL;
    hg_tokenizer *tok = tokenizer_create();
    if (tok == NULL)
        return hg_error_memory(err, sizeof *tok, "a tokenizer");
    hg_status status = hg_sentencepiece_parse(data, n, &tok->vocab, &tok->sp, err);
    tok->unknown = tok->sp.unknown;
    tok->legacy = true; /* the class's default, and what SentencePiece itself does */
    tok->add_prefix_space = tok->sp.add_dummy_prefix;
    if (status == HG_STATUS_OK)
        status = hg_tokenizer_finish_sentencepiece(tok, err);
    return tokenizer_hand_out(out, tok, status);
}

/* ---- building
 * ------------------------------------------------------------------------------------------------- */

hg_status hg_tokenizer_put_added(hg_tokenizer *tok, int64_t id, const char *name, size_t n, unsigned flags,
                                 hg_error *err)
{
    if (n == 0 || n > HG_TOKEN_TRIE_MAX_NAME)
        return hg_error_set(err, HG_STATUS_INPUT, "an added token's name has %zu bytes, allowed are 1 to %d",
                            n, HG_TOKEN_TRIE_MAX_NAME);
    int32_t same = hg_token_table_find(&tok->vocab, name, n);
    if (id < 0)
        id = same >= 0 ? same : (int64_t)tok->vocab.n;
    if (same >= 0 && same != id)
        return hg_error_set(err, HG_STATUS_INPUT, "added token '%.*s' has the ids %d and %lld",
                            n > 60 ? 60 : (int)n, name, (int)same, (long long)id);
    if (same < 0) {
        hg_status status = hg_token_table_add(&tok->vocab, id, name, n, HG_TOKEN_KIND_ADDED, 0, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    hg_token *token = &tok->vocab.tokens[id];
    token->flags = (uint8_t)((token->flags & HG_TOKEN_LITERAL) | HG_TOKEN_ADDED | flags);
    if (!hg_token_trie_add(&tok->added, name, n, (int32_t)id))
        return hg_error_memory(err, n, "an added token");
    return HG_STATUS_OK;
}

hg_status hg_tokenizer_put_spelled(hg_tokenizer *tok, int64_t id, const char *spelled, size_t n,
                                   hg_error *err)
{
    hg_buffer name;
    hg_buffer_init(&name, n + 1);
    bool literal = false;
    if (!hg_byte_level_read(spelled, n, &name, &literal)) {
        hg_buffer_deinit(&name);
        return hg_error_memory(err, n, "a token's name");
    }
    hg_status status = hg_token_table_add(&tok->vocab, id, hg_buffer_text(&name), name.size,
                                          HG_TOKEN_KIND_NORMAL, literal ? HG_TOKEN_LITERAL : 0U, err);
    hg_buffer_deinit(&name);
    return status;
}

hg_status hg_tokenizer_put_merge_pair(hg_tokenizer *tok, const char *left, size_t n_left, const char *right,
                                      size_t n_right, uint32_t rank, hg_error *err)
{
    if (!tok->bpe.byte_level)
        return hg_bpe_model_add(&tok->bpe, left, n_left, right, n_right, rank, err);
    hg_buffer names;
    hg_buffer_init(&names, n_left + n_right + 1);
    bool literal = false, ok = hg_byte_level_read(left, n_left, &names, &literal);
    size_t n = names.size;
    ok = ok && hg_byte_level_read(right, n_right, &names, &literal);
    const char *text = hg_buffer_text(&names);
    hg_status status = ok ? hg_bpe_model_add(&tok->bpe, text, n, text + n, names.size - n, rank, err)
                          : hg_error_memory(err, n_left + n_right, "a merge");
    hg_buffer_deinit(&names);
    return status;
}

hg_status hg_tokenizer_put_merge(hg_tokenizer *tok, const char *merge, size_t n, uint32_t rank, hg_error *err)
{
    const char *space = memchr(merge, ' ', n);
    size_t n_left = space == NULL ? 0 : (size_t)(space - merge);
    if (n_left == 0 || n_left + 1 == n || memchr(space + 1, ' ', n - n_left - 1) != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "merge %u is '%.*s', not two tokens with a space between",
                            rank, n > 60 ? 60 : (int)n, merge);
    return hg_tokenizer_put_merge_pair(tok, merge, n_left, space + 1, n - n_left - 1, rank, err);
}

hg_status hg_tokenizer_add_tokens(hg_tokenizer *tok, const char *const *names, size_t n, hg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(names[i]);
        if (bytes == 0 || bytes > HG_TOKEN_TRIE_MAX_NAME)
            return hg_error_set(err, HG_STATUS_USAGE, "a new token's name has %zu bytes, allowed are 1 to %d",
                                bytes, HG_TOKEN_TRIE_MAX_NAME);
        hg_status status =
            hg_tokenizer_put_added(tok, -1, names[i], bytes, HG_TOKEN_SPECIAL | HG_TOKEN_NAMED, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

hg_status hg_tokenizer_add_picture_tokens(hg_tokenizer *tok, size_t n_codes, hg_error *err)
{
    hg_status status = hg_tokenizer_add_tokens(tok, (const char *const[]){"<start_index>"}, 1, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < n_codes; i++) {
        char name[32];
        snprintf(name, sizeof name, "<idx_%zu>", i);
        const char *pointer = name;
        status = hg_tokenizer_add_tokens(tok, &pointer, 1, err);
    }
    if (status == HG_STATUS_OK)
        status =
            hg_tokenizer_add_tokens(tok, (const char *const[]){"<end_index>", "<pixel_newline>"}, 2, err);
    return status;
}

/* ---- look-ups
 * ------------------------------------------------------------------------------------------------- */

int32_t hg_tokenizer_length(const hg_tokenizer *tok)
{
    return (int32_t)tok->vocab.n;
}

int32_t hg_tokenizer_find_id(const hg_tokenizer *tok, const char *name)
{
    return hg_token_table_find(&tok->vocab, name, strlen(name));
}

const char *hg_tokenizer_token(const hg_tokenizer *tok, int32_t id, size_t *n)
{
    const hg_token *token = hg_token_table_get(&tok->vocab, id);
    *n = token == NULL ? 0 : token->size;
    return token == NULL ? NULL : hg_token_table_name(&tok->vocab, token);
}

bool hg_tokenizer_is_special(const hg_tokenizer *tok, int32_t id)
{
    const hg_token *token = hg_token_table_get(&tok->vocab, id);
    return token != NULL && (token->flags & HG_TOKEN_SPECIAL) != 0;
}

int32_t hg_tokenizer_bos(const hg_tokenizer *tok)
{
    return tok->bos;
}

int32_t hg_tokenizer_eos(const hg_tokenizer *tok)
{
    return tok->eos;
}

bool hg_tokenizer_adds_bos(const hg_tokenizer *tok)
{
    return tok->add_bos && tok->bos >= 0;
}

void hg_tokenizer_set_bos(hg_tokenizer *tok, bool add)
{
    tok->add_bos = add;
}
