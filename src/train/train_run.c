/* SPDX-License-Identifier: Apache-2.0
 *
 * train_run.c: the loop. A step takes the next samples of a stream that goes through the data epoch by epoch,
 * each epoch in an order that depends on seed and epoch alone; adds up their gradients; divides by the number
 * of labels; clips; and lets the optimiser move the masters. Everything that a step depends on is in the
 * checkpoint or follows from the settings.
 */
#include "base/file_writer.h"
#include "base/memory.h"
#include "train/dropout_mask.h"
#include "train/gradient_clip.h"
#include "train/plugin_writer.h"
#include "train/sample_maker.h"
#include "train/train_log.h"
#include "train/train_open.h"
#include "train/train_state.h"
#include "train/validation.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define RUN_ARENA_BLOCK ((size_t)16 << 20)
#define RUN_ARENA_MAX ((size_t)1 << 38)
/* The usual loss is a mean over about this many steps, and is known after as many. */
#define USUAL_STEPS 20

typedef struct train_run {
    hg_train_settings settings; /* completed */
    const hg_train_listener *listener;
    hg_model *model;
    hg_train_begun begun;
    hg_trainee trainee;
    hg_llava_set *set, *validation; /* the second may be NULL */
    hg_code_cache codes;
    hg_sample_maker maker;
    hg_arena arena;
    hg_ctx ctx;
    hg_train_log log;
    hg_train_state state;
    hg_schedule schedule;
    int64_t n_steps;
    uint32_t *order; /* of the items in `order_epoch` */
    int64_t order_epoch;
    int64_t bad_in_a_row;
    hg_dropout_place place; /* of the sample that is computed */
    hg_task task;           /* of that sample */
    char identity[HG_TRAIN_IDENTITY_BYTES];
    char checkpoint[HG_PATH_BYTES];
} train_run;

static void run_note(train_run *run, const char *kind, const char *text)
{
    hg_train_log_note(&run->log, run->state.step + 1, kind, text);
    if (run->listener != NULL && run->listener->on_note != NULL)
        run->listener->on_note(run->listener->user, text);
}

/* ---- the stream of items ---- */

/* The order of an epoch (Fisher and Yates). */
static void shuffle(train_run *run, int64_t epoch)
{
    size_t n = hg_llava_n_items(run->set);
    hg_rng rng;
    hg_rng_init(&rng, (uint64_t)run->settings.seed * 1000003U + (uint64_t)epoch);
    for (size_t i = 0; i < n; i++)
        run->order[i] = (uint32_t)i;
    for (size_t i = n; i > 1 && run->settings.shuffle; i--) {
        size_t j = (size_t)(hg_rng_next(&rng) % i);
        uint32_t other = run->order[j];
        run->order[j] = run->order[i - 1];
        run->order[i - 1] = other;
    }
    run->order_epoch = epoch;
}

static size_t next_item(train_run *run)
{
    int64_t n = (int64_t)hg_llava_n_items(run->set), epoch = run->state.cursor / n;
    if (run->order_epoch != epoch)
        shuffle(run, epoch);
    return run->order[run->state.cursor++ % n];
}

/* The next sample that is good; those that are not are told and counted. */
static hg_status next_sample(train_run *run, hg_train_sample *sample, hg_error *err)
{
    for (;;) {
        hg_error why = {HG_STATUS_OK, ""};
        hg_status status = hg_sample_make(&run->maker, next_item(run), sample, &why);
        if (status == HG_STATUS_OK) {
            run->bad_in_a_row = 0;
            run->state.n_cut += sample->was_cut;
            return HG_STATUS_OK;
        }
        if (status != HG_STATUS_INPUT || run->settings.strict) {
            *err = why;
            return status;
        }
        run->state.n_bad++;
        run_note(run, "bad sample", why.text);
        if (++run->bad_in_a_row >= (int64_t)hg_llava_n_items(run->set))
            return hg_error_set(err, HG_STATUS_INPUT, "%s: no item can be used; the last: %.300s",
                                run->settings.data, why.text);
    }
}

/* ---- one step ---- */

static const hg_real *dropout_mask(void *user, hg_ctx *ctx, int64_t layer, hg_slot slot, int64_t n_rows)
{
    train_run *run = user;
    int64_t n = n_rows * run->model->weights.tasks[run->task].plugin.rank;
    hg_real *mask = hg_ctx_scratch(ctx, n);
    hg_dropout_place place = run->place;
    place.layer = layer;
    place.slot = (int)slot;
    if (mask != NULL)
        hg_dropout_mask_fill(&place, run->settings.dropout, n, mask);
    return mask;
}

/* Adds up gradients and losses of a step's samples. */
static hg_status run_samples(train_run *run, hg_train_step *step, double *loss, hg_error *err)
{
    bool fused = run->settings.stage == HG_TRAIN_STAGE_2_FUSION;
    hg_status status = HG_STATUS_OK;
    for (int64_t i = 0; i < run->settings.batch && status == HG_STATUS_OK; i++) {
        hg_train_sample sample;
        status = next_sample(run, &sample, err);
        if (status != HG_STATUS_OK)
            return status;
        run->task = sample.task;
        run->place =
            (hg_dropout_place){.seed = (uint64_t)run->settings.seed, .step = run->state.step, .sample = i};
        status = hg_sample_gradient(&run->ctx, &run->model->weights, &sample, fused, loss, err);
        step->n_tokens += sample.n_labels;
        step->n_positions += sample.prompt.n_items - 1;
        hg_train_sample_deinit(&sample);
    }
    return status;
}

/* A loss that is no number or far above the usual one would spoil weights and moments. */
static bool run_must_skip(train_run *run, const hg_train_step *step)
{
    char text[HG_ERROR_TEXT_BYTES];
    const char *why = NULL;
    bool known = run->state.updates >= USUAL_STEPS && run->settings.spike > 0;
    if (!isfinite(step->loss) || !isfinite(step->norm))
        why = "the loss or its gradient is not a number";
    else if (known && step->loss > run->settings.spike * run->state.usual_loss)
        why = "the loss is far above the usual";
    if (why == NULL)
        return false;
    snprintf(text, sizeof text, "step %lld is passed over: %s (loss %g, usual %g, norm %g)",
             (long long)step->step, why, step->loss, run->state.usual_loss, step->norm);
    run_note(run, "skipped step", text);
    return true;
}

static void run_update(train_run *run, const hg_train_step *step)
{
    hg_trainee *t = &run->trainee;
    const hg_train_settings *s = &run->settings;
    float decay = (float)s->weight_decay, ratio = (float)(s->projector_lr / run->schedule.rate);
    const hg_adamw_group groups[HG_TRAINEE_GROUP_COUNT] = {
        [HG_TRAINEE_GROUP_MAIN] = {(float)(s->lr / run->schedule.rate), decay},
        [HG_TRAINEE_GROUP_PROJECTOR] = {ratio, decay},
        [HG_TRAINEE_GROUP_BIAS] = {ratio, 0},
    };
    hg_adamw adamw = hg_adamw_init(groups);
    adamw.rate = step->rate;
    adamw.beta1 = s->beta1;
    adamw.beta2 = s->beta2;
    adamw.epsilon = s->epsilon;
    if (s->clip > 0)
        (void)hg_gradient_clip(t->params, t->n, s->clip, run->model->n_threads);
    hg_adamw_step(&adamw, t->params, t->n, ++run->state.updates, run->model->n_threads);
    double part = run->state.updates < USUAL_STEPS ? 1 / (double)run->state.updates : 1.0 / USUAL_STEPS;
    run->state.usual_loss += part * (step->loss - run->state.usual_loss);
}

static hg_status run_step(train_run *run, hg_train_step *step, hg_error *err)
{
    double begin = hg_session_now(), loss = 0;
    hg_trainee *t = &run->trainee;
    *step = (hg_train_step){.step = run->state.step + 1,
                            .n_steps = run->n_steps,
                            .rate = hg_schedule_rate(&run->schedule, run->state.step, run->n_steps)};
    hg_trainee_zero_gradients(t);
    hg_status status = run_samples(run, step, &loss, err);
    if (status != HG_STATUS_OK)
        return status;
    step->loss = loss / (double)step->n_tokens;
    hg_gradient_scale(t->params, t->n, 1 / (double)step->n_tokens, run->model->n_threads);
    step->norm = hg_gradient_norm(t->params, t->n, run->model->n_threads);
    step->skipped = run_must_skip(run, step);
    if (!step->skipped)
        run_update(run, step);
    run->state.step++;
    step->seconds = hg_session_now() - begin;
    hg_train_log_step(&run->log, step);
    return HG_STATUS_OK;
}

/* ---- beginning ---- */

static hg_status check_settings(const hg_train_settings *s, hg_error *err)
{
    const char *missing = s->model[0] == 0  ? "model"
                          : s->data[0] == 0 ? "data"
                          : s->out[0] == 0  ? "out"
                                            : NULL;
    return missing == NULL ? HG_STATUS_OK
                           : hg_error_set(err, HG_STATUS_USAGE, "training: '%s' is not set", missing);
}

/* What must be the same when a run is continued. */
static void make_identity(train_run *run)
{
    const hg_train_settings *s = &run->settings;
    snprintf(run->identity, sizeof run->identity,
             "stage %s, data %016" PRIx64
             ", seed %lld, steps %lld, batch %lld, lr %.9g/%.9g, decay %.9g, betas "
             "%.9g/%.9g/%.9g, dropout %.9g, clip %.9g, spike %.9g, schedule %d, warmup %.9g, form %d, length "
             "%lld, rank %lld/%lld/%.9g, shuffle %d, cut %d, vocabulary %d",
             hg_train_stage_name(s->stage), hg_llava_fingerprint(run->set), (long long)s->seed,
             (long long)run->n_steps, (long long)s->batch, s->lr, s->projector_lr, s->weight_decay, s->beta1,
             s->beta2, s->epsilon, s->dropout, s->clip, s->spike, (int)s->schedule, s->warmup, (int)s->form,
             (long long)s->max_length, (long long)s->rank, (long long)s->experts, s->alpha, (int)s->shuffle,
             (int)s->cut, (int)s->vocabulary);
}

static hg_status open_data(train_run *run, hg_error *err)
{
    const hg_train_settings *s = &run->settings;
    hg_status status = hg_llava_open(&run->set, s->data, s->images[0] != 0 ? s->images : NULL, err);
    if (status != HG_STATUS_OK)
        return status;
    if (s->validation[0] != 0)
        status = hg_llava_open(&run->validation, s->validation, s->images[0] != 0 ? s->images : NULL, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = hg_llava_n_items(run->set);
    run->order = n > UINT32_MAX ? NULL : hg_mem_array(n, sizeof *run->order);
    if (run->order == NULL)
        return hg_error_memory(err, n * sizeof *run->order, "the order of the data");
    run->order_epoch = -1;
    double steps = ceil((double)n * s->epochs / (double)s->batch);
    run->n_steps = s->steps > 0 ? s->steps : steps < 1 ? 1 : (int64_t)steps;
    /* The rate that the schedule moves; those of the groups are parts of it. */
    double rate = s->lr > 0 ? s->lr : s->projector_lr > 0 ? s->projector_lr : 1;
    run->schedule =
        (hg_schedule){(hg_schedule_kind)s->schedule, rate, (int64_t)ceil(s->warmup * (double)run->n_steps)};
    return HG_STATUS_OK;
}

static hg_status open_codes(train_run *run, hg_error *err)
{
    const hg_train_settings *s = &run->settings;
    char folder[HG_PATH_BYTES];
    if (!run->model->weights.tasks[HG_TASK_GENERATION].present)
        return HG_STATUS_OK;
    hg_status status = s->cache[0] != 0 ? HG_STATUS_OK : hg_path_join(folder, s->out, "codes", err);
    if (status == HG_STATUS_OK)
        status = hg_code_cache_init(&run->codes, s->cache[0] != 0 ? s->cache : folder,
                                    &run->model->weights.vqgan, err);
    run->maker.codes = &run->codes;
    return status;
}

static void note_begun(train_run *run)
{
    if (run->begun.com)
        run_note(run, "begun", "the model has no comprehension plug-in: a new one is begun");
    if (run->begun.gen)
        run_note(run, "begun", "the model has no generation plug-in: a new one is begun");
    if (run->begun.fusion && run->settings.stage != HG_TRAIN_STAGE_2_FUSION && !run->settings.vocabulary)
        run_note(
            run, "begun",
            "the model has no fusion layer: all picture tokens begin with the same embedding and head, and "
            "this stage does not train them (vocabulary = yes does)");
}

static hg_status open_state(train_run *run, hg_error *err)
{
    const hg_train_settings *s = &run->settings;
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(run->checkpoint, s->out, "checkpoint.safetensors", err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(path, s->out, "log.jsonl", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_file_writer_sweep(run->checkpoint);
    make_identity(run);
    if (hg_file_exists(run->checkpoint)) {
        if (!s->resume)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "%s is there already: continue it with resume, or take another folder",
                                run->checkpoint);
        status = hg_train_state_load(run->checkpoint, &run->state, run->identity, &run->trainee, err);
    }
    return status == HG_STATUS_OK ? hg_train_log_open(&run->log, path, run->state.step, err) : status;
}

static void set_dropout(train_run *run)
{
    for (int task = 0; task < HG_TASK_COUNT && run->settings.dropout > 0; task++) {
        run->model->weights.tasks[task].plugin.mask = dropout_mask;
        run->model->weights.tasks[task].plugin.mask_user = run;
    }
}

static hg_status open_run(train_run *run, hg_error *err)
{
    hg_train_settings *s = &run->settings;
    hg_arena_init(&run->arena, RUN_ARENA_BLOCK, RUN_ARENA_MAX);
    hg_status status = check_settings(s, err);
    if (status == HG_STATUS_OK)
        status = hg_train_open(&run->model, s, &run->begun, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_ctx_init(&run->ctx, &run->arena, run->model->kernels, run->model->n_threads);
    status =
        hg_trainee_init(&run->trainee, &run->model->weights, s->stage, s->vocabulary != 0, &run->begun, err);
    if (status == HG_STATUS_OK)
        status = open_data(run, err);
    if (status == HG_STATUS_OK)
        status = hg_folder_create(s->out, err);
    if (status == HG_STATUS_OK)
        status = open_codes(run, err);
    if (status == HG_STATUS_OK)
        status = open_state(run, err);
    run->maker.model = run->model;
    run->maker.settings = s;
    run->maker.set = run->set;
    run->maker.ctx = &run->ctx;
    set_dropout(run);
    return status;
}

static void close_run(train_run *run)
{
    hg_train_log_close(&run->log);
    hg_llava_close(run->set);
    hg_llava_close(run->validation);
    hg_trainee_deinit(&run->trainee);
    hg_model_close(run->model);
    hg_arena_deinit(&run->arena);
    hg_mem_free(run->order);
}

/* ---- the whole run ---- */

static hg_status run_save(train_run *run, hg_error *err)
{
    return hg_train_state_save(run->checkpoint, &run->state, run->identity, &run->trainee, err);
}

/* The files of what the stage trains. */
static hg_status write_parts(train_run *run, const char *folder, hg_error *err)
{
    const hg_train_settings *s = &run->settings;
    hg_healthgpt *w = &run->model->weights;
    bool fuses = s->stage == HG_TRAIN_STAGE_2_FUSION;
    bool draws = s->stage == HG_TRAIN_STAGE_1_GEN || s->stage == HG_TRAIN_STAGE_3_GEN;
    hg_status status = HG_STATUS_OK;
    if (!fuses)
        status = hg_plugin_write(folder, w, draws ? HG_TASK_GENERATION : HG_TASK_COMPREHENSION,
                                 (hg_dtype)s->type, err);
    /* A fusion layer that was begun here goes with the plug-in that was trained on it. */
    if (status == HG_STATUS_OK && (fuses || s->vocabulary || (draws && run->begun.fusion)))
        status = hg_fusion_write(folder, w, (hg_dtype)s->type, err);
    return status;
}

/* The loss on the other data, if there is some; the best parts so far are kept in the folder `best`. */
static hg_status run_validation(train_run *run, hg_error *err)
{
    hg_validation found;
    hg_sample_maker maker = run->maker;
    char folder[HG_PATH_BYTES], text[HG_ERROR_TEXT_BYTES];
    maker.set = run->validation;
    if (run->validation == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_validation_run(&maker, &found, err);
    if (status != HG_STATUS_OK)
        return status;
    bool best = isfinite(found.loss) && (run->state.best_loss == 0 || found.loss < run->state.best_loss);
    hg_train_log_validation(&run->log, run->state.step, found.loss, found.n_samples, best);
    snprintf(text, sizeof text, "step %lld: validation loss %.6g on %lld samples (%lld bad)%s",
             (long long)run->state.step, found.loss, (long long)found.n_samples, (long long)found.n_bad,
             best ? ", the best so far" : "");
    if (run->listener != NULL && run->listener->on_note != NULL)
        run->listener->on_note(run->listener->user, text);
    if (!best)
        return HG_STATUS_OK;
    run->state.best_loss = found.loss;
    status = hg_path_join(folder, run->settings.out, "best", err);
    if (status == HG_STATUS_OK)
        status = hg_folder_create(folder, err);
    return status == HG_STATUS_OK ? write_parts(run, folder, err) : status;
}

static hg_status run_steps(train_run *run, hg_train_result *result, hg_error *err)
{
    const hg_train_listener *l = run->listener;
    hg_status status = HG_STATUS_OK;
    while (run->state.step < run->n_steps && status == HG_STATUS_OK) {
        hg_train_step step;
        status = run_step(run, &step, err);
        if (status != HG_STATUS_OK)
            break;
        if (result->n_steps++ == 0)
            result->first_loss = step.loss;
        result->last_loss = step.loss;
        result->n_skipped_steps += step.skipped;
        bool go_on = l == NULL || l->on_step == NULL || l->on_step(l->user, &step);
        bool due = run->state.step % run->settings.save_every == 0 || run->state.step == run->n_steps;
        if (due)
            status = run_validation(run, err);
        if (status == HG_STATUS_OK && (due || !go_on))
            status = run_save(run, err);
        if (!go_on && status == HG_STATUS_OK)
            return hg_error_set(err, HG_STATUS_FAILED, "stopped after step %lld of %lld; resume continues it",
                                (long long)run->state.step, (long long)run->n_steps);
    }
    return status;
}

hg_status hg_train_run(const hg_train_settings *settings, const hg_train_listener *listener,
                       hg_train_result *result, hg_error *err)
{
    *result = (hg_train_result){0};
    train_run *run = hg_mem_array(1, sizeof *run);
    if (run == NULL)
        return hg_error_memory(err, sizeof *run, "a training run");
    run->settings = *settings;
    run->listener = listener;
    hg_status status = open_run(run, err);
    if (status == HG_STATUS_OK) {
        note_begun(run);
        status = run_steps(run, result, err);
    }
    if (status == HG_STATUS_OK)
        status = write_parts(run, run->settings.out, err);
    result->n_bad_samples = run->state.n_bad;
    result->n_cut_samples = run->state.n_cut;
    close_run(run);
    hg_mem_free(run);
    return status;
}
