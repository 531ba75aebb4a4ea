/* SPDX-License-Identifier: Apache-2.0
 *
 * train_begin.c: settings, model, data and checkpoint, in this order. Every process opens for itself; then
 * all take masters, moments and state from the first, which alone has the checkpoint.
 */
#include "base/file_writer.h"
#include "base/machine_memory.h"
#include "base/memory.h"
#include "train/train_job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define RUN_ARENA_BLOCK ((size_t)16 << 20)
#define RUN_ARENA_MAX ((size_t)1 << 38)
#define DEFAULT_MEMORY 12e9

static hg_status check_settings(const hg_train_settings *s, hg_error *err)
{
    const char *missing = s->model[0] == 0  ? "model"
                          : s->data[0] == 0 ? "data"
                          : s->out[0] == 0  ? "out"
                                            : NULL;
    return missing == NULL ? HG_STATUS_OK
                           : hg_error_set(err, HG_STATUS_USAGE, "training: '%s' is not set", missing);
}

/* What must be the same when a run is continued, and on every process. */
static void make_identity(hg_train_job *job)
{
    const hg_train_settings *s = &job->settings;
    snprintf(
        job->identity, sizeof job->identity,
        "stage %s, data %016" PRIx64 ", seed %lld, steps %lld, batch %lld, lr %.9g/%.9g, decay %.9g, betas "
        "%.9g/%.9g/%.9g, dropout %.9g, clip %.9g, spike %.9g, schedule %d, warmup %.9g, form %d, length "
        "%lld, compute %d, adapter %d, rank %lld/%lld/%.9g, shuffle %d/%d, cut %d, vocabulary %d",
        job->stage->name, hg_llava_fingerprint(job->set), (long long)s->seed, (long long)job->n_steps,
        (long long)s->batch, s->lr, s->projector_lr, s->weight_decay, s->beta1, s->beta2, s->epsilon,
        s->dropout, s->clip, s->spike, (int)s->schedule, s->warmup, (int)s->form, (long long)s->max_length,
        (int)job->ctx.compute, (int)s->adapter, (long long)s->rank, (long long)s->experts, s->alpha,
        (int)s->shuffle, (int)s->group, (int)s->cut, (int)s->vocabulary);
    size_t n = strlen(job->identity);
    if (s->per_picture > 1) /* else what it was before there was this setting */
        snprintf(job->identity + n, sizeof job->identity - n, ", per picture %lld",
                 (long long)s->per_picture);
}

static hg_status open_data(hg_train_job *job, hg_error *err)
{
    const hg_train_settings *s = &job->settings;
    const char *images = s->images[0] != 0 ? s->images : NULL;
    hg_status status = hg_llava_open(&job->set, s->data, images, err);
    if (status == HG_STATUS_OK && s->validation[0] != 0)
        status = hg_llava_open(&job->validation, s->validation, images, err);
    hg_item_order_how how = {.shuffle = s->shuffle != 0,
                             .seed = (uint64_t)s->seed,
                             .by_length = s->group != 0,
                             .batch = s->batch,
                             .image_positions = hg_clip_n_patches(&job->model->weights.clip),
                             .per_picture = s->per_picture};
    if (status == HG_STATUS_OK)
        status = hg_item_order_init(&job->order, job->set, &how, err);
    if (status != HG_STATUS_OK)
        return status;
    double steps = ceil((double)hg_llava_n_items(job->set) * s->epochs / (double)s->batch);
    job->n_steps = s->steps > 0 ? s->steps : steps < 1 ? 1 : (int64_t)steps;
    /* The rate that the schedule moves; those of the groups are parts of it. */
    double rate = s->lr > 0 ? s->lr : s->projector_lr > 0 ? s->projector_lr : 1;
    job->schedule =
        (hg_schedule){(hg_schedule_kind)s->schedule, rate, (int64_t)ceil(s->warmup * (double)job->n_steps)};
    make_identity(job);
    return HG_STATUS_OK;
}

static hg_status open_codes(hg_train_job *job, hg_error *err)
{
    const hg_train_settings *s = &job->settings;
    char folder[HG_PATH_BYTES];
    if (!job->model->weights.tasks[HG_TASK_GENERATION].present)
        return HG_STATUS_OK;
    hg_status status = s->cache[0] != 0 ? HG_STATUS_OK : hg_path_join(folder, s->out, "codes", err);
    if (status == HG_STATUS_OK)
        status = hg_code_cache_init(&job->codes, s->cache[0] != 0 ? s->cache : folder,
                                    &job->model->weights.vqgan, err);
    job->maker.codes = &job->codes;
    return status;
}

/* ---- where the run stands ---- */

/* The first process's checkpoint, if there is one, and its log. */
static hg_status open_state(hg_train_job *job, hg_error *err)
{
    const hg_train_settings *s = &job->settings;
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(job->checkpoint, s->out, HG_TRAIN_CHECKPOINT, err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(path, s->out, "log.jsonl", err);
    if (status != HG_STATUS_OK || hg_reduce_get_rank(job->reduce) != 0)
        return status;
    hg_file_writer_sweep(job->checkpoint);
    if (s->finish && !hg_file_exists(job->checkpoint))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: not there: this run has nothing to finish with",
                            job->checkpoint);
    if (hg_file_exists(job->checkpoint)) {
        if (!s->resume)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "%s is there already: continue it with resume, or take another folder",
                                job->checkpoint);
        status = hg_train_state_load(job->checkpoint, &job->state, job->identity, &job->trainee, err);
    }
    return status == HG_STATUS_OK ? hg_train_log_open(&job->log, path, job->state.step, err) : status;
}

static hg_status share_param(hg_reduce *reduce, const hg_param *p, hg_error *err)
{
    float *const parts[] = {p->value, p->m, p->v};
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < 3 && status == HG_STATUS_OK; i++)
        status = hg_reduce_broadcast(reduce, parts[i], (size_t)p->n * sizeof(float), 0, err);
    return status;
}

/* The first process's state to all, when they mean the same run. */
static hg_status share_state(hg_train_job *job, hg_error *err)
{
    char identity[HG_TRAIN_IDENTITY_BYTES];
    memcpy(identity, job->identity, sizeof identity);
    hg_status status = hg_reduce_broadcast(job->reduce, identity, sizeof identity, 0, err);
    if (status == HG_STATUS_OK && strcmp(identity, job->identity) != 0)
        status = hg_error_set(err, HG_STATUS_INPUT,
                              "process %d has other settings or data than the first: '%.150s'",
                              hg_reduce_get_rank(job->reduce), job->identity);
    status = hg_reduce_agree(job->reduce, status, err);
    if (status == HG_STATUS_OK)
        status = hg_reduce_broadcast(job->reduce, &job->state, sizeof job->state, 0, err);
    for (size_t i = 0; i < job->trainee.n && status == HG_STATUS_OK; i++)
        status = share_param(job->reduce, &job->trainee.params[i], err);
    return status;
}

/* ---- the run ---- */

/* Leaves the rows with labels, which the last layer goes on with. */
static void keep_labelled(const hg_sample_pack *pack, int64_t rank, hg_real *mask)
{
    hg_real *to = mask;
    for (int64_t i = 0; i < pack->n; i++) {
        for (int64_t row = pack->begin[i]; row < pack->begin[i + 1]; row++) {
            if (hg_sample_pack_label(pack, i, row) < 0)
                continue;
            memmove(to, mask + row * rank, (size_t)rank * sizeof *to);
            to += rank;
        }
    }
}

/* Each sample's own rows have the mask that they would have alone: rows that it shares have that of the first
 * sample. n_rows are those of all samples, or those of them that have labels. */
static const hg_real *dropout_mask(void *user, hg_ctx *ctx, int64_t layer, hg_slot slot, int64_t n_rows)
{
    hg_train_job *job = user;
    const hg_sample_pack *pack = job->pack;
    int64_t rank = job->model->weights.tasks[pack->samples[0].task].plugin.rank;
    int64_t n_all = pack->begin[pack->n];
    hg_real *mask = hg_ctx_scratch(ctx, n_all * rank);
    for (int64_t i = 0; i < pack->n && mask != NULL; i++) {
        hg_dropout_place place = job->places[i];
        place.layer = layer;
        place.slot = (int)slot;
        place.first = pack->prefix[i].n * rank;
        hg_dropout_mask_fill(&place, job->settings.dropout, (pack->begin[i + 1] - pack->begin[i]) * rank,
                             mask + pack->begin[i] * rank);
    }
    if (mask != NULL && n_rows < n_all)
        keep_labelled(pack, rank, mask);
    return mask;
}

static void set_dropout(hg_train_job *job)
{
    for (int task = 0; task < HG_TASK_COUNT && job->settings.dropout > 0; task++) {
        job->model->weights.tasks[task].plugin.mask = dropout_mask;
        job->model->weights.tasks[task].plugin.mask_user = job;
    }
}

static void note_begun(hg_train_job *job)
{
    if (job->begun.com)
        hg_train_note(job, "begun", "the model has no comprehension plug-in: a new one is begun");
    if (job->begun.gen)
        hg_train_note(job, "begun", "the model has no generation plug-in: a new one is begun");
    if (job->begun.fusion && !job->stage->vocabulary && !job->settings.vocabulary)
        hg_train_note(
            job, "begun",
            "the model has no fusion layer: all picture tokens begin with the same embedding and head, and "
            "this stage does not train them (vocabulary = yes does)");
}

/* A block-quantised base model has lost more than rounding to bf16 loses: there `auto` takes the fast way,
 * where this processor has one. */
static hg_compute choose_compute(const hg_model *model, hg_train_compute wanted)
{
    const hg_kernels *k = model->kernels;
    bool quantised = hg_dtype_is_quantised(model->weights.decoder.layers[0].weight[HG_SLOT_O].dtype);
    static const hg_compute ways[] = {[HG_TRAIN_COMPUTE_F32] = HG_COMPUTE_EXACT,
                                      [HG_TRAIN_COMPUTE_BF16] = HG_COMPUTE_BF16,
                                      [HG_TRAIN_COMPUTE_INT8] = HG_COMPUTE_INT8};
    if (wanted != HG_TRAIN_COMPUTE_AUTO)
        return ways[wanted];
    if (!quantised || !k->rounds)
        return HG_COMPUTE_EXACT;
    return k->turns ? HG_COMPUTE_INT8 : k->fast_bf16 ? HG_COMPUTE_BF16 : HG_COMPUTE_EXACT;
}

/* Bytes that the process may take, where nobody said: what most machines have for it. */
static double default_memory(void)
{
    double machine = 0.75 * (double)hg_machine_memory_total();
    return machine < DEFAULT_MEMORY ? machine : DEFAULT_MEMORY;
}

static void begin_kept_layers(hg_train_job *job)
{
    const hg_train_settings *s = &job->settings;
    int64_t longest = s->max_length > HG_PACK_ROWS ? s->max_length : HG_PACK_ROWS;
    hg_kept_layers_init(&job->kept, (size_t)(s->memory < 0 ? default_memory() : 1e9 * s->memory), longest,
                        job->model->weights.decoder.config.n_layers);
}

/* What each process opens for itself. */
static hg_status open_job(hg_train_job *job, hg_error *err)
{
    hg_train_settings *s = &job->settings;
    hg_status status = hg_train_open(&job->model, s, &job->begun, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_ctx_init(&job->ctx, &job->arena, job->model->kernels, job->model->n_threads);
    job->ctx.compute = choose_compute(job->model, (hg_train_compute)s->compute);
    begin_kept_layers(job);
    status = hg_trainee_init(&job->trainee, &job->model->weights, job->stage, s->vocabulary != 0, &job->begun,
                             err);
    if (status == HG_STATUS_OK)
        status = open_data(job, err);
    if (status == HG_STATUS_OK)
        status = hg_folder_create(s->out, err);
    if (status == HG_STATUS_OK)
        status = open_codes(job, err);
    /* A stretch of parameters at most for each of the two tasks' layers, and what belongs to none. */
    size_t stretches = HG_TASK_COUNT * ((size_t)job->model->weights.decoder.config.n_layers + 1) + 1;
    if (status == HG_STATUS_OK)
        status = hg_reduce_queue_create(&job->queue, job->reduce, stretches, err);
    return status == HG_STATUS_OK ? open_state(job, err) : status;
}

hg_status hg_train_begin(hg_train_job *job, hg_error *err)
{
    hg_train_settings *s = &job->settings;
    int n_threads = 1;
    job->stage = hg_stage_get(s->stage);
    job->state.rate_scale = 1;
    hg_arena_init_apart(&job->arena, RUN_ARENA_BLOCK, RUN_ARENA_MAX);
    hg_status status = check_settings(s, err);
    if (status == HG_STATUS_OK)
        status = hg_reduce_share_threads(job->reduce, &n_threads, err);
    if (s->threads <= 0)
        s->threads = n_threads;
    if (status == HG_STATUS_OK)
        status = hg_reduce_agree(job->reduce, open_job(job, err), err);
    if (status == HG_STATUS_OK)
        status = share_state(job, err);
    if (status != HG_STATUS_OK)
        return status;
    job->maker.model = job->model;
    job->maker.settings = s;
    job->maker.set = job->set;
    job->maker.ctx = &job->ctx;
    const size_t side = (size_t)job->model->weights.clip.config.image_size;
    hg_image_ahead_init(&job->ahead, 3 * side * side);
    job->maker.ahead = side > 0 ? &job->ahead : NULL;
    set_dropout(job);
    note_begun(job);
    return HG_STATUS_OK;
}

void hg_train_end(hg_train_job *job)
{
    hg_train_log_close(&job->log);
    hg_reduce_queue_destroy(job->queue);
    hg_item_order_deinit(&job->order);
    hg_image_ahead_deinit(&job->ahead);
    hg_llava_close(job->set);
    hg_llava_close(job->validation);
    hg_trainee_deinit(&job->trainee);
    hg_model_close(job->model);
    hg_kept_layers_deinit(&job->kept);
    hg_arena_deinit(&job->arena);
}
