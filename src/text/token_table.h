/* SPDX-License-Identifier: Apache-2.0
 *
 * token_table.h: the tokens of a tokenizer: id to name and name to id. A name is bytes: as the vocabulary
 * spells it, except that byte-level vocabularies are kept as the bytes that their letters stand for.
 */
#ifndef HG_TEXT_TOKEN_TABLE_H
#define HG_TEXT_TOKEN_TABLE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first six are SentencePiece's numbers, which GGUF uses as well. */
typedef enum hg_token_kind {
    HG_TOKEN_KIND_NONE = 0, /* no token has this id */
    HG_TOKEN_KIND_NORMAL = 1,
    HG_TOKEN_KIND_UNKNOWN = 2,
    HG_TOKEN_KIND_CONTROL = 3,
    HG_TOKEN_KIND_USER = 4,
    HG_TOKEN_KIND_UNUSED = 5,
    HG_TOKEN_KIND_BYTE = 6,
    HG_TOKEN_KIND_ADDED = 7 /* only found as an added token, never by merging */
} hg_token_kind;

enum hg_token_flags {
    HG_TOKEN_ADDED = 1,   /* recognised in text before anything else */
    HG_TOKEN_SPECIAL = 2, /* left out of a decoded text when special tokens are skipped */
    HG_TOKEN_NAMED = 4,   /* the settings give it a role: begin, end, unknown, padding, additional special */
    HG_TOKEN_LSTRIP = 8,  /* swallows white space before it */
    HG_TOKEN_RSTRIP = 16, /* swallows white space behind it */
    HG_TOKEN_LITERAL =
        32 /* of a byte-level vocabulary, but not spelled in its letters: merging cannot make it */
};

typedef struct hg_token {
    uint32_t offset; /* of its name */
    uint32_t size;
    float score;
    uint8_t kind;  /* hg_token_kind */
    uint8_t flags; /* hg_token_flags */
    uint8_t byte;  /* of a HG_TOKEN_KIND_BYTE */
} hg_token;

typedef struct hg_token_table {
    hg_buffer names;
    hg_token *tokens; /* by id */
    size_t n;         /* one more than the highest id */
    size_t capacity;
    uint32_t *slots; /* hash table of id + 1; 0 is free */
    size_t n_slots;  /* a power of two */
    size_t n_filled;
    size_t longest; /* bytes of the longest name that merging can make */
} hg_token_table;

void hg_token_table_init(hg_token_table *v);
void hg_token_table_deinit(hg_token_table *v);

/* Gives `id` a name. HG_STATUS_INPUT when the id is out of range or taken, or the name is empty or taken (a
 * LITERAL token may share its bytes with another). */
hg_status hg_token_table_add(hg_token_table *v, int64_t id, const char *name, size_t n, hg_token_kind kind,
                             unsigned flags, hg_error *err) HG_MUST_CHECK;

/* The id with this name, or -1. */
int32_t hg_token_table_find(const hg_token_table *v, const char *name, size_t n);

/* NULL when no token has this id. */
const hg_token *hg_token_table_get(const hg_token_table *v, int32_t id);
const char *hg_token_table_name(const hg_token_table *v, const hg_token *token);

/* True for "<0x00>" to "<0xFF>". */
bool hg_token_byte_name(const char *name, size_t n, uint8_t *byte);

#endif
