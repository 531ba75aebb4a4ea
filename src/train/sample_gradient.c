/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_gradient.c: four passes over the rows of all samples: embeddings and layers forward, each layer's
 * input kept, and the activations of as many of the last layers as fit (kept_layers.h); the head, for the
 * rows with labels, block by block, forward and backward; the layers backward, last first; the embeddings and
 * the projector. The gradients at the layers' borders live in two buffers in turn.
 */
#include "train/sample_gradient.h"

#include <string.h>

/* Rows whose logits exist together: 256 rows of 40,206 and their gradient are 82 MB. The head is unpacked
 * anew for each such block of rows. */
#define HEAD_ROWS 256

/* A pack in the works. */
typedef struct pack_job {
    hg_ctx *ctx;
    hg_healthgpt *model;
    const hg_sample_pack *pack;
    hg_decoder_rows rows;   /* of its samples, all wanted */
    hg_decoder_rows labels; /* the same, those with labels wanted */
    hg_tensor *embed, *head;
    hg_plugin *plugin;
    hg_projector *projector;
    int64_t n;          /* rows of all samples */
    hg_tensor **states; /* (layers + 1): the layers' inputs (n, H) and the last one's output (n_wanted, H) */
    hg_tensor *seen;    /* features of all images, one after the other; NULL: there are none */
    hg_real *border[2]; /* (n, H): the gradient of states[l] is in border[l % 2] when its turn comes */
    hg_kept_layers *kept;              /* NULL: nothing is */
    hg_kept_layer *layers;             /* (layers) */
    const hg_layer_listener *listener; /* NULL: nobody */
    bool learn;
    double *losses; /* of the samples */
} pack_job;

/* A run of positions of one kind. */
typedef struct sample_run {
    const hg_prompt_item *items; /* its first */
    int64_t n, row;              /* positions; the row of the first */
    int64_t image;               /* its number among those of all samples; -1 for tokens */
} sample_run;

/* The run that begins at a sample's own row; *n_images counts the images that the sample has begun. */
static sample_run next_run(const pack_job *job, int64_t sample, int64_t row, int64_t *n_images)
{
    const hg_sample_pack *pack = job->pack;
    const hg_prompt_item *items =
        pack->samples[sample].prompt.items + hg_sample_pack_position(pack, sample, row);
    int64_t n = 1, left = pack->begin[sample + 1] - row;
    bool image = items[0].id == HG_PROMPT_IMAGE;
    while (n < left && (items[n].id == HG_PROMPT_IMAGE) == image && !(image && items[n].row == 0))
        n++;
    *n_images += image && items[0].row == 0;
    return (sample_run){items, n, row, image ? hg_sample_pack_image(pack, sample, *n_images - 1) : -1};
}

/* Calls `fn` for every run of every sample's own rows, in order. */
static void each_run(pack_job *job, void (*fn)(pack_job *job, const sample_run *run, void *arg), void *arg)
{
    const hg_sample_pack *pack = job->pack;
    for (int64_t i = 0; i < pack->n; i++) {
        int64_t n_images = pack->n_shared_images[i];
        for (int64_t row = pack->begin[i]; row < pack->begin[i + 1] && !hg_ctx_failed(job->ctx);) {
            sample_run run = next_run(job, i, row, &n_images);
            fn(job, &run, arg);
            row += run.n;
        }
    }
}

/* ---- embeddings ---- */

/* Embeddings (run->n, H) of a run of tokens. */
static hg_tensor *embed_tokens(const pack_job *job, const sample_run *run)
{
    hg_ctx *ctx = job->ctx;
    int32_t *ids = hg_arena_array(ctx->arena, (size_t)run->n, sizeof *ids);
    if (ids == NULL)
        return hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (token ids)");
    for (int64_t i = 0; i < run->n; i++)
        ids[i] = run->items[i].id;
    return hg_op_embedding(ctx, job->embed, ids, run->n);
}

/* Pixels of all images (images, 3, S, S). */
static hg_tensor *gather_pixels(const pack_job *job)
{
    const hg_sample_pack *pack = job->pack;
    int64_t size = job->model->clip.config.image_size, each = 3 * size * size;
    hg_tensor *pixels = hg_ctx_tensor(job->ctx, 4, (int64_t[]){pack->image[pack->n], 3, size, size}, false);
    hg_real *to = pixels == NULL ? NULL : hg_tensor_real(pixels);
    for (int64_t i = 0; i < pack->n && to != NULL; i++) {
        const hg_prompt *prompt = &pack->samples[i].prompt;
        for (int64_t k = pack->n_shared_images[i]; k < prompt->n_images; k++, to += each)
            memcpy(to, prompt->images[k].pixels, (size_t)each * sizeof *to);
    }
    return pixels;
}

static void see_images(pack_job *job)
{
    hg_ctx *ctx = job->ctx;
    const hg_sample_pack *pack = job->pack;
    hg_clip *clip = &job->model->clip;
    if (pack->image[pack->n] == 0)
        return;
    int64_t n_rows = pack->image[pack->n] * hg_clip_n_patches(clip);
    job->seen = hg_ctx_tensor(ctx, 2, (int64_t[]){n_rows, clip->config.hidden}, false);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    const hg_tensor *features =
        hg_clip_forward(ctx, clip, gather_pixels(job), job->model->tasks[pack->samples[0].task].clip_layers);
    if (!hg_ctx_failed(ctx))
        memcpy(job->seen->data, features->data, hg_tensor_bytes(features));
    hg_arena_reset(ctx->arena, mark);
}

/* Where a run of an image begins among the rows of all images: `projected`, (images · patches, H). */
static int64_t projected_at(const pack_job *job, const sample_run *run, int64_t width)
{
    return (run->image * hg_clip_n_patches(&job->model->clip) + run->items[0].row) * width;
}

static void forward_run(pack_job *job, const sample_run *run, void *arg)
{
    const hg_tensor *projected = arg, *x;
    int64_t width = job->states[0]->shape[1];
    hg_real *to = hg_tensor_real(job->states[0]) + run->row * width;
    hg_arena_mark mark = hg_arena_get_mark(job->ctx->arena);
    if (run->image >= 0) {
        memcpy(to, hg_tensor_real(projected) + projected_at(job, run, width),
               (size_t)(run->n * width) * sizeof *to);
        return;
    }
    x = embed_tokens(job, run);
    if (!hg_ctx_failed(job->ctx))
        memcpy(to, x->data, hg_tensor_bytes(x));
    hg_arena_reset(job->ctx->arena, mark);
}

/* The projector for all images at once. */
static hg_tensor *project_images(const pack_job *job)
{
    return job->seen == NULL ? NULL : hg_projector_forward(job->ctx, job->projector, job->seen);
}

static void embed(pack_job *job)
{
    hg_arena_mark mark = hg_arena_get_mark(job->ctx->arena);
    hg_tensor *projected = project_images(job);
    each_run(job, forward_run, projected);
    hg_arena_reset(job->ctx->arena, mark);
}

/* ---- layers ---- */

/* Lists the rows with labels: only these go through the end of the last layer and the head. */
static void find_labels(pack_job *job)
{
    const hg_sample_pack *pack = job->pack;
    int32_t *wanted = hg_arena_array(job->ctx->arena, (size_t)job->n, sizeof *wanted);
    job->rows.segments = (hg_segments){pack->n, pack->begin, pack->prefix};
    job->labels = job->rows;
    job->labels.wanted = wanted;
    if (wanted == NULL)
        hg_ctx_fail(job->ctx, HG_STATUS_FAILED, "out of memory (labels)");
    for (int64_t i = 0; i < pack->n && wanted != NULL; i++) {
        for (int64_t row = pack->begin[i]; row < pack->begin[i + 1]; row++) {
            if (hg_sample_pack_label(pack, i, row) >= 0)
                wanted[job->labels.n_wanted++] = (int32_t)row;
        }
    }
}

static const hg_decoder_rows *rows_of_layer(const pack_job *job, int64_t layer)
{
    return layer == job->model->decoder.config.n_layers - 1 ? &job->labels : &job->rows;
}

static void make_states(pack_job *job)
{
    int64_t n_layers = job->model->decoder.config.n_layers;
    job->states = hg_arena_array(job->ctx->arena, (size_t)n_layers + 1, sizeof *job->states);
    if (job->states == NULL)
        hg_ctx_fail(job->ctx, HG_STATUS_FAILED, "out of memory (a step's samples)");
    for (int64_t i = 0; i <= n_layers && !hg_ctx_failed(job->ctx); i++) {
        int64_t shape[2] = {i < n_layers ? job->n : job->labels.n_wanted, job->model->decoder.config.hidden};
        job->states[i] = hg_ctx_tensor(job->ctx, 2, shape, false);
    }
}

/* The gradients at the layers' borders, and what is known of each layer. */
static void make_gradients(pack_job *job)
{
    hg_ctx *ctx = job->ctx;
    int64_t n_layers = job->model->decoder.config.n_layers, n = job->n * job->model->decoder.config.hidden;
    for (int i = 0; i < 2; i++)
        job->border[i] = hg_ctx_scratch(ctx, n);
    job->layers = hg_arena_array(ctx->arena, (size_t)n_layers, sizeof *job->layers);
    if (job->layers == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (a step's samples)");
    for (int64_t l = 0; l <= n_layers && !hg_ctx_failed(ctx); l++)
        job->states[l]->grad = job->border[l % 2];
}

/* Layer l, its activations kept. */
static void keep_layer(pack_job *job, int64_t l)
{
    hg_kept_layer *layer = &job->layers[l];
    hg_kept_layers_forward(job->kept, job->ctx, &job->model->decoder, job->plugin, rows_of_layer(job, l), l,
                           job->states[l], layer);
    if (layer->y != NULL)
        memcpy(job->states[l + 1]->data, layer->y->data, hg_tensor_bytes(layer->y));
}

/* Layer l, of which the result alone stays. */
static void pass_layer(pack_job *job, int64_t l)
{
    hg_ctx *ctx = job->ctx;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    const hg_tensor *y = hg_decoder_layer_forward_rows(ctx, &job->model->decoder, job->plugin,
                                                       rows_of_layer(job, l), l, job->states[l]);
    if (!hg_ctx_failed(ctx))
        memcpy(job->states[l + 1]->data, y->data, hg_tensor_bytes(y));
    hg_arena_reset(ctx->arena, mark);
}

static void layers_forward(pack_job *job)
{
    int64_t n_layers = job->model->decoder.config.n_layers;
    int64_t n_kept = job->kept != NULL && job->learn ? hg_kept_layers_count(job->kept, job->n) : 0;
    for (int64_t l = 0; l < n_layers && !hg_ctx_failed(job->ctx); l++) {
        if (l >= n_layers - n_kept)
            keep_layer(job, l);
        else
            pass_layer(job, l);
    }
}

static void forward(pack_job *job)
{
    see_images(job);
    make_states(job);
    if (job->learn && !hg_ctx_failed(job->ctx))
        make_gradients(job);
    if (!hg_ctx_failed(job->ctx))
        embed(job);
    if (!hg_ctx_failed(job->ctx))
        layers_forward(job);
}

static void run_tape(hg_ctx *ctx)
{
    if (!hg_ctx_failed(ctx))
        (void)hg_tape_backward(ctx, NULL); /* a failure sticks to the context */
}

/* ---- the head ---- */

/* Adds a loss for each sample that has rows in a block of the last state: those from number `first` of the
 * labels on. */
static void block_losses(const pack_job *job, int64_t first, const hg_tensor *logits)
{
    hg_ctx *ctx = job->ctx;
    const hg_sample_pack *pack = job->pack;
    const int32_t *row = job->labels.wanted + first;
    int32_t labels[HEAD_ROWS];
    for (int64_t sample = 0, at = 0; at < logits->shape[0] && !hg_ctx_failed(ctx); sample++) {
        int64_t n = 0;
        for (; at + n < logits->shape[0] && row[at + n] < pack->begin[sample + 1]; n++)
            labels[n] = hg_sample_pack_label(pack, sample, row[at + n]);
        if (n == 0)
            continue;
        hg_tensor *rows = hg_ctx_view(ctx, hg_tensor_view_rows(logits, at, n));
        hg_tensor *loss = rows == NULL ? NULL : hg_op_cross_entropy(ctx, rows, labels);
        if (loss == NULL)
            return;
        job->losses[sample] += (double)hg_tensor_real(loss)[0];
        if (ctx->tape != NULL)
            loss->grad[0] = 1;
        at += n;
    }
}

/* Losses of rows of the last state, and their gradient when there is learning. */
static void head_block(const pack_job *job, int64_t first, int64_t n)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor rows = hg_tensor_view_rows(job->states[job->model->decoder.config.n_layers], first, n);
    ctx->tape = job->learn ? &tape : NULL;
    const hg_tensor *logits = hg_decoder_logits(ctx, &job->model->decoder, job->head, &rows);
    if (logits != NULL)
        block_losses(job, first, logits);
    if (ctx->tape != NULL)
        run_tape(ctx);
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void head(const pack_job *job)
{
    int64_t n = job->labels.n_wanted;
    for (int64_t first = 0; first < n && !hg_ctx_failed(job->ctx); first += HEAD_ROWS)
        head_block(job, first, n - first < HEAD_ROWS ? n - first : HEAD_ROWS);
}

/* ---- backward ---- */

/* From the gradient at the output of layer l to that at its input, through activations that were kept. */
static void kept_backward(pack_job *job, int64_t l)
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
static void layer_backward(pack_job *job, int64_t l)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = &tape;
    hg_tensor *y = hg_decoder_layer_forward_rows(ctx, &job->model->decoder, job->plugin,
                                                 rows_of_layer(job, l), l, job->states[l]);
    if (y != NULL) {
        memcpy(y->grad, job->states[l + 1]->grad, hg_tensor_bytes(y));
        run_tape(ctx);
    }
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

/* Tokens: to the rows of the embedding, if it learns. Images: to the gradient of what the projector gave,
 * which the end of an image gets from every sample that does not share it. */
static void backward_run(pack_job *job, const sample_run *run, void *arg)
{
    hg_ctx *ctx = job->ctx;
    const hg_tensor *projected = arg;
    int64_t width = job->states[0]->shape[1];
    const hg_real *dx = job->border[0] + run->row * width;
    if (run->image >= 0 && projected->grad != NULL) {
        hg_real *to = projected->grad + projected_at(job, run, width);
        for (int64_t i = 0; i < run->n * width; i++)
            to[i] += dx[i];
    }
    if (run->image >= 0 || job->embed->grad == NULL)
        return;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = &tape;
    hg_tensor *x = embed_tokens(job, run);
    if (x != NULL) {
        memcpy(x->grad, dx, hg_tensor_bytes(x));
        run_tape(ctx);
    }
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void embed_backward(pack_job *job)
{
    hg_ctx *ctx = job->ctx;
    hg_tape tape = {0};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    ctx->tape = &tape;
    hg_tensor *projected = project_images(job);
    ctx->tape = NULL;
    each_run(job, backward_run, projected);
    ctx->tape = &tape;
    run_tape(ctx);
    ctx->tape = NULL;
    hg_arena_reset(ctx->arena, mark);
}

static void backward(pack_job *job)
{
    int64_t n_layers = job->model->decoder.config.n_layers;
    for (int64_t l = n_layers - 1; l >= 0 && !hg_ctx_failed(job->ctx); l--) {
        hg_ctx_zero(job->ctx, job->states[l]->grad, hg_tensor_count(job->states[l]));
        if (job->layers[l].y != NULL)
            kept_backward(job, l);
        else
            layer_backward(job, l);
        if (job->listener != NULL && !hg_ctx_failed(job->ctx))
            job->listener->layer_done(job->listener->user, l);
    }
    if (!hg_ctx_failed(job->ctx))
        embed_backward(job);
}

/* All passes; then, when that is due, what a layer takes is measured for `kept`. */
static void run_passes(pack_job *job)
{
    hg_ctx *ctx = job->ctx;
    hg_decoder *decoder = &job->model->decoder;
    forward(job);
    if (!hg_ctx_failed(ctx)) {
        const hg_tensor *last = job->states[decoder->config.n_layers];
        if (job->learn)
            hg_ctx_zero(ctx, last->grad, hg_tensor_count(last));
        head(job);
    }
    if (!hg_ctx_failed(ctx) && job->learn)
        backward(job);
    if (!hg_ctx_failed(ctx) && job->learn && job->kept != NULL && hg_kept_layers_wants_measure(job->kept))
        hg_kept_layers_measure(job->kept, ctx, decoder, job->plugin, &job->rows, 0, job->states[0]);
}

static hg_status run_pack(pack_job *job, bool fused, hg_error *err)
{
    hg_ctx *ctx = job->ctx;
    hg_healthgpt *model = job->model;
    hg_task_parts *task = &model->tasks[job->pack->samples[0].task];
    hg_task_parts *words = fused ? &model->tasks[HG_TASK_GENERATION] : task;
    job->embed = &words->embed;
    job->head = &words->head;
    job->plugin = &task->plugin;
    job->projector = &task->plugin.projector;
    job->n = job->pack->begin[job->pack->n];
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    find_labels(job);
    if (job->labels.n_wanted > 0)
        run_passes(job);
    if (job->kept != NULL)
        hg_kept_layers_reset(job->kept);
    hg_arena_reset(ctx->arena, mark);
    return hg_ctx_status(ctx, err);
}

hg_status hg_sample_gradient(hg_ctx *ctx, hg_healthgpt *model, const hg_sample_pack *pack, bool fused,
                             hg_kept_layers *kept, const hg_layer_listener *listener, double *losses,
                             hg_error *err)
{
    pack_job job = {.ctx = ctx,
                    .model = model,
                    .pack = pack,
                    .kept = kept,
                    .listener = listener,
                    .learn = true,
                    .losses = losses};
    return run_pack(&job, fused, err);
}

hg_status hg_sample_loss(hg_ctx *ctx, hg_healthgpt *model, const hg_sample_pack *pack, bool fused,
                         double *losses, hg_error *err)
{
    pack_job job = {.ctx = ctx, .model = model, .pack = pack, .losses = losses};
    return run_pack(&job, fused, err);
}
