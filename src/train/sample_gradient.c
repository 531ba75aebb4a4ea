/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_gradient.c: four passes: embeddings and layers forward, each layer's input kept, and the activations
 * of as many of the last layers as fit (kept_layers.h); the head, block of rows by block, forward and
 * backward; the layers backward, last first; the embeddings and projectors. The gradients at the layers'
 * borders live in two buffers in turn.
 */
#include "train/sample_gradient.h"

#include "base/memory.h"

#include <string.h>

/* Rows whose logits exist together: 256 rows of 40,206 and their gradient are 82 MB. The head is unpacked
 * anew for each such block of rows. */
#define HEAD_ROWS 256

void hg_train_sample_deinit(hg_train_sample *s)
{
    hg_prompt_deinit(&s->prompt);
    hg_mem_free(s->labels);
    *s = (hg_train_sample){0};
}

/* One sample in the works. */
typedef struct sample_job {
    hg_ctx *ctx;
    hg_healthgpt *model;
    const hg_train_sample *sample;
    hg_tensor *embed, *head;
    hg_plugin *plugin;
    hg_projector *projector;
    int64_t n;             /* positions read: all but the last, which nothing follows */
    hg_tensor **states;    /* (layers + 1): the layers' inputs and the last one's output, each (n, H) */
    hg_tensor **seen;      /* features of each image */
    hg_real *border[2];    /* (n, H): the gradient of states[l] is in border[l % 2] when its turn comes */
    hg_kept_layers *kept;  /* NULL: nothing is */
    hg_kept_layer *layers; /* (layers) */
    const hg_layer_listener *listener; /* NULL: nobody */
    bool learn;
    double loss;
} sample_job;

/* A run of positions of one kind. */
typedef struct sample_run {
    int64_t begin, end;
    int64_t image; /* its number; -1 for tokens */
} sample_run;

/* The run that begins at `begin`; *n_images counts the images up to here. */
static sample_run next_run(const sample_job *job, int64_t begin, int64_t *n_images)
{
    const hg_prompt_item *items = job->sample->prompt.items;
    bool image = items[begin].id == HG_PROMPT_IMAGE;
    int64_t end = begin + 1;
    while (end < job->n && (items[end].id == HG_PROMPT_IMAGE) == image && !(image && items[end].row == 0))
        end++;
    return (sample_run){begin, end, image ? (*n_images)++ : -1};
}

/* Embeddings (end - begin, H) of a run. */
static hg_tensor *run_forward(const sample_job *job, const sample_run *run)
{
    hg_ctx *ctx = job->ctx;
    int64_t n = run->end - run->begin;
    if (run->image >= 0)
        return hg_projector_forward(ctx, job->projector, job->seen[run->image]);
    int32_t *ids = hg_arena_array(ctx->arena, (size_t)n, sizeof *ids);
    if (ids == NULL)
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (token ids)");
    for (int64_t i = 0; i < n; i++)
        ids[i] = job->sample->prompt.items[run->begin + i].id;
    return hg_op_embedding(ctx, job->embed, ids, n);
}

static void see_images(sample_job *job)
{
    hg_ctx *ctx = job->ctx;
    const hg_prompt *prompt = &job->sample->prompt;
    int64_t size = job->model->clip.config.image_size;
    int64_t shape[2] = {hg_clip_n_patches(&job->model->clip), job->model->clip.config.hidden};
    job->seen = hg_arena_array(ctx->arena, (size_t)prompt->n_images + 1, sizeof *job->seen);
    for (int64_t i = 0; i < prompt->n_images && job->seen != NULL; i++) {
        job->seen[i] = hg_ctx_tensor(ctx, 2, shape, false);
        hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
        hg_tensor pixels =
            hg_tensor_make(HG_DTYPE_F32, 3, (int64_t[]){3, size, size}, prompt->images[i].pixels);
        const hg_tensor *features = hg_clip_forward(ctx, &job->model->clip, &pixels,
                                                    job->model->tasks[job->sample->task].clip_layers);
        if (hg_ctx_failed(ctx))
            return;
        memcpy(job->seen[i]->data, features->data, hg_tensor_bytes(features));
        hg_arena_reset(ctx->arena, mark);
    }
}

static void make_states(sample_job *job)
{
    int64_t n_layers = job->model->decoder.config.n_layers;
    int64_t shape[2] = {job->n, job->model->decoder.config.hidden};
    job->states = hg_arena_array(job->ctx->arena, (size_t)n_layers + 1, sizeof *job->states);
    if (job->states == NULL)
        hg_ctx_fail(job->ctx, HG_STATUS_FAILED, "out of memory (a sample)");
    for (int64_t i = 0; i <= n_layers && !hg_ctx_failed(job->ctx); i++)
        job->states[i] = hg_ctx_tensor(job->ctx, 2, shape, false);
}

/* Moves a result out of the memory that is reset. */
static void keep(const sample_job *job, const hg_tensor *from, hg_tensor *to, int64_t row, hg_arena_mark mark)
{
    if (!hg_ctx_failed(job->ctx))
        memcpy(hg_tensor_real(to) + row * to->shape[1], from->data, hg_tensor_bytes(from));
    hg_arena_reset(job->ctx->arena, mark);
}

/* The gradients at the layers' borders, and what is known of each layer. */
static void make_gradients(sample_job *job)
{
    hg_ctx *ctx = job->ctx;
    int64_t n_layers = job->model->decoder.config.n_layers, n = job->n * job->model->decoder.config.hidden;
    for (int i = 0; i < 2; i++)
        job->border[i] = hg_ctx_scratch(ctx, n);
    job->layers = hg_arena_array(ctx->arena, (size_t)n_layers, sizeof *job->layers);
    if (job->layers == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a sample)");
    for (int64_t l = 0; l <= n_layers && !hg_ctx_failed(ctx); l++)
        job->states[l]->grad = job->border[l % 2];
}

/* Layer l, its activations kept. */
static void keep_layer(sample_job *job, int64_t l)
{
    hg_kept_layer *layer = &job->layers[l];
    hg_kept_layers_forward(job->kept, job->ctx, &job->model->decoder, job->plugin, l, job->states[l], layer);
    if (layer->y != NULL)
        memcpy(job->states[l + 1]->data, layer->y->data, hg_tensor_bytes(layer->y));
}

static void layers_forward(sample_job *job)
{
    hg_ctx *ctx = job->ctx;
    int64_t n_layers = job->model->decoder.config.n_layers;
    int64_t n_kept = job->kept != NULL && job->learn ? hg_kept_layers_count(job->kept, job->n) : 0;
    for (int64_t l = 0; l < n_layers && !hg_ctx_failed(ctx); l++) {
        hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
        if (l >= n_layers - n_kept)
            keep_layer(job, l);
        else
            keep(job,
                 hg_decoder_layer_forward(ctx, &job->model->decoder, job->plugin, NULL, l, job->states[l]),
                 job->states[l + 1], 0, mark);
    }
}

static void forward(sample_job *job)
{
    hg_ctx *ctx = job->ctx;
    see_images(job);
    make_states(job);
    if (job->learn && !hg_ctx_failed(ctx))
        make_gradients(job);
    int64_t n_images = 0;
    for (int64_t i = 0; i < job->n && !hg_ctx_failed(ctx);) {
        sample_run run = next_run(job, i, &n_images);
        hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
        keep(job, run_forward(job, &run), job->states[0], run.begin, mark);
        i = run.end;
    }
    if (!hg_ctx_failed(ctx))
        layers_forward(job);
}

static void run_tape(hg_ctx *ctx)
{
    if (!hg_ctx_failed(ctx))
        (void)hg_tape_backward(ctx, NULL); /* a failure sticks to the context */
}

/* Loss of the rows [begin, end), and its gradient when the last state has one. */
static void head_block(sample_job *job, int64_t begin, int64_t end)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_tensor *last = job->states[job->model->decoder.config.n_layers];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor rows = hg_tensor_view_rows(last, begin, end - begin);
    ctx->tape = last->grad != NULL ? &tape : NULL;
    hg_tensor *logits = hg_decoder_logits(ctx, &job->model->decoder, job->head, &rows);
    hg_tensor *loss = hg_op_cross_entropy(ctx, logits, job->sample->labels + begin);
    if (loss != NULL)
        job->loss += (double)hg_tensor_real(loss)[0];
    if (loss != NULL && ctx->tape != NULL) {
        loss->grad[0] = 1;
        run_tape(ctx);
    }
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void head(sample_job *job)
{
    const int32_t *labels = job->sample->labels;
    for (int64_t i = 0; i < job->n && !hg_ctx_failed(job->ctx);) {
        if (labels[i] < 0) {
            i++;
            continue;
        }
        int64_t limit = job->n - i < HEAD_ROWS ? job->n : i + HEAD_ROWS, end = i + 1;
        while (end < limit && labels[end] >= 0)
            end++;
        head_block(job, i, end);
        i = end;
    }
}

/* From the gradient at the output of layer l to that at its input, through activations that were kept. */
static void kept_backward(sample_job *job, int64_t l)
{
    hg_ctx *ctx = job->ctx;
    hg_kept_layer *layer = &job->layers[l];
    hg_kept_layers_zero_gradients(job->kept, ctx, layer);
    if (hg_ctx_failed(ctx))
        return;
    memcpy(layer->y->grad, job->states[l + 1]->grad, hg_tensor_bytes(layer->y));
    ctx->tape = &layer->tape;
    run_tape(ctx);
    ctx->tape = NULL;
}

/* The same through a layer that is computed again. */
static void layer_backward(sample_job *job, int64_t l)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = &tape;
    hg_tensor *y = hg_decoder_layer_forward(ctx, &job->model->decoder, job->plugin, NULL, l, job->states[l]);
    if (y != NULL) {
        memcpy(y->grad, job->states[l + 1]->grad, hg_tensor_bytes(y));
        run_tape(ctx);
    }
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void run_backward(const sample_job *job, const sample_run *run, const hg_real *dx)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = &tape;
    hg_tensor *x = run_forward(job, run);
    if (x != NULL && x->grad != NULL) {
        memcpy(x->grad, dx + run->begin * x->shape[1], hg_tensor_bytes(x));
        run_tape(ctx);
    }
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void backward(sample_job *job)
{
    int64_t n_layers = job->model->decoder.config.n_layers, n_images = 0;
    for (int64_t l = n_layers - 1; l >= 0 && !hg_ctx_failed(job->ctx); l--) {
        hg_ctx_zero(job->ctx, job->states[l]->grad, hg_tensor_count(job->states[l]));
        if (job->layers[l].y != NULL)
            kept_backward(job, l);
        else
            layer_backward(job, l);
        if (job->listener != NULL && !hg_ctx_failed(job->ctx))
            job->listener->layer_done(job->listener->user, l);
    }
    const hg_real *dx = job->border[0];
    for (int64_t i = 0; i < job->n && !hg_ctx_failed(job->ctx);) {
        sample_run run = next_run(job, i, &n_images);
        run_backward(job, &run, dx);
        i = run.end;
    }
}

static hg_status run_sample(sample_job *job, bool fused, double *loss, hg_error *err)
{
    hg_ctx *ctx = job->ctx;
    hg_healthgpt *model = job->model;
    hg_task_parts *task = &model->tasks[job->sample->task];
    hg_task_parts *words = fused ? &model->tasks[HG_TASK_GENERATION] : task;
    job->embed = &words->embed;
    job->head = &words->head;
    job->plugin = &task->plugin;
    job->projector = &task->plugin.projector;
    job->n = job->sample->prompt.n_items - 1;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    forward(job);
    if (!hg_ctx_failed(ctx)) {
        hg_tensor *last = job->states[model->decoder.config.n_layers];
        if (job->learn)
            hg_ctx_zero(ctx, last->grad, hg_tensor_count(last));
        head(job);
    }
    if (!hg_ctx_failed(ctx) && job->learn)
        backward(job);
    if (!hg_ctx_failed(ctx) && job->learn && job->kept != NULL && hg_kept_layers_wants_measure(job->kept))
        hg_kept_layers_measure(job->kept, ctx, &model->decoder, job->plugin, 0, job->states[0]);
    if (job->kept != NULL)
        hg_kept_layers_reset(job->kept);
    hg_arena_reset(ctx->arena, mark);
    *loss += job->loss;
    return hg_ctx_status(ctx, err);
}

hg_status hg_sample_gradient(hg_ctx *ctx, hg_healthgpt *model, const hg_train_sample *sample, bool fused,
                             hg_kept_layers *kept, const hg_layer_listener *listener, double *loss,
                             hg_error *err)
{
    sample_job job = {
        .ctx = ctx, .model = model, .sample = sample, .kept = kept, .listener = listener, .learn = true};
    return run_sample(&job, fused, loss, err);
}

hg_status hg_sample_loss(hg_ctx *ctx, hg_healthgpt *model, const hg_train_sample *sample, bool fused,
                         double *loss, hg_error *err)
{
    sample_job job = {.ctx = ctx, .model = model, .sample = sample};
    return run_sample(&job, fused, loss, err);
}
