/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_together.c: as many requests at once as there can be, each behind a prompt of its own: questions, and
 * questions and drawings half and half. Reading weights once for all of them is the limit.
 */
#include "engine/bench_parts.h"
#include "engine/decoding.h"

/* A request that takes whatever comes. */
typedef struct bench_text {
    hg_decoding decoding;
    hg_decoding_one one;
    int64_t made, n_answer;
} bench_text;

typedef struct together_run {
    bench_text texts[HG_REQUESTS_MAX];
    int64_t n_prompt;
} together_run;

static hg_status text_take(void *arg, float *logits, int32_t *token, hg_error *err)
{
    (void)logits;
    (void)err;
    bench_text *t = arg;
    *token = t->made == t->n_answer ? HG_DECODING_ENDS : (int32_t)(3 + t->made++);
    return HG_STATUS_OK;
}

/* Back to the end of the prompts. */
static hg_status together_before(void *arg, hg_error *err)
{
    (void)err;
    together_run *r = arg;
    for (int i = 0; i < HG_REQUESTS_MAX; i++) {
        bench_text *t = &r->texts[i];
        hg_prompt_truncate(&t->decoding.session->known, r->n_prompt);
        t->decoding.session->cache.length = r->n_prompt;
        t->made = 0;
    }
    return HG_STATUS_OK;
}

static hg_status together_run_once(void *arg, hg_error *err)
{
    together_run *r = arg;
    hg_decoding_one *all[HG_REQUESTS_MAX];
    for (int i = 0; i < HG_REQUESTS_MAX; i++)
        all[i] = &r->texts[i].one;
    hg_decoding_run_together(all, HG_REQUESTS_MAX);
    for (int i = 0; i < HG_REQUESTS_MAX; i++) {
        if (all[i]->status != HG_STATUS_OK)
            return hg_error_set(err, all[i]->status, "%s", all[i]->why.text);
    }
    return HG_STATUS_OK;
}

/* Makes the session of a text, and reads the prompt. */
static hg_status text_begin(const hg_bench *b, bench_text *t, hg_model *model, hg_task task, hg_error *err)
{
    hg_prompt prompt = {0};
    hg_timings timings = {0};
    hg_tensor *hidden = NULL;
    size_t reused;
    hg_session *s;
    hg_status status = hg_session_create(&s, model, err);
    if (status != HG_STATUS_OK)
        return status;
    t->decoding = (hg_decoding){s, task, hg_bench_head_rows(s, task), text_take, t};
    t->one.decoding = &t->decoding;
    t->n_answer = b->n_answer;
    hg_session_begin(s);
    status = hg_bench_prompt(b, s, &prompt, err);
    if (status == HG_STATUS_OK)
        status = hg_session_prefill(s, task, &prompt, &b->request->progress, &timings, &reused, &hidden, err);
    t->one.hidden = hidden;
    hg_prompt_deinit(&prompt);
    return status;
}

/* Bytes that are read for a token of each. */
static double together_bytes(const hg_bench *b, const together_run *r)
{
    const hg_healthgpt *m = &r->texts[0].decoding.session->model->weights;
    double bytes = hg_bench_frozen(m, true);
    for (int i = 0; i < HG_REQUESTS_MAX; i++) {
        const hg_decoding *d = &r->texts[i].decoding;
        bytes += hg_bench_cached(b, &d->session->cache);
        if (i == 0 || d->task != r->texts[i - 1].decoding.task)
            bytes += hg_bench_plugin(m, d->task, true) + (double)hg_tensor_bytes(&d->head);
    }
    return bytes;
}

static hg_status measure(hg_bench *b, together_run *r, const char *stage, const char *work, hg_error *err)
{
    const hg_bench_label label = {.stage = stage,
                                  .work = work,
                                  .unit = "tok/s",
                                  .amount = (double)(HG_REQUESTS_MAX * b->n_answer),
                                  .limit = &b->bandwidth,
                                  .limit_amount = (double)b->n_answer * together_bytes(b, r)};
    return hg_bench_measure(b, &label, &(hg_bench_task){together_before, together_run_once, r}, err);
}

static hg_status run_stage(hg_bench *b, hg_model *model, int n_drawings, const char *stage, const char *work,
                           hg_error *err)
{
    together_run r = {.n_prompt = b->n_prompt};
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < HG_REQUESTS_MAX && status == HG_STATUS_OK; i++) {
        const hg_task task = i < HG_REQUESTS_MAX - n_drawings ? HG_TASK_COMPREHENSION : HG_TASK_GENERATION;
        status = text_begin(b, &r.texts[i], model, task, err);
    }
    if (status == HG_STATUS_OK)
        status = measure(b, &r, stage, work, err);
    for (int i = 0; i < HG_REQUESTS_MAX; i++)
        hg_session_destroy(r.texts[i].decoding.session);
    return status;
}

hg_status hg_bench_together(hg_bench *b, hg_model *model, hg_error *err)
{
    const hg_task_parts *tasks = model->weights.tasks;
    hg_status status = HG_STATUS_OK;
    if (!tasks[HG_TASK_COMPREHENSION].present)
        return status;
    if (hg_bench_wants(b, "together, ask"))
        status = run_stage(b, model, 0, "together, ask", "4 questions", err);
    if (status == HG_STATUS_OK && tasks[HG_TASK_GENERATION].present && hg_bench_wants(b, "together, both"))
        status = run_stage(b, model, HG_REQUESTS_MAX / 2, "together, both", "2 questions, 2 drawings", err);
    return status;
}
