/* SPDX-License-Identifier: Apache-2.0
 *
 * train_save.c: what a run leaves behind. The first process writes; all learn whether it could.
 */
#include "base/timing.h"
#include "train/plugin_writer.h"
#include "train/train_job.h"
#include "train/train_page.h"
#include "train/validation.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

static bool job_writes(const hg_train_job *job)
{
    return hg_reduce_get_rank(job->reduce) == 0;
}

void hg_train_note(hg_train_job *job, const char *kind, const char *text)
{
    hg_train_log_note(&job->log, job->state.step + 1, kind, text);
    if (job->listener != NULL && job->listener->on_note != NULL)
        job->listener->on_note(job->listener->user, text);
}

hg_status hg_train_save_state(hg_train_job *job, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    if (job_writes(job))
        status = hg_train_state_save(job->checkpoint, &job->state, job->identity, &job->trainee, err);
    return hg_reduce_agree(job->reduce, status, err);
}

static hg_status write_parts(hg_train_job *job, const char *folder, hg_error *err)
{
    const hg_train_settings *s = &job->settings;
    const hg_stage *stage = job->stage;
    hg_healthgpt *w = &job->model->weights;
    bool plugins = stage->adapter || stage->projector;
    hg_status status = hg_folder_create(folder, err);
    if (status == HG_STATUS_OK && plugins && stage->asks)
        status = hg_plugin_write(folder, w, HG_TASK_COMPREHENSION, (hg_dtype)s->type, err);
    if (status == HG_STATUS_OK && plugins && stage->draws)
        status = hg_plugin_write(folder, w, HG_TASK_GENERATION, (hg_dtype)s->type, err);
    /* A fusion layer that was begun here goes with the plug-in that was trained on it. */
    if (status == HG_STATUS_OK && (stage->vocabulary || s->vocabulary || (stage->draws && job->begun.fusion)))
        status = hg_fusion_write(folder, w, (hg_dtype)s->type, err);
    return status;
}

hg_status hg_train_save_parts(hg_train_job *job, const char *folder, hg_error *err)
{
    return hg_reduce_agree(job->reduce, job_writes(job) ? write_parts(job, folder, err) : HG_STATUS_OK, err);
}

hg_status hg_train_validate(hg_train_job *job, hg_error *err)
{
    hg_validation found;
    hg_sample_maker maker = job->maker;
    char folder[HG_PATH_BYTES], text[HG_ERROR_TEXT_BYTES];
    maker.set = job->validation;
    if (job->validation == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_validation_run(&maker, job->reduce, &found, err);
    if (status != HG_STATUS_OK)
        return status;
    bool best = isfinite(found.loss) && (job->state.best_loss == 0 || found.loss < job->state.best_loss);
    hg_train_log_validation(&job->log, job->state.step, found.loss, found.n_samples, best);
    snprintf(text, sizeof text, "step %lld: validation loss %.6g on %lld samples (%lld bad)%s",
             (long long)job->state.step, found.loss, (long long)found.n_samples, (long long)found.n_bad,
             best ? ", the best so far" : "");
    if (job->listener != NULL && job->listener->on_note != NULL)
        job->listener->on_note(job->listener->user, text);
    job->state.since_best++;
    if (!best)
        return HG_STATUS_OK;
    job->state.since_best = 0;
    job->state.best_loss = found.loss;
    status = hg_path_join(folder, job->settings.out, "best", err);
    return status == HG_STATUS_OK ? hg_train_save_parts(job, folder, err) : status;
}

void hg_train_save_page(hg_train_job *job)
{
    char log[HG_PATH_BYTES], page[HG_PATH_BYTES], title[128];
    job->page_seconds = hg_timing_now();
    if (!job_writes(job) || hg_path_join(log, job->settings.out, "log.jsonl", NULL) != HG_STATUS_OK ||
        hg_path_join(page, job->settings.out, "log.html", NULL) != HG_STATUS_OK)
        return;
    snprintf(title, sizeof title, "Training, stage %s", job->stage->name);
    (void)!hg_train_page_write(log, page, title, NULL);
}

/* JSON has no infinity and no NaN. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static hg_status write_result(const hg_train_job *job, const hg_train_result *r, hg_error *err)
{
    char path[HG_PATH_BYTES], text[2048];
    const hg_train_state *s = &job->state;
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "stage", job->stage->name, "steps",
                  (json_int_t)s->step, "planned_steps", (json_int_t)job->n_steps, "usual_loss",
                  number(s->usual_loss), "last_loss", number(r->last_loss), "best_validation_loss",
                  s->best_loss > 0 ? number(s->best_loss) : json_null(), "bad_samples", (json_int_t)s->n_bad,
                  "cut_samples", (json_int_t)s->n_cut, "skipped_steps", (json_int_t)s->n_skipped);
    size_t n = json == NULL ? 0 : json_dumpb(json, text, sizeof text, JSON_INDENT(2));
    json_decref(json);
    if (n == 0 || n >= sizeof text)
        return hg_error_memory(err, sizeof text, "the result of training");
    hg_status status = hg_path_join(path, job->settings.out, HG_TRAIN_FINISHED, err);
    return status == HG_STATUS_OK ? hg_file_write(path, text, n, err) : status;
}

hg_status hg_train_save_result(hg_train_job *job, const hg_train_result *result, hg_error *err)
{
    hg_train_save_page(job);
    return hg_reduce_agree(job->reduce, job_writes(job) ? write_result(job, result, err) : HG_STATUS_OK, err);
}
