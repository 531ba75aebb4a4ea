/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.c: several requests at once. Each is begun and ended as if it were alone; between the two they go
 * on together.
 */
#include "engine/ask_job.h"
#include "engine/draw_job.h"

#include "base/huge_pages.h"

#include <assert.h>

static_assert(HG_REQUESTS_MAX == HG_DECODER_TEXTS, "what the public header says is what a step can do");

/* Positions that a request is taken to need: an image, a question, and a picture's codes or a long answer. */
#define REQUEST_POSITIONS 2048

/* A request as it goes on. */
typedef struct request_job {
    hg_request *request;
    hg_ask_job ask;
    hg_draw_job draw;
    hg_decoding_one one;
} request_job;

static hg_status requests_check(const hg_request *requests, size_t n, hg_error *err)
{
    if (n > HG_REQUESTS_MAX)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu requests at once are not possible, only %d", n,
                            HG_REQUESTS_MAX);
    for (size_t i = 0; i < n; i++) {
        if ((requests[i].ask == NULL) == (requests[i].draw == NULL))
            return hg_error_set(err, HG_STATUS_USAGE, "request %zu is not either a question or a drawing",
                                i + 1);
        if (requests[i].session->model != requests[0].session->model)
            return hg_error_set(err, HG_STATUS_USAGE, "request %zu is to another model", i + 1);
        for (size_t k = 0; k < i; k++) {
            if (requests[k].session == requests[i].session)
                return hg_error_set(err, HG_STATUS_USAGE, "requests %zu and %zu share a session", k + 1,
                                    i + 1);
        }
    }
    return HG_STATUS_OK;
}

static void request_begin(request_job *job, hg_request *r)
{
    hg_tensor *hidden = NULL;
    job->request = r;
    r->status = r->ask != NULL
                    ? hg_ask_job_begin(&job->ask, r->session, r->ask, &r->answer, &hidden, &r->error)
                    : hg_draw_job_begin(&job->draw, r->session, r->draw, &r->drawing, &hidden, &r->error);
    job->one = (hg_decoding_one){.decoding = r->ask != NULL ? &job->ask.decoding : &job->draw.decoding,
                                 .hidden = hidden};
}

static void request_end(request_job *job)
{
    hg_request *r = job->request;
    if (r->status == HG_STATUS_OK && job->one.status != HG_STATUS_OK) {
        r->status = job->one.status;
        r->error = job->one.why;
    }
    r->status = r->ask != NULL ? hg_ask_job_end(&job->ask, r->status, &r->error)
                               : hg_draw_job_end(&job->draw, r->status, &r->error);
}

hg_status hg_requests_run(hg_request *requests, size_t n, hg_error *err)
{
    request_job jobs[HG_REQUESTS_MAX];
    hg_decoding_one *going[HG_REQUESTS_MAX] = {NULL};
    int n_going = 0;
    hg_status status = requests_check(requests, n, err);
    for (size_t i = 0; i < n; i++) {
        requests[i].answer = (hg_ask_result){0};
        requests[i].drawing = (hg_draw_result){0};
        requests[i].status = status;
    }
    if (status != HG_STATUS_OK)
        return status;
    hg_session *sessions[HG_REQUESTS_MAX];
    for (size_t i = 0; i < n; i++)
        sessions[i] = requests[i].session;
    for (size_t i = 0; i < n; i++) {
        sessions[i]->others = sessions;
        sessions[i]->n_others = n;
        request_begin(&jobs[i], &requests[i]);
        sessions[i]->others = NULL;
        sessions[i]->n_others = 0;
        if (requests[i].status == HG_STATUS_OK)
            going[n_going++] = &jobs[i].one;
    }
    hg_decoding_run_together(going, n_going);
    for (size_t i = 0; i < n; i++)
        request_end(&jobs[i]);
    return HG_STATUS_OK;
}

size_t hg_requests_advised(const hg_model *model)
{
    const hg_decoder_config *c = &model->weights.decoder.config;
    const int64_t most = hg_session_max_positions(model),
                  positions = most < REQUEST_POSITIONS ? most : REQUEST_POSITIONS;
    const size_t each =
        hg_kv_cache_bytes(model->cache_type, c->n_layers, c->n_kv_heads, c->head_dim, positions);
    const uint64_t fit = each > 0 ? hg_memory_available() / 2 / each : 1;
    return fit < 1 ? 1 : fit < HG_REQUESTS_MAX ? (size_t)fit : HG_REQUESTS_MAX;
}
