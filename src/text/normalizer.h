/* SPDX-License-Identifier: Apache-2.0
 *
 * normalizer.h: what a tokenizer does to text before it is split: a list of steps.
 */
#ifndef HG_TEXT_NORMALIZER_H
#define HG_TEXT_NORMALIZER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

#define HG_NORMALIZER_MAX_STEPS 8

typedef enum hg_normalizer_kind {
    HG_NORMALIZER_NFC,
    HG_NORMALIZER_PREPEND, /* `to`, unless the text is empty */
    HG_NORMALIZER_REPLACE  /* every `from` by `to` */
} hg_normalizer_kind;

typedef struct hg_normalizer_step {
    hg_normalizer_kind kind;
    char from[16], to[16]; /* terminated */
} hg_normalizer_step;

typedef struct hg_normalizer {
    hg_normalizer_step steps[HG_NORMALIZER_MAX_STEPS];
    size_t n;
} hg_normalizer;

/* Replaces the content of `text`, valid UTF-8, by its normal form, which is valid UTF-8 too; `scratch` is
 * working memory. HG_STATUS_FAILED when memory is short or a buffer's maximum is passed. */
hg_status hg_normalizer_apply(const hg_normalizer *normalizer, hg_buffer *text, hg_buffer *scratch,
                              hg_error *err) HG_MUST_CHECK;

#endif
