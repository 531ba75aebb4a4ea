/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_gguf_layout.h: the metadata keys of a tokenizer, as its readers and its writer know them.
 *
 * `tokenizer.ggml.*` is what llama.cpp and the gguf library use. `healthgpt.tokenizer.*` stands beside it,
 * for what those keys cannot say:
 *
 *     version               u32, 1
 *     kind                  "sentencepiece" or "bpe"
 *     token_kinds           u8 a token: hg_token_kind; 0: no token has this id
 *     token_flags           u8 a token: hg_token_flags
 *     model_unknown         u32, the unknown token of the model itself; missing: none
 *     hg_layout_switches    bool each
 *     white_space, prepend  of BPE: names as below
 *     merges                i32, two ids a merge, in order; byte-level ones are in tokenizer.ggml.merges
 *     normalizer.{kinds,from,to}, split.{patterns,modes}   strings, one a step; missing: no steps
 *     split.{inverts,literals}                             bool, one a step
 */
#ifndef HG_TEXT_TOKENIZER_GGUF_LAYOUT_H
#define HG_TEXT_TOKENIZER_GGUF_LAYOUT_H

#include "text/tokenizer_parts.h"

#define HG_LAYOUT_GGML "tokenizer.ggml."
#define HG_LAYOUT_OWN "healthgpt.tokenizer."
#define HG_LAYOUT_VERSION 1

/* The enums' values by name, in their order. */
extern const char *const hg_layout_kinds[2];       /* hg_tokenizer_kind */
extern const char *const hg_layout_spaces[2];      /* hg_utf8_spaces */
extern const char *const hg_layout_prepends[3];    /* hg_prepend */
extern const char *const hg_layout_modes[3];       /* hg_split_mode */
extern const char *const hg_layout_normalizers[3]; /* hg_normalizer_kind */

/* A member of hg_tokenizer under its key. */
typedef struct hg_layout_member {
    const char *key;
    size_t offset;
    bool sentencepiece, bpe; /* the kinds of tokenizer that have it */
} hg_layout_member;

#define HG_LAYOUT_SWITCHES 15 /* bool */
#define HG_LAYOUT_ROLES 4     /* int32_t; a key that is missing: -1 */
extern const hg_layout_member hg_layout_switches[HG_LAYOUT_SWITCHES];
extern const hg_layout_member hg_layout_roles[HG_LAYOUT_ROLES];

bool hg_layout_has(const hg_tokenizer *tok, const hg_layout_member *member);

/* What llama.cpp's name of a pre-tokenizer stands for. */
typedef struct hg_layout_family {
    const char *name; /* tokenizer.ggml.pre */
    const char *pattern;
    bool nfc;
} hg_layout_family;

#define HG_LAYOUT_FAMILIES 6
extern const hg_layout_family hg_layout_families[HG_LAYOUT_FAMILIES];

/* Whether the file spells a token in the letters of byte_level.h. Added tokens stand as they are: that is how
 * llama.cpp looks for them in a text. */
bool hg_layout_spelled(const hg_tokenizer *tok, int32_t kind, unsigned flags);

/* Whether a token keeps its score: joining can never make one of the others, whatever its score. */
bool hg_layout_scored(int32_t kind);

#endif
