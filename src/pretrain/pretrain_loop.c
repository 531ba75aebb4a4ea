/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_loop.c: steps, shards, checkpoints.
 */
#include "pretrain/pretrain_loop.h"

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/timing.h"
#include "engine/engine.h"
#include "train/adamw.h"
#include "train/gradient_clip.h"
#include "train/schedule.h"
#include "train/train_log.h"
#include "train/train_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHARD_BLOCK ((size_t)16 << 20)
#define SHARD_MAX ((size_t)1 << 38)
#define MODEL_BLOCK ((size_t)1 << 16)
/* Numbers of gradient that are added at a time. */
#define SUM_PIECE 16384

struct hg_pretrain_loop {
    const hg_pretrain_plan *plan;
    const hg_pretrain_settings *s;
    const hg_train_listener *listener;
    hg_weight_bank bank;
    hg_trainee trainee; /* the bank's parameters and names, for the checkpoint */
    hg_pretrain_shard *shards;
    int64_t n_shards;
    int n_threads;
    hg_train_log log;
    hg_train_state state;
    hg_schedule schedule;
    int64_t n_steps;
    uint32_t *order, *items; /* an epoch's order; a step's items */
    int64_t order_epoch;
    char checkpoint[HG_PATH_BYTES];
    char identity[HG_TRAIN_IDENTITY_BYTES];
};

void hg_pretrain_note(hg_pretrain_loop *loop, const char *kind, const char *text)
{
    hg_train_log_note(&loop->log, loop->state.step, kind, text);
    if (loop->listener != NULL && loop->listener->on_note != NULL)
        loop->listener->on_note(loop->listener->user, text);
}

hg_weight_bank *hg_pretrain_bank(hg_pretrain_loop *loop)
{
    return &loop->bank;
}

int64_t hg_pretrain_n_steps(const hg_pretrain_loop *loop)
{
    return loop->n_steps;
}

double hg_pretrain_sum(const hg_pretrain_loop *loop, int i)
{
    double sum = 0;
    for (int64_t k = 0; k < loop->n_shards; k++)
        sum += loop->shards[k].sums[i];
    return sum;
}

hg_rng hg_pretrain_rng(int64_t seed, int64_t step, int64_t item)
{
    hg_rng rng;
    hg_rng_init(&rng, ((uint64_t)seed * 0x9e3779b97f4a7c15U + (uint64_t)step) * 0xff51afd7ed558ccdU +
                          (uint64_t)item);
    return rng;
}

void hg_pretrain_put_measure(hg_pretrain_result *result, const char *name, double value)
{
    int i = 0;
    while (i < result->n_measures && strcmp(result->measures[i].name, name) != 0)
        i++;
    if (i == HG_PRETRAIN_MAX_MEASURES)
        return;
    if (i == result->n_measures)
        result->n_measures++;
    snprintf(result->measures[i].name, sizeof result->measures[i].name, "%s", name);
    result->measures[i].value = value;
}

void hg_pretrain_backward(hg_pretrain_shard *shard, hg_tensor *const *losses, const double *weights, int n)
{
    hg_ctx *ctx = &shard->ctx;
    for (int i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        double weight = weights == NULL ? 1 : weights[i];
        shard->loss += weight * (double)hg_tensor_real(losses[i])[0];
        losses[i]->grad[0] = (hg_real)weight;
    }
    hg_error ignored; /* the context keeps it */
    if (!hg_ctx_failed(ctx))
        (void)hg_tape_backward(ctx, &ignored);
    shard->tape.last = NULL;
    hg_arena_reset(&shard->arena, (hg_arena_mark){0});
}

/* ---- items ---- */

/* The order of an epoch (Fisher and Yates). */
static void shuffle(hg_pretrain_loop *loop, int64_t epoch)
{
    hg_rng rng = hg_pretrain_rng(loop->s->seed, -1, epoch);
    for (int64_t i = 0; i < loop->plan->n_items; i++)
        loop->order[i] = (uint32_t)i;
    for (int64_t i = loop->plan->n_items; i > 1; i--) {
        int64_t j = (int64_t)(hg_rng_next(&rng) % (uint64_t)i);
        uint32_t other = loop->order[j];
        loop->order[j] = loop->order[i - 1];
        loop->order[i - 1] = other;
    }
    loop->order_epoch = epoch;
}

static void choose_items(hg_pretrain_loop *loop)
{
    for (int64_t i = 0; i < loop->s->batch; i++) {
        int64_t at = loop->state.step * loop->s->batch + i, epoch = at / loop->plan->n_items;
        if (epoch != loop->order_epoch)
            shuffle(loop, epoch);
        loop->items[i] = loop->order[at % loop->plan->n_items];
    }
}

/* ---- one step ---- */

static void run_shard(void *arg, int64_t index, int worker)
{
    (void)worker;
    hg_pretrain_loop *loop = arg;
    hg_pretrain_shard *shard = &loop->shards[index];
    int64_t batch = loop->s->batch, begin = index * batch / loop->n_shards,
            end = (index + 1) * batch / loop->n_shards;
    memset(shard->grads, 0, (size_t)loop->bank.count * sizeof *shard->grads);
    memset(shard->sums, 0, sizeof shard->sums);
    shard->loss = 0;
    hg_pretrain_items items = {loop->items + begin, begin, end - begin, loop->state.step, batch};
    loop->plan->gradient(loop->plan->user, shard, &items);
}

/* Adds a piece of all shards' gradients to the first's. */
static void sum_piece(void *arg, int64_t index, int worker)
{
    (void)worker;
    const hg_pretrain_loop *loop = arg;
    int64_t begin = index * SUM_PIECE, left = loop->bank.count - begin,
            n = left < SUM_PIECE ? left : SUM_PIECE;
    float *restrict sum = loop->shards[0].grads + begin;
    for (int64_t k = 1; k < loop->n_shards; k++) {
        const float *restrict more = loop->shards[k].grads + begin;
        for (int64_t i = 0; i < n; i++)
            sum[i] += more[i];
    }
}

static hg_status run_shards(hg_pretrain_loop *loop, double *loss, hg_error *err)
{
    choose_items(loop);
    hg_parallel_for(loop->n_threads, loop->n_shards, run_shard, loop);
    for (int64_t k = 0; k < loop->n_shards; k++) {
        hg_status status = hg_ctx_status(&loop->shards[k].ctx, err);
        if (status != HG_STATUS_OK)
            return status;
        *loss += loop->shards[k].loss;
    }
    hg_parallel_for(loop->n_threads, (loop->bank.count + SUM_PIECE - 1) / SUM_PIECE, sum_piece, loop);
    return HG_STATUS_OK;
}

static void update(hg_pretrain_loop *loop, double rate)
{
    const hg_pretrain_settings *s = loop->s;
    const hg_adamw_group groups[HG_BANK_GROUP_COUNT] = {
        [HG_BANK_GROUP_MATRIX] = {1, (float)s->weight_decay},
        [HG_BANK_GROUP_VECTOR] = {1, 0},
        [HG_BANK_GROUP_FIXED] = {0, 0},
    };
    hg_adamw adamw = hg_adamw_init(groups);
    adamw.rate = rate;
    adamw.beta1 = s->beta1;
    adamw.beta2 = s->beta2;
    adamw.epsilon = s->epsilon;
    if (s->clip > 0)
        (void)hg_gradient_clip(loop->bank.params, loop->bank.n, s->clip, loop->n_threads);
    hg_adamw_step(&adamw, loop->bank.params, loop->bank.n, ++loop->state.updates, loop->n_threads);
}

static hg_status run_step(hg_pretrain_loop *loop, hg_train_step *step, hg_error *err)
{
    double begin = hg_timing_now();
    *step = (hg_train_step){.step = loop->state.step + 1,
                            .n_steps = loop->n_steps,
                            .rate = hg_schedule_rate(&loop->schedule, loop->state.step, loop->n_steps),
                            .n_tokens = loop->s->batch * loop->plan->units_each,
                            .n_positions = loop->s->batch * loop->plan->units_each};
    hg_status status = run_shards(loop, &step->loss, err);
    if (status != HG_STATUS_OK)
        return status;
    step->norm = hg_gradient_norm(loop->bank.params, loop->bank.n, loop->n_threads);
    step->skipped = !isfinite(step->loss) || !isfinite(step->norm);
    if (step->skipped)
        hg_pretrain_note(loop, "skipped step", "a step is passed over: loss or gradient is not a number");
    else
        update(loop, step->rate);
    loop->state.step++;
    if (loop->plan->after_step != NULL && !step->skipped)
        status = loop->plan->after_step(loop->plan->user, loop, loop->state.step, err);
    step->seconds = hg_timing_now() - begin;
    hg_train_log_step(&loop->log, step);
    return status;
}

/* ---- beginning and end ---- */

static hg_status open_shard(hg_pretrain_loop *loop, hg_pretrain_shard *shard, hg_error *err)
{
    hg_cpu_tier tier;
    hg_status status = hg_cpu_choose(loop->s->cpu, &tier, err);
    if (status != HG_STATUS_OK)
        return status;
    shard->kernels = *hg_kernels_get(tier);
    if (loop->s->precision == HG_PRETRAIN_BF16)
        (void)hg_kernels_set_bf16_conv(&shard->kernels);
    hg_arena_init(&shard->arena, SHARD_BLOCK, SHARD_MAX);
    hg_arena_init(&shard->model_arena, MODEL_BLOCK, SHARD_MAX);
    hg_ctx_init(&shard->ctx, &shard->arena, &shard->kernels, 1);
    shard->ctx.tape = &shard->tape;
    shard->grads = hg_arena_array(&shard->model_arena, (size_t)loop->bank.count, sizeof *shard->grads);
    shard->model = hg_arena_array(&shard->model_arena, 1, loop->plan->model_bytes);
    if (shard->grads == NULL || shard->model == NULL)
        return hg_error_memory(err, (unsigned long long)loop->bank.count * sizeof *shard->grads,
                               "the gradients of a shard");
    shard->view = (hg_bank_view){.bank = &loop->bank, .grads = shard->grads};
    status = hg_weight_bank_open(&shard->view, &shard->set, err);
    return status == HG_STATUS_OK
               ? loop->plan->load(loop->plan->user, shard->model, shard->set, &shard->model_arena, err)
               : status;
}

/* The first load, which makes the tensors; its model is thrown away. */
static hg_status make_weights(hg_pretrain_loop *loop, hg_error *err)
{
    hg_bank_view view = {.bank = &loop->bank};
    hg_tensor_set *set = NULL;
    hg_arena arena;
    hg_arena_init(&arena, MODEL_BLOCK, SHARD_MAX);
    hg_weight_bank_init(&loop->bank, loop->plan->init, loop->plan->user, (uint64_t)loop->s->seed);
    hg_status status = hg_weight_bank_open(&view, &set, err);
    void *model = hg_arena_array(&arena, 1, loop->plan->model_bytes);
    if (status == HG_STATUS_OK && model == NULL)
        status = hg_error_memory(err, loop->plan->model_bytes, "a new model");
    if (status == HG_STATUS_OK)
        status = loop->plan->load(loop->plan->user, model, set, &arena, err);
    hg_tensor_set_close(set);
    hg_arena_deinit(&arena);
    return status == HG_STATUS_OK ? hg_weight_bank_seal(&loop->bank, err) : status;
}

/* What the checkpoint's functions want to know. */
static hg_status make_trainee(hg_pretrain_loop *loop, hg_error *err)
{
    loop->trainee.names = hg_mem_array(loop->bank.n, sizeof *loop->trainee.names);
    if (loop->trainee.names == NULL)
        return hg_error_memory(err, loop->bank.n * sizeof *loop->trainee.names, "names of weights");
    for (size_t i = 0; i < loop->bank.n; i++)
        memcpy(loop->trainee.names[i], loop->bank.entries[i].name, sizeof loop->trainee.names[i]);
    loop->trainee.params = loop->bank.params;
    loop->trainee.n = loop->bank.n;
    return HG_STATUS_OK;
}

static hg_status open_state(hg_pretrain_loop *loop, hg_error *err)
{
    const hg_pretrain_settings *s = loop->s;
    char path[HG_PATH_BYTES], text[HG_TRAIN_IDENTITY_BYTES - 96];
    hg_status status = hg_folder_create(s->out, err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(loop->checkpoint, s->out, "checkpoint.safetensors", err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(path, s->out, "log.jsonl", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_file_writer_sweep(loop->checkpoint);
    loop->state.rate_scale = 1;
    hg_pretrain_settings_format(s, text, sizeof text);
    snprintf(loop->identity, sizeof loop->identity, "%s, data %016" PRIx64 ", steps %lld%s",
             hg_pretrain_stage_name(s->stage), loop->plan->fingerprint, (long long)loop->n_steps, text);
    if (s->finish && !hg_file_exists(loop->checkpoint))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: not there: this run has nothing to finish with",
                            loop->checkpoint);
    if (hg_file_exists(loop->checkpoint)) {
        if (!s->resume)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "%s is there already: continue it with resume, or take another folder",
                                loop->checkpoint);
        status = hg_train_state_load(loop->checkpoint, &loop->state, loop->identity, &loop->trainee, err);
    }
    return status == HG_STATUS_OK ? hg_train_log_open(&loop->log, path, loop->state.step, err) : status;
}

static hg_status open_steps(hg_pretrain_loop *loop, hg_error *err)
{
    const hg_pretrain_settings *s = loop->s;
    int64_t n = loop->plan->n_items;
    if (n < 1 || n > UINT32_MAX)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %lld items to train on", s->data, (long long)n);
    double steps = ceil((double)n * s->epochs / (double)s->batch);
    loop->n_steps = s->steps > 0 ? s->steps : (int64_t)steps;
    loop->schedule =
        (hg_schedule){(hg_schedule_kind)s->schedule, s->lr, (int64_t)ceil(s->warmup * (double)loop->n_steps)};
    loop->order_epoch = -1;
    loop->order = hg_mem_array((size_t)n, sizeof *loop->order);
    loop->items = hg_mem_array((size_t)s->batch, sizeof *loop->items);
    loop->shards = hg_mem_array((size_t)s->shards, sizeof *loop->shards);
    loop->n_threads = s->threads > 0 ? (int)s->threads : hg_parallel_processors();
    return loop->order != NULL && loop->items != NULL && loop->shards != NULL
               ? HG_STATUS_OK
               : hg_error_memory(err, (unsigned long long)n * sizeof *loop->order, "the order of the data");
}

static hg_status open_loop(hg_pretrain_loop *loop, hg_error *err)
{
    hg_status status = open_steps(loop, err);
    if (status == HG_STATUS_OK)
        status = make_weights(loop, err);
    for (int64_t k = 0; k < loop->s->shards && status == HG_STATUS_OK; k++) {
        loop->n_shards = k + 1;
        status = open_shard(loop, &loop->shards[k], err);
    }
    if (status == HG_STATUS_OK)
        status = make_trainee(loop, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_bank_set_grads(&loop->bank, loop->shards[0].grads);
    return open_state(loop, err);
}

static void close_loop(hg_pretrain_loop *loop)
{
    hg_train_log_close(&loop->log);
    for (int64_t k = 0; k < loop->n_shards; k++) {
        hg_tensor_set_close(loop->shards[k].set);
        hg_arena_deinit(&loop->shards[k].arena);
        hg_arena_deinit(&loop->shards[k].model_arena);
    }
    hg_weight_bank_deinit(&loop->bank);
    hg_mem_free(loop->trainee.names);
    hg_mem_free(loop->shards);
    hg_mem_free(loop->order);
    hg_mem_free(loop->items);
}

/* ---- the whole run ---- */

static hg_status measure(hg_pretrain_loop *loop, hg_pretrain_result *result, hg_error *err)
{
    char text[HG_ERROR_TEXT_BYTES];
    hg_pretrain_shard *shard = &loop->shards[0];
    if (loop->plan->measure == NULL)
        return HG_STATUS_OK;
    shard->ctx.tape = NULL;
    shard->ctx.n_threads = loop->n_threads;
    loop->plan->measure(loop->plan->user, shard, result);
    shard->ctx.tape = &shard->tape;
    shard->ctx.n_threads = 1;
    hg_arena_reset(&shard->arena, (hg_arena_mark){0});
    size_t n = (size_t)snprintf(text, sizeof text, "step %lld, held back:", (long long)loop->state.step);
    for (int i = 0; i < result->n_measures && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %s %.4g", result->measures[i].name,
                              result->measures[i].value);
    hg_pretrain_note(loop, "validation", text);
    return hg_ctx_status(&shard->ctx, err);
}

static hg_status run_steps(hg_pretrain_loop *loop, hg_pretrain_result *result, hg_error *err)
{
    bool first = true;
    hg_status status = HG_STATUS_OK;
    while (loop->state.step < loop->n_steps && !loop->s->finish && status == HG_STATUS_OK) {
        hg_train_step step;
        status = run_step(loop, &step, err);
        if (status != HG_STATUS_OK)
            return status;
        result->last_loss = step.loss;
        if (first)
            result->first_loss = step.loss;
        first = false;
        bool go_on = loop->listener == NULL || loop->listener->on_step == NULL ||
                     loop->listener->on_step(loop->listener->user, &step);
        bool last = loop->state.step == loop->n_steps;
        if (!go_on || last || loop->state.step % loop->s->save_every == 0) {
            status = hg_train_state_save(loop->checkpoint, &loop->state, loop->identity, &loop->trainee, err);
            if (status == HG_STATUS_OK && go_on && !last)
                status = measure(loop, result, err);
        }
        if (status == HG_STATUS_OK && !go_on)
            status = hg_error_set(
                err, HG_STATUS_FAILED,
                "stopped after step %lld of %lld; resume continues it, finish takes what it has learnt",
                (long long)loop->state.step, (long long)loop->n_steps);
    }
    return status == HG_STATUS_OK ? measure(loop, result, err) : status;
}

hg_status hg_pretrain_loop_run(const hg_pretrain_plan *plan, const hg_pretrain_settings *settings,
                               const hg_train_listener *listener, hg_pretrain_result *result, hg_error *err)
{
    hg_pretrain_loop *loop = hg_mem_array(1, sizeof *loop);
    if (loop == NULL)
        return hg_error_memory(err, sizeof *loop, "a training run");
    loop->plan = plan;
    loop->s = settings;
    loop->listener = listener;
    hg_status status = open_loop(loop, err);
    result->n_weights = loop->bank.count;
    result->n_items = plan->n_items;
    if (status == HG_STATUS_OK)
        status = run_steps(loop, result, err);
    if (status == HG_STATUS_OK)
        status = plan->write(plan->user, &loop->bank, err);
    result->n_steps = loop->state.step;
    close_loop(loop);
    hg_mem_free(loop);
    return status;
}
