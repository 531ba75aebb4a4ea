/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer.h: text to token ids, as the tokenizers of Phi-3 (SentencePiece BPE), phi-4 and Qwen2.5
 * (byte-level BPE) do it. Open, add tokens, then only read: an hg_tokenizer that no longer changes may be
 * used by any number of threads at once.
 *
 * Text is UTF-8. Bytes that are not become U+FFFD, one for each longest broken part of a character.
 */
#ifndef HG_TEXT_TOKENIZER_H
#define HG_TEXT_TOKENIZER_H

#include "base/buffer.h"
#include "base/error.h"
#include "formats/gguf_builder.h"
#include "text/ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_TOKENIZER_MAX_TEXT ((size_t)4 << 20) /* bytes of one text */
#define HG_TOKENIZER_MAX_IDS ((size_t)1 << 20)  /* ids are below this */

typedef struct hg_tokenizer hg_tokenizer;

/* A part of a text. Added and special tokens are recognised in it, unless it is plain: what a user typed can
 * then never act as a control token. */
typedef struct hg_text_segment {
    const char *text; /* n bytes, not necessarily terminated; may be NULL when n is 0 */
    size_t n;
    bool plain;
} hg_text_segment;

/* Opens a `.gguf` file with a vocabulary, or a folder with, in this order of preference, `tokenizer.model`,
 * `tokenizer.json`, or `vocab.json` and `merges.txt`; `tokenizer_config.json`, `added_tokens.json` and
 * `special_tokens_map.json` beside them are read (docs/adr/0003-tokenizer-sources.md). HG_STATUS_INPUT names
 * the file and what is wrong with it. */
hg_status hg_tokenizer_open(hg_tokenizer **out, const char *path, hg_error *err) HG_MUST_CHECK;
void hg_tokenizer_close(hg_tokenizer *tok); /* NULL is allowed */

/* The same from the metadata of an opened GGUF file, which may be closed afterwards. */
hg_status hg_tokenizer_open_gguf(hg_tokenizer **out, const hg_gguf *g, hg_error *err) HG_MUST_CHECK;

/* Puts the tokenizer as it is now into `out`: `tokenizer.ggml.*` as llama.cpp and the gguf library read it,
 * and `healthgpt.tokenizer.*` for the rest, so that hg_tokenizer_open_gguf gives a tokenizer of exactly the
 * same behaviour. To be called before picture tokens are added: these belong to the model, not to the file.
 * The chat template is the caller's (`tokenizer.chat_template`). Returns the builder's status. */
hg_status hg_tokenizer_write_gguf(const hg_tokenizer *tok, hg_gguf_builder *out, hg_error *err) HG_MUST_CHECK;

/* Appends the ids of the segments, which are one text: tokens may cross from one segment into the next, but a
 * special token must lie in segments that are not plain. `add_bos_eos` puts the begin and end tokens around
 * it if the tokenizer's settings say so. HG_STATUS_INPUT when the text is longer than HG_TOKENIZER_MAX_TEXT;
 * on failure `out` holds what it held before. */
hg_status hg_tokenizer_encode(const hg_tokenizer *tok, const hg_text_segment *segments, size_t n_segments,
                              bool add_bos_eos, hg_ids *out, hg_error *err) HG_MUST_CHECK;

/* Appends the text of `ids` (see detokenizer.h for the rules). HG_STATUS_INPUT for an id without a token. */
hg_status hg_tokenizer_decode(const hg_tokenizer *tok, const int32_t *ids, size_t n, bool skip_special,
                              hg_buffer *out, hg_error *err) HG_MUST_CHECK;

/* Appends special tokens at ids from the tokenizer's length on, in order; a name that the tokenizer already
 * has keeps its id. HG_STATUS_USAGE for an empty name or one of more than 1,024 bytes. */
hg_status hg_tokenizer_add_tokens(hg_tokenizer *tok, const char *const *names, size_t n,
                                  hg_error *err) HG_MUST_CHECK;

/* Appends <start_index>, <idx_0> ... <idx_{n_codes-1}>, <end_index> and <pixel_newline>: n_codes + 3 tokens.
 */
hg_status hg_tokenizer_add_picture_tokens(hg_tokenizer *tok, size_t n_codes, hg_error *err) HG_MUST_CHECK;

/* One more than the highest id in use; the padding rows of a model's embedding do not count. */
int32_t hg_tokenizer_length(const hg_tokenizer *tok);

/* Id of the token with exactly this name, as the vocabulary spells it ("<|end|>", "<idx_7>", SentencePiece's
 * "▁the", byte-level " the"); -1 when there is none. */
int32_t hg_tokenizer_find_id(const hg_tokenizer *tok, const char *name);

/* The name of a token, `*n` bytes, borrowed until tokens are added or the tokenizer is closed; NULL for an id
 * without one. Names of byte-level vocabularies are the bytes they stand for. */
const char *hg_tokenizer_token(const hg_tokenizer *tok, int32_t id, size_t *n);

/* Control tokens: left out of a decoded text when special tokens are skipped. */
bool hg_tokenizer_is_special(const hg_tokenizer *tok, int32_t id);

/* The begin and end token of the tokenizer's settings, or -1. */
int32_t hg_tokenizer_bos(const hg_tokenizer *tok);
int32_t hg_tokenizer_eos(const hg_tokenizer *tok);

/* Whether encoding with `add_bos_eos` begins with the begin token; the setting can be overridden. */
bool hg_tokenizer_adds_bos(const hg_tokenizer *tok);
void hg_tokenizer_set_bos(hg_tokenizer *tok, bool add);

#endif
