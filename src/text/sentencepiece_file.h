/* SPDX-License-Identifier: Apache-2.0
 *
 * sentencepiece_file.h: `tokenizer.model`, SentencePiece's own file.
 */
#ifndef HG_TEXT_SENTENCEPIECE_FILE_H
#define HG_TEXT_SENTENCEPIECE_FILE_H

#include "text/sentencepiece.h"

/* Adds the file's pieces to the empty `vocab`, ids from 0, and sets the settings of `sp`. HG_STATUS_INPUT for
 * what is no such file, for models other than BPE and for character maps. */
hg_status hg_sentencepiece_parse(const uint8_t *data, size_t size, hg_token_table *vocab,
                                 hg_sentencepiece *sp, hg_error *err) HG_MUST_CHECK;

#endif
