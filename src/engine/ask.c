/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.c: comprehension: a question and images in, text out, token by token, until the model's stop token.
 */
#include "engine/ask_job.h"

#include "base/memory.h"
#include "base/timing.h"
#include "engine/ask_prompt.h"

#define ASK_DEFAULT_TOKENS 1024
#define ASK_MAX_ANSWER_BYTES ((size_t)64 << 20)
#define ASK_MAX_ANSWER_TOKENS ((size_t)1 << 24)
/* Room for text that is made before the first token, a token: three times what English takes. Answers of
 * longer words grow beyond it, by half each time. */
#define ASK_TOKEN_BYTES 16

/* Gives on_text what is new; false when it wants no more. */
static bool ask_stream(hg_ask_job *job)
{
    size_t n = job->answer.size - job->streamed;
    if (n == 0 || job->request->on_text == NULL)
        return true;
    const char *text = hg_buffer_text(&job->answer) + job->streamed;
    job->streamed = job->answer.size;
    return job->request->on_text(job->request->on_text_user, text, n);
}

static bool ask_report(const hg_ask_job *job, size_t done, size_t total)
{
    const hg_progress *p = &job->request->progress;
    return p->report == NULL || p->report(p->user, "answer", (int64_t)done, (int64_t)total);
}

/* Room for all that decoding appends to, so that a token allocates nothing from the system. */
static hg_status ask_reserve(hg_ask_job *job, hg_error *err)
{
    const hg_kv_cache *cache = &job->decoding.session->cache;
    size_t n = (size_t)(cache->capacity - cache->length) + 1; /* the last one needs no position */
    if (n > job->max_tokens)
        n = job->max_tokens;
    if (hg_ids_reserve(&job->tokens, n) && hg_buffer_reserve(&job->answer, n * ASK_TOKEN_BYTES))
        return HG_STATUS_OK;
    return hg_error_memory(err, n * (sizeof(int32_t) + ASK_TOKEN_BYTES), "the answer");
}

/* Keeps a token; *token: what is to be appended. */
static hg_status ask_keep(hg_ask_job *job, int32_t *token, hg_error *err)
{
    const hg_session *s = job->decoding.session;
    const int32_t made = *token;
    *token = HG_DECODING_ENDS;
    if (!hg_ids_push(&job->tokens, made))
        return hg_error_memory(err, job->tokens.n * sizeof made, "the answer");
    if (hg_session_is_stop(s->model, made)) {
        job->result->stop = HG_STOP_END;
        return HG_STATUS_OK;
    }
    hg_status status = hg_detokenizer_push(&job->detokenizer, made, &job->answer, err);
    if (status != HG_STATUS_OK)
        return status;
    if (!ask_stream(job) || !ask_report(job, job->tokens.n, job->max_tokens))
        job->result->stop = HG_STOP_CANCELLED;
    else if (job->tokens.n == job->max_tokens || s->cache.length == s->cache.capacity)
        job->result->stop = HG_STOP_LENGTH;
    else
        *token = made;
    return HG_STATUS_OK;
}

static hg_status ask_take(void *arg, float *logits, int32_t *token, hg_error *err)
{
    hg_ask_job *job = arg;
    hg_status status = hg_session_sample(&job->sampler, logits, token, err);
    return status == HG_STATUS_OK ? ask_keep(job, token, err) : status;
}

static hg_status ask_check(const hg_model *model, const hg_ask_request *request, hg_error *err)
{
    if (model->source.missing_for_ask[0] != 0)
        return hg_error_set(err, HG_STATUS_TASK, "this model cannot answer questions: missing %s",
                            model->source.missing_for_ask);
    if (hg_text_is_blank(request->question))
        return hg_error_set(err, HG_STATUS_USAGE, "the question is empty");
    if (request->max_tokens < 0)
        return hg_error_set(err, HG_STATUS_USAGE, "an answer of at most %d tokens is not possible",
                            request->max_tokens);
    return HG_STATUS_OK;
}

static hg_ask_prompt_parts ask_parts(const hg_ask_request *request)
{
    return (hg_ask_prompt_parts){.images = request->images,
                                 .n_images = request->n_images,
                                 .history = request->history,
                                 .n_history = request->n_history,
                                 .question = request->question,
                                 .system = request->system};
}

/* Reads the prompt. */
static hg_status ask_prefill(hg_ask_job *job, hg_tensor **hidden, hg_error *err)
{
    hg_session *s = job->decoding.session;
    hg_ask_result *r = job->result;
    const hg_ask_prompt_parts parts = ask_parts(job->request);
    hg_prompt prompt = {0};
    hg_status status = hg_ask_prompt_build(&prompt, s->model, &parts, err);
    if (status == HG_STATUS_OK)
        status = hg_session_prefill(s, HG_TASK_COMPREHENSION, &prompt, &job->request->progress, &r->timings,
                                    &r->n_reused_tokens, hidden, err);
    r->n_prompt_tokens = (size_t)prompt.n_items;
    hg_prompt_deinit(&prompt);
    return status;
}

hg_status hg_ask_job_begin(hg_ask_job *job, hg_session *session, const hg_ask_request *request,
                           hg_ask_result *result, hg_tensor **hidden, hg_error *err)
{
    const hg_tensor *head = &session->model->weights.tasks[HG_TASK_COMPREHENSION].head;
    *result = (hg_ask_result){0};
    *job = (hg_ask_job){.decoding = {session, HG_TASK_COMPREHENSION, *head, ask_take, job},
                        .request = request,
                        .result = result};
    job->max_tokens = request->max_tokens > 0 ? (size_t)request->max_tokens : ASK_DEFAULT_TOKENS;
    hg_buffer_init(&job->answer, ASK_MAX_ANSWER_BYTES);
    hg_ids_init(&job->tokens, ASK_MAX_ANSWER_TOKENS);
    hg_status status = ask_check(session->model, request, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_session_begin(session);
    hg_detokenizer_init(&job->detokenizer, session->model->source.tokenizer, true);
    status = hg_session_sampler_init(&job->sampler, session->model, &request->sampling, head->shape[0], err);
    if (status == HG_STATUS_OK)
        status = ask_prefill(job, hidden, err);
    job->begin = hg_timing_now();
    return status == HG_STATUS_OK ? ask_reserve(job, err) : status;
}

/* What was made, into the result. */
static hg_status ask_finish(hg_ask_job *job, hg_error *err)
{
    job->result->timings.decode = hg_timing_now() - job->begin;
    hg_status status = hg_detokenizer_flush(&job->detokenizer, &job->answer, err);
    if (status != HG_STATUS_OK)
        return status;
    ask_stream(job);
    job->result->answer = hg_mem_string_n(hg_buffer_text(&job->answer), job->answer.size);
    if (job->result->answer == NULL)
        return hg_error_memory(err, job->answer.size, "the answer");
    job->result->tokens = job->tokens.data; /* taken over */
    job->result->n_tokens = job->tokens.n;
    return HG_STATUS_OK;
}

hg_status hg_ask_job_end(hg_ask_job *job, hg_status status, hg_error *err)
{
    if (status == HG_STATUS_OK)
        status = ask_finish(job, err);
    if (status != HG_STATUS_OK) {
        hg_ids_deinit(&job->tokens);
        hg_ask_result_free(job->result);
    }
    hg_buffer_deinit(&job->answer);
    hg_sampler_deinit(&job->sampler);
    return status;
}

hg_status hg_session_ask(hg_session *session, const hg_ask_request *request, hg_ask_result *result,
                         hg_error *err)
{
    hg_ask_job job;
    hg_tensor *hidden;
    hg_status status = hg_ask_job_begin(&job, session, request, result, &hidden, err);
    if (status == HG_STATUS_OK)
        status = hg_decoding_run(&job.decoding, hidden, err);
    return hg_ask_job_end(&job, status, err);
}

hg_status hg_session_check_prompt(hg_session *session, const hg_ask_request *request, hg_error *err)
{
    hg_status status = ask_check(session->model, request, err);
    const hg_ask_prompt_parts parts = ask_parts(request);
    return status == HG_STATUS_OK ? hg_ask_prompt_check(session->model, &parts, err) : status;
}

void hg_ask_result_free(hg_ask_result *result)
{
    hg_mem_free(result->answer);
    hg_mem_free(result->tokens);
    *result = (hg_ask_result){0};
}
