/* SPDX-License-Identifier: Apache-2.0
 *
 * pre_tokenizer.h: cuts text into the words within which BPE joins. The patterns are those of the models'
 * tokenizers, or come from a tokenizer.json; they run in PCRE2 with limits, so that a hostile one ends in an
 * error.
 */
#ifndef HG_TEXT_PRE_TOKENIZER_H
#define HG_TEXT_PRE_TOKENIZER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_PRE_TOKENIZER_MAX_STEPS 8
#define HG_PRE_TOKENIZER_MAX_PATTERN 4096 /* bytes */

/* The released models' patterns: GPT-2 (and the slow phi-4 class), phi-4's tokenizer.json, Qwen2.5. */
extern const char hg_pattern_gpt2[];
extern const char hg_pattern_phi4[];
extern const char hg_pattern_qwen2[];

/* What becomes of the matches (with `invert`: of what lies between them). */
typedef enum hg_split_mode {
    HG_SPLIT_ISOLATED,  /* words of their own */
    HG_SPLIT_REMOVED,   /* left out */
    HG_SPLIT_CONTIGUOUS /* a word of their own for each unbroken row of them */
} hg_split_mode;

typedef struct hg_split_step {
    void *code;    /* compiled pattern */
    char *pattern; /* what it was compiled from: `size` bytes, terminated */
    size_t size;
    bool literal; /* the pattern is plain text */
    hg_split_mode mode;
    bool invert;
} hg_split_step;

/* Where Metaspace puts a mark in front, unless the text begins with one: nowhere, at the beginning of the
 * whole text, or of every part between added tokens. */
typedef enum hg_prepend { HG_PREPEND_NEVER, HG_PREPEND_FIRST, HG_PREPEND_ALWAYS } hg_prepend;

typedef struct hg_pre_tokenizer {
    hg_split_step steps[HG_PRE_TOKENIZER_MAX_STEPS];
    size_t n;
    bool byte_level;   /* vocabulary and words are bytes */
    bool prefix_space; /* text gets a space in front unless it begins with one */
    bool marks_spaces; /* Metaspace: spaces become U+2581, before the steps */
    hg_prepend prepend;
} hg_pre_tokenizer;

/* A run of bytes of the text. */
typedef struct hg_span {
    uint32_t start, size;
} hg_span;

typedef struct hg_spans {
    hg_span *data;
    size_t n, capacity;
} hg_spans;

void hg_pre_tokenizer_deinit(hg_pre_tokenizer *p);

/* Appends a step. `literal`: the pattern is plain text. HG_STATUS_INPUT for a pattern that does not compile
 * or too many steps. */
hg_status hg_pre_tokenizer_add(hg_pre_tokenizer *p, const char *pattern, size_t n, bool literal,
                               hg_split_mode mode, bool invert, hg_error *err) HG_MUST_CHECK;

/* The words of valid UTF-8 of at most 64 MiB, in order; what `words` held is gone. `scratch` is working
 * memory. HG_STATUS_INPUT when a pattern passes its limits on this text. */
hg_status hg_pre_tokenizer_split(const hg_pre_tokenizer *p, const uint8_t *text, size_t n, hg_spans *words,
                                 hg_spans *scratch, hg_error *err) HG_MUST_CHECK;

void hg_spans_deinit(hg_spans *s);

#endif
