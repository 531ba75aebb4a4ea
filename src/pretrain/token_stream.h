/* SPDX-License-Identifier: Apache-2.0
 *
 * token_stream.h: all texts as one run of tokens, cut into sequences of one length. A conversation is
 * tokenised in the model's template, as `ask` would; each text ends with <|endoftext|>.
 */
#ifndef HG_PRETRAIN_TOKEN_STREAM_H
#define HG_PRETRAIN_TOKEN_STREAM_H

#include "pretrain/text_source.h"
#include "text/chat_template.h"

typedef struct hg_token_stream {
    hg_tokenizer *tok;
    hg_chat_kind chat;
    const char *system; /* system prompt; "": none */
    hg_ids ids;
} hg_token_stream;

/* Opens the tokenizer of a folder. */
hg_status hg_token_stream_init(hg_token_stream *stream, const char *folder, const char *system,
                               hg_error *err) HG_MUST_CHECK;
void hg_token_stream_deinit(hg_token_stream *stream);

/* Appends a text; a visitor of hg_text_reader. */
hg_status hg_token_stream_add(void *stream, const hg_text_document *document, hg_error *err) HG_MUST_CHECK;

/* Sequences of `length` tokens and the one behind. */
int64_t hg_token_stream_count(const hg_token_stream *stream, int64_t length);

#endif
