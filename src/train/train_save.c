/* SPDX-License-Identifier: Apache-2.0
 *
 * train_save.c: what a run leaves behind. The first process writes; all learn whether it could.
 */
#include "train/plugin_writer.h"
#include "train/train_job.h"
#include "train/validation.h"

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
