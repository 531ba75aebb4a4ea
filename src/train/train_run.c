/* SPDX-License-Identifier: Apache-2.0
 *
 * train_run.c: the loop. A step takes the gradient of the next global batch, divides by the number of labels,
 * clips, and lets the optimiser move the masters. Everything that a step depends on is in the checkpoint or
 * follows from the settings. Several processes make the same steps on the same numbers.
 */
#include "base/memory.h"
#include "base/timing.h"
#include "train/gradient_clip.h"
#include "train/train_job.h"

#include <math.h>
#include <stdio.h>

/* The usual loss is a mean over about this many steps, and is known after as many. */
#define USUAL_STEPS 20
/* A skipped step halves the rate, down to this part of it; this many good ones in a row double it again. */
#define LEAST_SCALE (1.0 / 64)
#define GOOD_STEPS 100
/* So many skipped steps in a row end the run: it will not recover. */
#define MOST_SKIPPED 20
/* The page of curves is renewed this often, and at checkpoints. */
#define PAGE_SECONDS 30

/* A loss that is no number or far above the usual one would spoil weights and moments. */
static const char *why_skip(const hg_train_job *job, const hg_train_step *step)
{
    bool known = job->state.updates >= USUAL_STEPS && job->settings.spike > 0;
    if (!isfinite(step->loss) || !isfinite(step->norm))
        return "the loss or its gradient is not a number";
    if (known && step->loss > job->settings.spike * job->state.usual_loss)
        return "the loss is far above the usual";
    return NULL;
}

static hg_status skip_step(hg_train_job *job, const hg_train_step *step, const char *why, hg_error *err)
{
    char text[HG_ERROR_TEXT_BYTES];
    hg_train_state *s = &job->state;
    s->n_skipped++;
    s->good_run = 0;
    s->rate_scale = s->rate_scale / 2 > LEAST_SCALE ? s->rate_scale / 2 : LEAST_SCALE;
    snprintf(text, sizeof text,
             "step %lld is passed over: %s (loss %g, usual %g, norm %g); the rate is lowered to %g of the "
             "schedule's",
             (long long)step->step, why, step->loss, s->usual_loss, step->norm, s->rate_scale);
    hg_train_note(job, "skipped step", text);
    if (++s->skipped_run < MOST_SKIPPED)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED,
                        "%d steps in a row were passed over, the last because %s: a lower rate may help, "
                        "resuming the last checkpoint with other settings does not",
                        MOST_SKIPPED, why);
}

static void update(hg_train_job *job, const hg_train_step *step)
{
    hg_trainee *t = &job->trainee;
    const hg_train_settings *s = &job->settings;
    hg_train_state *state = &job->state;
    float decay = (float)s->weight_decay, ratio = (float)(s->projector_lr / job->schedule.rate);
    const hg_adamw_group groups[HG_TRAINEE_GROUP_COUNT] = {
        [HG_TRAINEE_GROUP_MAIN] = {(float)(s->lr / job->schedule.rate), decay},
        [HG_TRAINEE_GROUP_PROJECTOR] = {ratio, decay},
        [HG_TRAINEE_GROUP_BIAS] = {ratio, 0},
    };
    hg_adamw adamw = hg_adamw_init(groups);
    adamw.rate = step->rate;
    adamw.beta1 = s->beta1;
    adamw.beta2 = s->beta2;
    adamw.epsilon = s->epsilon;
    if (s->clip > 0)
        (void)hg_gradient_clip(t->params, t->n, s->clip, job->model->n_threads);
    hg_adamw_step(&adamw, t->params, t->n, ++state->updates, job->model->n_threads);
    double part = state->updates < USUAL_STEPS ? 1 / (double)state->updates : 1.0 / USUAL_STEPS;
    state->usual_loss += part * (step->loss - state->usual_loss);
    state->skipped_run = 0;
    if (++state->good_run % GOOD_STEPS == 0 && state->rate_scale < 1)
        state->rate_scale *= 2;
}

static hg_status run_step(hg_train_job *job, hg_train_step *step, hg_error *err)
{
    double begin = hg_timing_now(), loss = 0;
    hg_trainee *t = &job->trainee;
    const hg_train_state before = job->state;
    double rate = hg_schedule_rate(&job->schedule, job->state.step, job->n_steps);
    *step = (hg_train_step){
        .step = job->state.step + 1, .n_steps = job->n_steps, .rate = rate * job->state.rate_scale};
    hg_trainee_zero_gradients(t);
    hg_status status = hg_train_batch(job, step, &loss, err);
    if (job->stopped) /* nothing but counts has changed yet */
        job->state = before;
    if (status != HG_STATUS_OK)
        return status;
    step->loss = loss / (double)step->n_tokens;
    hg_gradient_scale(t->params, t->n, 1 / (double)step->n_tokens, job->model->n_threads);
    step->norm = hg_gradient_norm(t->params, t->n, job->model->n_threads);
    const char *why = why_skip(job, step);
    step->skipped = why != NULL;
    if (why == NULL)
        update(job, step);
    else
        status = skip_step(job, step, why, err);
    job->state.step++;
    step->seconds = hg_timing_now() - begin;
    hg_train_log_step(&job->log, step);
    return status;
}

/* Whether the one who listens wants to go on: the first process's listener speaks for all. */
static hg_status ask_listener(hg_train_job *job, const hg_train_step *step, bool *go_on, hg_error *err)
{
    const hg_train_listener *l = job->listener;
    *go_on = l == NULL || l->on_step == NULL || l->on_step(l->user, step);
    return hg_reduce_broadcast(job->reduce, go_on, sizeof *go_on, 0, err);
}

/* Whether validation has not got better for as long as the settings allow. */
static bool is_out_of_patience(const hg_train_job *job)
{
    return job->settings.patience > 0 && job->state.since_best >= job->settings.patience;
}

static void take_step(hg_train_result *result, const hg_train_step *step)
{
    if (result->n_steps++ == 0)
        result->first_loss = step->loss;
    result->last_loss = step->loss;
    result->n_skipped_steps += step->skipped;
}

/* Behind a step: validation and checkpoint when they are due. */
static hg_status keep_step(hg_train_job *job, bool go_on, hg_error *err)
{
    bool due = job->state.step % job->settings.save_every == 0 || job->state.step == job->n_steps;
    hg_status status = due ? hg_train_validate(job, err) : HG_STATUS_OK;
    if (status == HG_STATUS_OK && (due || !go_on))
        status = hg_train_save_state(job, err);
    if (due || !go_on || hg_timing_now() - job->page_seconds > PAGE_SECONDS)
        hg_train_save_page(job);
    return status;
}

static hg_status say_stopped(const hg_train_job *job, hg_error *err)
{
    return hg_error_set(
        err, HG_STATUS_FAILED,
        "stopped after step %lld of %lld; resume continues it, finish takes what it has learnt",
        (long long)job->state.step, (long long)job->n_steps);
}

/* Within a step, which is given up. */
static hg_status stop_within_step(hg_train_job *job, hg_error *err)
{
    hg_status status = hg_train_save_state(job, err);
    hg_train_save_page(job);
    return status == HG_STATUS_OK ? say_stopped(job, err) : status;
}

/* The rest of the steps is not taken: the last weights are validated like those of other ends. */
static hg_status finish_early(hg_train_job *job, hg_error *err)
{
    char text[128];
    if (job->state.step == job->n_steps)
        return HG_STATUS_OK;
    snprintf(text, sizeof text, "the run ends after step %lld of %lld, as `finish` says",
             (long long)job->state.step, (long long)job->n_steps);
    hg_train_note(job, "finished early", text);
    return job->state.step % job->settings.save_every == 0 ? HG_STATUS_OK : hg_train_validate(job, err);
}

static hg_status run_steps(hg_train_job *job, hg_train_result *result, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    while (job->state.step < job->n_steps && !is_out_of_patience(job) && status == HG_STATUS_OK) {
        hg_train_step step;
        bool go_on = true;
        status = run_step(job, &step, err);
        if (job->stopped)
            return stop_within_step(job, err);
        if (status != HG_STATUS_OK)
            break;
        take_step(result, &step);
        status = ask_listener(job, &step, &go_on, err);
        if (status == HG_STATUS_OK)
            status = keep_step(job, go_on, err);
        if (!go_on && status == HG_STATUS_OK)
            return say_stopped(job, err);
    }
    if (status == HG_STATUS_OK && job->state.step < job->n_steps)
        hg_train_note(job, "early stop",
                      "validation has not got better for as long as `patience` says: the run ends here; the "
                      "best files are in the folder `best`");
    return status;
}

static hg_status run_job(hg_train_job *job, hg_train_result *result, hg_error *err)
{
    hg_status status = hg_train_begin(job, err);
    if (status == HG_STATUS_OK)
        status = job->settings.finish ? finish_early(job, err) : run_steps(job, result, err);
    if (status == HG_STATUS_OK)
        status = hg_train_save_parts(job, job->settings.out, err);
    result->n_bad_samples = job->state.n_bad;
    result->n_cut_samples = job->state.n_cut;
    if (status == HG_STATUS_OK)
        status = hg_train_save_result(job, result, err);
    hg_train_end(job);
    return status;
}

hg_status hg_train_run_joined(const hg_train_settings *settings, hg_reduce *reduce,
                              const hg_train_listener *listener, hg_train_result *result, hg_error *err)
{
    *result = (hg_train_result){.process = hg_reduce_get_rank(reduce)};
    hg_train_job *job = hg_mem_array(1, sizeof *job);
    hg_status status = job == NULL ? hg_error_memory(err, sizeof *job, "a training run") : HG_STATUS_OK;
    status = hg_reduce_agree(reduce, status, err);
    if (status == HG_STATUS_OK) {
        job->settings = *settings;
        job->listener = result->process == 0 ? listener : NULL;
        job->stopper = listener;
        job->reduce = reduce;
        status = run_job(job, result, err);
    }
    hg_mem_free(job);
    return status;
}

hg_status hg_train_run(const hg_train_settings *settings, const hg_train_listener *listener,
                       hg_train_result *result, hg_error *err)
{
    hg_reduce *reduce;
    *result = (hg_train_result){0};
    hg_status status = hg_reduce_open(&reduce, err);
    if (status != HG_STATUS_OK)
        return status;
    status = hg_train_run_joined(settings, reduce, listener, result, err);
    hg_reduce_close(reduce);
    return status;
}
