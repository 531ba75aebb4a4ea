/* SPDX-License-Identifier: Apache-2.0
 *
 * decoding.h: token after token, whatever is made of them. Who wants tokens gets logits and chooses; how the
 * next logits come about, alone or together with others, is not its business.
 */
#ifndef HG_ENGINE_DECODING_H
#define HG_ENGINE_DECODING_H

#include "engine/engine.h"

/* What hg_decoding_take gives instead of a token. */
#define HG_DECODING_ENDS (-1)

/* Chooses from logits (rows of the head), which are changed, and keeps what it chose. *token: what the
 * session is to append before it chooses again, or HG_DECODING_ENDS. */
typedef hg_status (*hg_decoding_take)(void *job, float *logits, int32_t *token, hg_error *err);

/* One answer or picture in the making. */
typedef struct hg_decoding {
    hg_session *session;
    hg_task task;
    hg_tensor head; /* the rows of the task's head to choose from */
    hg_decoding_take take;
    void *job;
} hg_decoding;

/* From the hidden state (1, H) of the last position on until the end. */
hg_status hg_decoding_run(const hg_decoding *d, hg_tensor *hidden, hg_error *err) HG_MUST_CHECK;

/* One of several, and what it comes to. */
typedef struct hg_decoding_one {
    const hg_decoding *decoding;
    const hg_tensor *hidden; /* (1, H) */
    hg_status status;
    hg_error why;
} hg_decoding_one;

/* The same for n of one model, at most HG_DECODER_TEXTS, each with a session of its own: weights are read
 * once for a token of each. Tokens are those that each would get alone. One that fails leaves the others
 * alone, unless memory is short. */
void hg_decoding_run_together(hg_decoding_one *const *all, int n);

#endif
