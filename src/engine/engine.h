/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.h: the inside of the public handles: an opened model and a session on it. Only engine/ includes
 * this.
 */
#ifndef HG_ENGINE_ENGINE_H
#define HG_ENGINE_ENGINE_H

#include "engine/prompt.h"
#include "engine/sampling.h"
#include "model/healthgpt_model.h"
#include "package/source.h"

#include <healthgpt/healthgpt.h>

struct hg_model {
    hg_healthgpt weights;
    hg_source source; /* its tokenizer has the picture tokens when there is a generation task */
    int64_t n_tokens; /* of the tokenizer, without picture tokens: <start_index> has this id, code k this id +
                         1 + k */
    const hg_kernels *kernels;
    int n_threads;
    hg_dtype cache_type;
    bool bf16;                           /* prompts: weights that are not quantised are multiplied in bf16 */
    char lock_note[HG_ERROR_TEXT_BYTES]; /* why weights that should be locked in memory are not */
    char repack_note[HG_ERROR_TEXT_BYTES]; /* why weights that should be repacked are not */
    char huge_note[HG_ERROR_TEXT_BYTES];   /* why weights that should lie in huge pages do not */
};

struct hg_session {
    hg_model *model;
    hg_arena arena; /* step memory */
    hg_ctx ctx;
    hg_kv_cache cache;
    hg_prompt known;    /* what the cache's positions are */
    hg_task known_task; /* whose plug-in made them */
    /* Others of the model that are idle while this one reads a prompt: what they know of it is copied. May be
     * NULL; set by a caller who has them. */
    hg_session *const *others;
    size_t n_others;
};

/* Positions that a session of this model can hold: the model's context, within reason. */
int64_t hg_session_max_positions(const hg_model *model);

/* Whether the token ends an answer of this model. */
bool hg_session_is_stop(const hg_model *model, int32_t token);

/* A sampler for `n_tokens` logits; where the request leaves the repetition penalty open (0), the model's own
 * holds. */
hg_status hg_session_sampler_init(hg_sampler *sampler, const hg_model *model, const hg_sampling *wanted,
                                  int64_t n_tokens, hg_error *err) HG_MUST_CHECK;

/* *token = the sampler's choice from `logits`; HG_STATUS_INPUT when the model computed something that is not
 * a number. */
hg_status hg_session_sample(hg_sampler *sampler, float *logits, int32_t *token, hg_error *err) HG_MUST_CHECK;

/* Starts a request: empties the step memory and forgets the last failure. */
void hg_session_begin(hg_session *s);

/* Makes the cache hold the prompt's positions (what it already holds of them is kept) and returns the hidden
 * state (1, H) of the last one, in the session's arena. *reused: positions that were there already. */
hg_status hg_session_prefill(hg_session *s, hg_task task, const hg_prompt *prompt,
                             const hg_progress *progress, hg_timings *timings, size_t *reused,
                             hg_tensor **hidden, hg_error *err) HG_MUST_CHECK;

/* Appends one token and returns its hidden state (1, H). Step memory is emptied first: earlier results are
 * gone. */
hg_status hg_session_step(hg_session *s, hg_task task, int32_t token, hg_tensor **hidden,
                          hg_error *err) HG_MUST_CHECK;

#endif
