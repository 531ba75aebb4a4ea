/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_parts.h: the inside of hg_tokenizer, for the files that read one (tokenizer_*.c), encode and
 * decode.
 *
 * Two kinds: SENTENCEPIECE works like the slow Llama class of transformers; BPE like the tokenizers library,
 * and with python_spaces like the slow GPT-2 and Qwen2 classes. Added tokens come first in all of them.
 */
#ifndef HG_TEXT_TOKENIZER_PARTS_H
#define HG_TEXT_TOKENIZER_PARTS_H

#include "text/bpe_model.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/token_table.h"
#include "text/token_trie.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <jansson.h>

#define HG_TOKENIZER_MAX_JSON ((size_t)64 << 20)

typedef enum hg_tokenizer_kind { HG_TOKENIZER_KIND_SENTENCEPIECE, HG_TOKENIZER_KIND_BPE } hg_tokenizer_kind;

struct hg_tokenizer {
    hg_token_table vocab;
    hg_token_trie added;
    hg_utf8_spaces spaces; /* what lstrip and rstrip swallow */
    hg_tokenizer_kind kind;
    bool add_bos, add_eos;
    int32_t bos, eos, unknown; /* -1: none */
    int32_t padding;           /* likewise; nothing here uses it, but files name it */

    /* SENTENCEPIECE */
    hg_sentencepiece sp;
    bool legacy; /* the Llama class before its correction: every part of a text gets a space in front */
    bool add_prefix_space; /* not legacy: the text as a whole gets one */
    size_t n_unknown;      /* not legacy: tokens that the unknown token's own name gives */

    /* BPE */
    hg_normalizer normalizer;
    hg_pre_tokenizer pre;
    hg_bpe_model bpe;

    /* decoding */
    bool space_marks;       /* names hold U+2581 for spaces */
    bool strip_first_space; /* of the text */
};

/* Makes `name` an added token: at `id`, or for id -1 where the vocabulary has it, or else at the next free
 * id. HG_STATUS_INPUT when the id or the name is already used otherwise. */
hg_status hg_tokenizer_put_added(hg_tokenizer *tok, int64_t id, const char *name, size_t n, unsigned flags,
                                 hg_error *err) HG_MUST_CHECK;

/* Adds a token that a byte-level vocabulary spells in its alphabet. */
hg_status hg_tokenizer_put_spelled(hg_tokenizer *tok, int64_t id, const char *spelled, size_t n,
                                   hg_error *err) HG_MUST_CHECK;

/* Adds the merge "left right" (one space), spelled as the vocabulary's file spells it. */
hg_status hg_tokenizer_put_merge(hg_tokenizer *tok, const char *merge, size_t n, uint32_t rank,
                                 hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_put_merge_pair(hg_tokenizer *tok, const char *left, size_t n_left, const char *right,
                                      size_t n_right, uint32_t rank, hg_error *err) HG_MUST_CHECK;

/* The last step of reading a SENTENCEPIECE tokenizer, when its settings are known. */
hg_status hg_tokenizer_finish_sentencepiece(hg_tokenizer *tok, hg_error *err) HG_MUST_CHECK;

/* Readers: each fills an empty tokenizer. The error text names the file. */
hg_status hg_tokenizer_read_sentencepiece(hg_tokenizer *tok, const char *folder, hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_read_json(hg_tokenizer *tok, const char *folder, hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_read_merges(hg_tokenizer *tok, const char *folder, hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_read_gguf_file(hg_tokenizer *tok, const char *path, hg_error *err) HG_MUST_CHECK;

/* The metadata of a GGUF file: by the family that it shows, or exactly as hg_tokenizer_write_gguf wrote it.
 */
hg_status hg_tokenizer_read_gguf(hg_tokenizer *tok, const hg_gguf *g, hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_read_gguf_exact(hg_tokenizer *tok, const hg_gguf *g, hg_error *err) HG_MUST_CHECK;

/* The same from memory, for a tokenizer.json without its neighbours and a tokenizer.model with no settings.
 */
hg_status hg_tokenizer_parse_json(hg_tokenizer *tok, const json_t *root, hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_open_json_memory(hg_tokenizer **out, const char *text, size_t n,
                                        hg_error *err) HG_MUST_CHECK;
hg_status hg_tokenizer_open_model_memory(hg_tokenizer **out, const uint8_t *data, size_t n,
                                         hg_error *err) HG_MUST_CHECK;

#endif
