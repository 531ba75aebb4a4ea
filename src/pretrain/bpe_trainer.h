/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_trainer.h: byte-level BPE from texts (Sennrich et al. 2016): begin with the 256 bytes and join, again
 * and again, the pair that stands side by side most often, within words as GPT-2's pattern cuts them.
 */
#ifndef HG_PRETRAIN_BPE_TRAINER_H
#define HG_PRETRAIN_BPE_TRAINER_H

#include "base/buffer.h"
#include "base/error.h"

typedef struct hg_bpe_trainer hg_bpe_trainer;

hg_status hg_bpe_trainer_create(hg_bpe_trainer **out, hg_error *err) HG_MUST_CHECK;
void hg_bpe_trainer_destroy(hg_bpe_trainer *t); /* NULL is allowed */

/* Counts the words of a text of valid UTF-8. */
hg_status hg_bpe_trainer_add(hg_bpe_trainer *t, const char *text, size_t n, hg_error *err) HG_MUST_CHECK;

/* Makes up to n_merges merges, fewer when no pair is left that stands twice; of equally frequent pairs the
 * one with the lower tokens. */
hg_status hg_bpe_trainer_run(hg_bpe_trainer *t, size_t n_merges, hg_error *err) HG_MUST_CHECK;

size_t hg_bpe_trainer_n_merges(const hg_bpe_trainer *t);

/* tokenizer.json for our reader and for Hugging Face's tokenizers: <unk>, <s>, </s>, the bytes, the merged
 * tokens, then Phi-3's control tokens; every text begins with <s>. */
bool hg_bpe_trainer_format(const hg_bpe_trainer *t, hg_buffer *out);

/* Control tokens behind the vocabulary, in order: "<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>",
 * "<|user|>". */
#define HG_BPE_CONTROLS 5
/* In front: <unk>, <s>, </s>. */
#define HG_BPE_FIRST 3

#endif
