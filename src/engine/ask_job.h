/* SPDX-License-Identifier: Apache-2.0
 *
 * ask_job.h: an answer in the making, between its prompt and its end.
 */
#ifndef HG_ENGINE_ASK_JOB_H
#define HG_ENGINE_ASK_JOB_H

#include "engine/decoding.h"
#include "text/detokenizer.h"

typedef struct hg_ask_job {
    hg_decoding decoding;
    const hg_ask_request *request;
    hg_ask_result *result;
    hg_sampler sampler;
    hg_detokenizer detokenizer;
    hg_buffer answer;
    size_t streamed; /* bytes of the answer that on_text has got */
    hg_ids tokens;
    size_t max_tokens;
    double begin; /* of decoding, in seconds */
} hg_ask_job;

/* Reads the prompt; *hidden is what decoding begins with. `job` stays where it is. Whatever comes of it,
 * hg_ask_job_end follows. */
hg_status hg_ask_job_begin(hg_ask_job *job, hg_session *session, const hg_ask_request *request,
                           hg_ask_result *result, hg_tensor **hidden, hg_error *err) HG_MUST_CHECK;

/* Fills the result, or, if `status`, which is how it went so far, is an error, leaves an empty one. Returns
 * how it went. */
hg_status hg_ask_job_end(hg_ask_job *job, hg_status status, hg_error *err) HG_MUST_CHECK;

#endif
