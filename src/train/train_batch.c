/* SPDX-License-Identifier: Apache-2.0
 *
 * train_batch.c: a global batch, divided over processes. A batch is made in rounds: the next places of the
 * stream are dealt out in turn, each process makes its samples, in packs (sample_pack.h), and computes all
 * but the last pack; then all learn which samples were good. When none was bad, the last packs are computed
 * with each layer's gradients on their way to the others as soon as the backward pass has left the layer;
 * otherwise another round replaces the bad ones. So all processes agree on what a step is made of, and it is
 * what one process alone would use.
 *
 * What a sample adds to the loss travels as a number of its own and is added in the order of the stream.
 * Losses and gradients depend on how many processes there are within rounding: other samples share a pack
 * then, and each process first adds up its own gradients.
 */
#include "base/memory.h"
#include "train/train_job.h"

#include <stdio.h>
#include <string.h>

/* What a process tells the others about a sample: zeros where it has not made it. */
typedef struct sample_report {
    double status; /* hg_status */
    double loss, n_labels, n_positions, cut;
} sample_report;

#define REPORT_NUMBERS (sizeof(sample_report) / sizeof(double))

/* Places first .. first + n - 1 of the stream. */
typedef struct batch_round {
    hg_train_job *job;
    int64_t first, n;
    sample_report *reports; /* (n) */
    double *states;         /* (n + 1): the status of every sample, then whether to stop: of all processes */
    bool stop;              /* before all samples of this process are computed */
    hg_buffer errors;       /* an hg_error for each bad sample of this process, in order */
    size_t n_told;          /* of these */
    hg_sample_pack pack;    /* samples of this process, made and not computed */
    int64_t places[HG_PACK_SAMPLES]; /* theirs */
    int64_t posted_from;             /* the gradients of layers from this one on are on their way */
} batch_round;

#define ROUND_MAX_ERROR_BYTES ((size_t)1 << 30)

/* ---- the samples of this process ---- */

/* Whose place it is: they are dealt out in turn, as many at a time as belong to a picture where there are
 * enough for all. */
static int64_t place_rank(const batch_round *round, int64_t place)
{
    const hg_train_job *job = round->job;
    int64_t size = hg_reduce_get_size(job->reduce), each = job->settings.per_picture;
    return (each * size <= round->n ? place / each : place) % size;
}

static hg_status report_bad(batch_round *round, int64_t place, const hg_error *why, hg_error *err)
{
    round->reports[place].status = (double)why->code;
    return hg_buffer_push(&round->errors, why, sizeof *why)
               ? HG_STATUS_OK
               : hg_error_memory(err, sizeof *why, "the list of bad samples");
}

/* Makes a sample; a bad one is reported. */
static hg_status make_sample(batch_round *round, int64_t place, hg_train_sample *sample, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_error why = {HG_STATUS_OK, ""};
    size_t item = hg_item_order_at(&job->order, round->first + place);
    if (hg_sample_make(&job->maker, item, sample, &why) != HG_STATUS_OK)
        return report_bad(round, place, &why, err);
    sample_report *r = &round->reports[place];
    r->n_labels = (double)sample->n_labels;
    r->n_positions = (double)hg_train_sample_rows(sample);
    r->cut = sample->was_cut;
    return HG_STATUS_OK;
}

/* Computes the pack, which is empty then. What fails is told of its first sample. */
static hg_status compute_pack(batch_round *round, const hg_layer_listener *listener, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_sample_pack *pack = &round->pack;
    double losses[HG_PACK_SAMPLES] = {0};
    hg_error why = {HG_STATUS_OK, ""};
    if (pack->n == 0)
        return HG_STATUS_OK;
    job->pack = pack;
    for (int64_t i = 0; i < pack->n; i++)
        job->places[i] = (hg_dropout_place){.seed = (uint64_t)job->settings.seed,
                                            .step = job->state.step,
                                            .sample = round->first + round->places[i]};
    hg_status status = hg_sample_gradient(&job->ctx, &job->model->weights, pack, job->stage->fused,
                                          &job->kept, listener, losses, &why);
    for (int64_t i = 0; i < pack->n; i++)
        round->reports[round->places[i]].loss = losses[i];
    hg_sample_pack_reset(pack);
    return status == HG_STATUS_OK ? status : report_bad(round, round->places[0], &why, err);
}

/* Puts a sample into the pack, which is computed first when there is no room in it. */
static hg_status pack_sample(batch_round *round, int64_t place, hg_train_sample *sample, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    if (!hg_sample_pack_fits(&round->pack, sample))
        status = compute_pack(round, NULL, err);
    if (status != HG_STATUS_OK) {
        hg_train_sample_deinit(sample);
        return status;
    }
    round->places[round->pack.n] = place;
    hg_sample_pack_add(&round->pack, sample);
    return status;
}

static bool wants_stop(const hg_train_job *job)
{
    const hg_train_listener *l = job->stopper;
    return l != NULL && l->wants_stop != NULL && l->wants_stop(l->user);
}

/* Has the pictures of this process's next samples decoded together, from `place` on; *until: those before
 * this place. */
static hg_status expect_samples(batch_round *round, int64_t place, int64_t *until, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_status status = HG_STATUS_OK;
    for (int n = 0; n < HG_SAMPLES_AHEAD && place < round->n && status == HG_STATUS_OK; place++) {
        if (place_rank(round, place) != hg_reduce_get_rank(job->reduce))
            continue;
        status = hg_sample_expect(&job->maker, hg_item_order_at(&job->order, round->first + place), err);
        n++;
    }
    *until = place;
    return status == HG_STATUS_OK ? hg_sample_read_expected(&job->maker, err) : status;
}

/* All packs of this process but the last, which is made and left in `round`. */
static hg_status compute_all_but_last(batch_round *round, hg_error *err)
{
    const hg_reduce *reduce = round->job->reduce;
    hg_status status = HG_STATUS_OK;
    for (int64_t place = 0, until = 0; place < round->n && status == HG_STATUS_OK; place++) {
        hg_train_sample sample;
        if (place_rank(round, place) != hg_reduce_get_rank(reduce))
            continue;
        round->stop = wants_stop(round->job);
        if (round->stop)
            return HG_STATUS_OK;
        if (place >= until)
            status = expect_samples(round, place, &until, err);
        if (status == HG_STATUS_OK)
            status = make_sample(round, place, &sample, err);
        if (status == HG_STATUS_OK && round->reports[place].status == 0)
            status = pack_sample(round, place, &sample, err);
    }
    return status;
}

/* ---- bad samples, which all processes learn of ---- */

/* The error of a bad sample, from the process that made it. */
static hg_status fetch_error(batch_round *round, int64_t place, hg_error *why, hg_error *err)
{
    hg_reduce *reduce = round->job->reduce;
    int owner = (int)place_rank(round, place);
    if (owner == hg_reduce_get_rank(reduce))
        memcpy(why, round->errors.data + round->n_told++ * sizeof *why, sizeof *why);
    return hg_reduce_broadcast(reduce, why, sizeof *why, owner, err);
}

/* Tells and counts a bad sample; those that may not be passed over end the run. */
static hg_status pass_over(batch_round *round, int64_t place, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_error why = {HG_STATUS_OK, ""};
    hg_status status = fetch_error(round, place, &why, err);
    if (status != HG_STATUS_OK)
        return status;
    if (why.code != HG_STATUS_INPUT || job->settings.strict) {
        if (err != NULL)
            *err = why;
        return why.code;
    }
    job->state.n_bad++;
    hg_train_note(job, "bad sample", why.text);
    if (++job->bad_in_a_row >= (int64_t)hg_llava_n_items(job->set))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no item can be used; the last: %.300s",
                            job->settings.data, why.text);
    return HG_STATUS_OK;
}

/* Shares what is known of the samples so far; *n_bad is how many of the round are bad. */
static hg_status share_states(batch_round *round, int64_t *n_bad, hg_error *err)
{
    for (int64_t i = 0; i < round->n; i++)
        round->states[i] = round->reports[i].status;
    round->states[round->n] = round->stop;
    hg_status status = hg_reduce_sum(round->job->reduce, round->states, (size_t)round->n + 1, err);
    *n_bad = 0;
    round->job->stopped = status == HG_STATUS_OK && round->states[round->n] > 0;
    if (round->job->stopped)
        return hg_error_set(err, HG_STATUS_FAILED, "stopped");
    for (int64_t i = 0; i < round->n && status == HG_STATUS_OK; i++) {
        if (round->states[i] == 0) {
            round->job->bad_in_a_row = 0;
            continue;
        }
        ++*n_bad;
        status = pass_over(round, i, err);
    }
    return status;
}

/* ---- the last pack of each process, and the sums ---- */

/* Posts the gradients of a layer, or of what belongs to none. */
static void post_layer(hg_train_job *job, int64_t layer)
{
    size_t n;
    for (size_t begin = 0; hg_trainee_next_of_layer(&job->trainee, layer, &begin, &n); begin += n)
        hg_reduce_queue_post(job->queue, job->trainee.params + begin, n);
}

/* Posts those of layers `layer` .. posted_from - 1, last first. */
static void post_layers(void *user, int64_t layer)
{
    batch_round *round = user;
    while (round->posted_from > layer)
        post_layer(round->job, --round->posted_from);
}

/* Computes the last pack and, when it ends the batch, sums the gradients of all processes. */
static hg_status finish_round(batch_round *round, bool ends_batch, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_layer_listener listener = {post_layers, round};
    hg_status status = compute_pack(round, ends_batch ? &listener : NULL, err);
    if (ends_batch) {
        post_layers(round, 0);
        post_layer(job, HG_TRAINEE_NO_LAYER);
        hg_status summed = hg_reduce_queue_wait(job->queue, status == HG_STATUS_OK ? err : NULL);
        status = status == HG_STATUS_OK ? summed : status;
    }
    return hg_reduce_agree(job->reduce, status, err);
}

/* Adds up what all processes have to say, in the order of the stream. */
static hg_status collect_reports(batch_round *round, hg_train_step *step, double *loss, hg_error *err)
{
    hg_train_job *job = round->job;
    hg_status status =
        hg_reduce_sum(job->reduce, (double *)round->reports, (size_t)round->n * REPORT_NUMBERS, err);
    for (int64_t i = 0; i < round->n && status == HG_STATUS_OK; i++) {
        const sample_report *r = &round->reports[i];
        if (r->status != 0 && round->states[i] == 0) /* while it was computed */
            status = pass_over(round, i, err);
        if (r->status != 0)
            continue;
        *loss += r->loss;
        step->n_tokens += (int64_t)r->n_labels;
        step->n_positions += (int64_t)r->n_positions;
        job->state.n_cut += (int64_t)r->cut;
    }
    return status;
}

static hg_status run_round(batch_round *round, int64_t *n_bad, hg_train_step *step, double *loss,
                           hg_error *err)
{
    hg_reduce *reduce = round->job->reduce;
    hg_status status = hg_reduce_agree(reduce, compute_all_but_last(round, err), err);
    if (status == HG_STATUS_OK)
        status = share_states(round, n_bad, err);
    if (status == HG_STATUS_OK)
        status = finish_round(round, *n_bad == 0, err);
    return status == HG_STATUS_OK ? collect_reports(round, step, loss, err) : status;
}

/* Tells once how many layers' activations are kept, from the samples on that were measured. */
static void note_kept(hg_train_job *job)
{
    const hg_kept_layers *kept = &job->kept;
    char text[160];
    if (job->kept_told || kept->measured == 0)
        return;
    job->kept_told = true;
    snprintf(text, sizeof text,
             "in %.1f GB there is room for the activations of %lld of the %lld layers, of samples of %lld "
             "positions together; the others are computed again",
             (double)kept->memory * 1e-9, (long long)hg_kept_layers_count(kept, kept->measured),
             (long long)kept->n_layers, (long long)kept->measured);
    hg_train_note(job, "memory", text);
}

hg_status hg_train_batch(hg_train_job *job, hg_train_step *step, double *loss, hg_error *err)
{
    size_t batch = (size_t)job->settings.batch;
    sample_report *reports = hg_mem_array(batch, sizeof *reports);
    double *states = hg_mem_array(batch + 1, sizeof *states);
    hg_status status = HG_STATUS_OK;
    if (reports == NULL || states == NULL)
        status = hg_error_memory(err, batch * sizeof *reports, "a batch");
    status = hg_reduce_agree(job->reduce, status, err);
    for (int64_t missing = job->settings.batch; missing > 0 && status == HG_STATUS_OK;) {
        batch_round round = {.job = job,
                             .first = job->state.cursor,
                             .n = missing,
                             .reports = reports,
                             .states = states,
                             .pack = {.shares = job->settings.per_picture > 1},
                             .posted_from = job->model->weights.decoder.config.n_layers};
        memset(reports, 0, (size_t)missing * sizeof *reports);
        hg_buffer_init(&round.errors, ROUND_MAX_ERROR_BYTES);
        job->state.cursor += missing;
        status = run_round(&round, &missing, step, loss, err);
        hg_sample_pack_reset(&round.pack);
        hg_buffer_deinit(&round.errors);
    }
    hg_mem_free(reports);
    hg_mem_free(states);
    if (status == HG_STATUS_OK)
        note_kept(job);
    return status;
}
