/* SPDX-License-Identifier: Apache-2.0
 *
 * text_source.h: the texts of training data: conversations of LLaVA files, paragraphs of plain ones.
 */
#ifndef HG_PRETRAIN_TEXT_SOURCE_H
#define HG_PRETRAIN_TEXT_SOURCE_H

#include "data/llava_json.h"

/* One text: a conversation, or n bytes of plain text. */
typedef struct hg_text_document {
    const hg_llava_turn *turns; /* NULL: plain */
    size_t n_turns;
    const char *text;
    size_t n;
} hg_text_document;

typedef struct hg_text_reader {
    hg_status (*visit)(void *user, const hg_text_document *document, hg_error *err);
    void *user;
    const hg_llava_listener *listener; /* may be NULL */
    int64_t n_documents, n_bad;
    uint64_t fingerprint;
} hg_text_reader;

/* Visits all texts of `paths`: files with commas between them. A file whose name ends in .txt is plain: a
 * paragraph goes up to an empty line. Drawings (items whose answer is a picture) give their question alone.
 */
hg_status hg_text_read(hg_text_reader *reader, const char *paths, const char *images,
                       hg_error *err) HG_MUST_CHECK;

#endif
