/* SPDX-License-Identifier: Apache-2.0
 *
 * sentencepiece.h: SentencePiece BPE: every character a symbol, then the join with the highest score again
 * and again; characters that no piece covers become byte pieces.
 */
#ifndef HG_TEXT_SENTENCEPIECE_H
#define HG_TEXT_SENTENCEPIECE_H

#include "text/bpe_merge.h"
#include "text/ids.h"
#include "text/token_table.h"
#include "text/token_trie.h"

#define HG_SENTENCEPIECE_SPACE "\xe2\x96\x81" /* U+2581, the mark that stands for a space */

typedef struct hg_sentencepiece {
    const hg_token_table *vocab; /* kinds and scores say which pieces joining can make */
    hg_token_trie user;          /* pieces that are always kept whole */
    int32_t unknown;
    int32_t bytes[256]; /* ids of the byte pieces */
    bool byte_fallback;
    bool add_dummy_prefix;
    bool remove_extra_spaces;
} hg_sentencepiece;

void hg_sentencepiece_deinit(hg_sentencepiece *sp);

/* Fills `user` and `bytes` from the vocabulary's first `n_pieces` ids. HG_STATUS_INPUT when byte pieces are
 * missing or the unknown piece is. */
hg_status hg_sentencepiece_prepare(hg_sentencepiece *sp, size_t n_pieces, hg_error *err) HG_MUST_CHECK;

/* Appends the ids of valid UTF-8, at most HG_TOKENIZER_MAX_TEXT bytes and a few more. HG_STATUS_FAILED when
 * memory is short or `out` is full. */
hg_status hg_sentencepiece_encode(const hg_sentencepiece *sp, const uint8_t *text, size_t n,
                                  hg_bpe_work *work, hg_ids *out, hg_error *err) HG_MUST_CHECK;

#endif
