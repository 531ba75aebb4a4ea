/* SPDX-License-Identifier: Apache-2.0
 *
 * detokenizer.h: token ids to text, one at a time. Only complete characters come out: the bytes of an
 * unfinished one wait for the next token. The text in all does not depend on how it is asked for.
 *
 * Added tokens are not set apart by spaces. The space that SentencePiece puts before a text is taken off
 * again. Bytes that are no UTF-8 give U+FFFD: for each byte with SentencePiece, for each longest broken part
 * of a character with byte-level BPE.
 */
#ifndef HG_TEXT_DETOKENIZER_H
#define HG_TEXT_DETOKENIZER_H

#include "text/tokenizer.h"

typedef struct hg_detokenizer {
    const hg_tokenizer *tok;
    bool skip_special;  /* control tokens give no text */
    bool began;         /* something has come out */
    uint8_t waiting[4]; /* an unfinished character */
    uint8_t n_waiting;
} hg_detokenizer;

/* `tok` must live as long. Nothing to free. */
void hg_detokenizer_init(hg_detokenizer *d, const hg_tokenizer *tok, bool skip_special);

/* Appends what `id` completes, possibly nothing. HG_STATUS_INPUT for an id without a token, HG_STATUS_FAILED
 * when `out` is full. */
hg_status hg_detokenizer_push(hg_detokenizer *d, int32_t id, hg_buffer *out, hg_error *err) HG_MUST_CHECK;

/* The end of the text: appends U+FFFD for an unfinished character; then ready for another text. */
hg_status hg_detokenizer_flush(hg_detokenizer *d, hg_buffer *out, hg_error *err) HG_MUST_CHECK;

#endif
