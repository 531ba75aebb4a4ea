/* SPDX-License-Identifier: Apache-2.0
 *
 * draw_job.h: a picture in the making, between its prompt and the picture decoder.
 */
#ifndef HG_ENGINE_DRAW_JOB_H
#define HG_ENGINE_DRAW_JOB_H

#include "engine/decoding.h"

typedef struct hg_draw_job {
    hg_decoding decoding;
    const hg_draw_request *request;
    hg_draw_result *result;
    hg_sampler sampler;
    int32_t first;  /* the token of code 0 */
    size_t n_codes; /* of a picture */
    size_t found;   /* codes among the reference's tokens, also those that are too many */
    int made;       /* the reference's tokens */
    double begin;   /* of decoding, in seconds */
} hg_draw_job;

/* Reads the prompt; *hidden is what decoding begins with. `job` stays where it is. Whatever comes of it,
 * hg_draw_job_end follows. */
hg_status hg_draw_job_begin(hg_draw_job *job, hg_session *session, const hg_draw_request *request,
                            hg_draw_result *result, hg_tensor **hidden, hg_error *err) HG_MUST_CHECK;

/* Makes the picture, or, if `status`, which is how it went so far, is an error, leaves an empty result.
 * Returns how it went. */
hg_status hg_draw_job_end(hg_draw_job *job, hg_status status, hg_error *err) HG_MUST_CHECK;

#endif
