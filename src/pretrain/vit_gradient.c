/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_gradient.c: pictures of a step, each a little changed, a few at a time through the model, and a loss
 * for every question and cell that is known of them.
 */
#include "pretrain/vit_job.h"

#include <math.h>
#include <string.h>

#define N_WEIGHTS (HG_VIT_WEIGHT_MAX - HG_VIT_WEIGHT_MIN + 1)

/* ---- one image ---- */

/* What augmentation changes about an image. */
typedef struct vit_change {
    int dx, dy;
    double noise; /* deviation, in units of normalised pixels */
    hg_rng rng;
} vit_change;

static vit_change make_change(const hg_pretrain_settings *s, int64_t step, int64_t item)
{
    vit_change c = {.noise = s->noise, .rng = hg_pretrain_rng(s->seed, step, item)};
    int range = (int)(s->shift * (double)s->size);
    c.dx = (int)(hg_rng_uniform(&c.rng) * (2 * range + 1)) - range;
    c.dy = (int)(hg_rng_uniform(&c.rng) * (2 * range + 1)) - range;
    return c;
}

static int clamp(int x, int side)
{
    return x < 0 ? 0 : x >= side ? side - 1 : x;
}

/* Picture `index` as the encoder takes it into (3, S, S) of `out`; `change` NULL: as it is. `moved` is room
 * for its samples. */
static void put_pixels(const hg_picture_set *set, uint32_t index, vit_change *change, uint8_t *moved,
                       hg_real *out)
{
    int side = set->side;
    size_t n = (size_t)side * (size_t)side;
    const uint8_t *from = set->samples + 3 * n * index;
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            int u = change == NULL ? x : clamp(x + change->dx, side),
                v = change == NULL ? y : clamp(y + change->dy, side);
            memcpy(moved + 3 * (y * side + x), from + 3 * (v * side + u), 3);
        }
    }
    hg_clip_input_normalize(out, moved, &set->how);
    for (size_t i = 0; change != NULL && change->noise > 0 && i < n; i++) {
        float d = (float)(change->noise * hg_rng_normal(&change->rng)); /* grey */
        for (size_t c = 0; c < 3; c++)
            out[c * n + i] += d;
    }
}

/* Room for `n` images as the encoder takes them, (B, 3, S, S), and for the samples of one. */
static hg_tensor *pixels_room(hg_ctx *ctx, int side, int64_t n, uint8_t **moved)
{
    hg_tensor *pixels = hg_ctx_tensor(ctx, 4, (int64_t[]){n, 3, side, side}, false);
    *moved = hg_arena_array(ctx->arena, 3 * (size_t)side * (size_t)side, 1);
    return *moved == NULL ? hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (an image)") : pixels;
}

hg_tensor *hg_vit_pixels(hg_ctx *ctx, const hg_picture_set *set, uint32_t index)
{
    uint8_t *moved;
    hg_tensor *pixels = pixels_room(ctx, set->side, 1, &moved);
    if (pixels != NULL)
        put_pixels(set, index, NULL, moved, hg_tensor_real(pixels));
    return pixels;
}

void hg_vit_cell_targets(const hg_vit_job *job, const hg_vit_image *image, int32_t *targets)
{
    int64_t side = job->s->size / job->s->patch;
    for (int64_t i = 0; i < side * side; i++)
        targets[i] =
            image->cells[i / side * HG_VIT_CELLS / side * HG_VIT_CELLS + i % side * HG_VIT_CELLS / side];
}

/* What a group of images is taught. */
typedef struct vit_losses {
    hg_tensor *all[HG_CLIP_TAPE_IMAGES * HG_VIT_MAX_LABELS + N_WEIGHTS];
    double weights[HG_CLIP_TAPE_IMAGES * HG_VIT_MAX_LABELS + N_WEIGHTS];
    int n;
} vit_losses;

/* The words of all patches of a group; -1 where it is not known. Returns whether any is. */
static bool group_targets(const hg_vit_job *job, const hg_vit_image *const *images, int64_t n, int64_t each,
                          int32_t *targets)
{
    bool known = false;
    for (int64_t i = 0; i < n; i++) {
        if (images[i]->has_cells)
            hg_vit_cell_targets(job, images[i], targets + i * each);
        for (int64_t p = 0; p < each && !images[i]->has_cells; p++)
            targets[i * each + p] = -1;
        known = known || images[i]->has_cells;
    }
    return known && job->labels.n_cell_words >= 2;
}

/* What the patches of a group show: a loss for the words of each weight. */
static void add_cells(hg_ctx *ctx, const hg_vit_job *job, hg_vit_model *m, const hg_vit_image *const *images,
                      int64_t n, hg_tensor *deep, double share, vit_losses *losses)
{
    int64_t each = hg_clip_n_patches(&m->clip);
    int32_t *targets = hg_arena_array(ctx->arena, 2 * (size_t)(n * each), sizeof *targets);
    if (targets == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (the labels of patches)");
        return;
    }
    int32_t *some = targets + n * each;
    if (!group_targets(job, images, n, each, targets))
        return;
    hg_tensor *scores = hg_vit_cell_scores(ctx, m, deep);
    for (int weight = HG_VIT_WEIGHT_MIN; weight <= HG_VIT_WEIGHT_MAX && !hg_ctx_failed(ctx); weight++) {
        bool any = false;
        for (int64_t i = 0; i < n * each; i++) {
            bool own = targets[i] >= 0 && job->cell_weights[targets[i]] == weight;
            some[i] = own ? targets[i] : -1;
            any = any || own;
        }
        if (!any)
            continue;
        losses->all[losses->n] = hg_op_cross_entropy(ctx, scores, some);
        losses->weights[losses->n++] = ldexp(share, weight);
    }
}

/* The questions that one image answers, from its scores (1, classes). */
static void add_questions(hg_ctx *ctx, const hg_vit_job *job, const hg_vit_image *image,
                          const hg_tensor *scores, double share, vit_losses *losses)
{
    double sum = 0;
    for (int32_t k = 0; k < image->n; k++)
        sum += (double)image->labels[k].weight;
    for (int32_t k = 0; k < image->n && !hg_ctx_failed(ctx); k++) {
        const hg_vit_question *q = &job->labels.questions[image->labels[k].question];
        hg_tensor *part = hg_ctx_view(ctx, hg_tensor_view_columns(scores, q->first, q->n));
        losses->all[losses->n] = hg_op_cross_entropy(ctx, part, &image->labels[k].answer);
        losses->weights[losses->n++] = share * (double)image->labels[k].weight / sum;
    }
}

static void group_gradient(const hg_vit_job *job, hg_pretrain_shard *shard, const hg_pretrain_items *items,
                           int64_t begin, int64_t n)
{
    hg_ctx *ctx = &shard->ctx;
    hg_vit_model *m = shard->model;
    const hg_vit_image *images[HG_CLIP_TAPE_IMAGES];
    vit_losses losses = {.n = 0};
    uint8_t *moved;
    size_t image_size = 3 * (size_t)job->s->size * (size_t)job->s->size;
    hg_tensor *pixels = pixels_room(ctx, (int)job->s->size, n, &moved);
    for (int64_t i = 0; i < n && pixels != NULL; i++) {
        uint32_t index = job->labelled[job->split.train[items->items[begin + i]]];
        vit_change change = make_change(job->s, items->step, items->first + begin + i);
        images[i] = &job->labels.images[index];
        put_pixels(&job->pictures, index, &change, moved, hg_tensor_real(pixels) + (size_t)i * image_size);
    }
    hg_tensor *deep = hg_vit_deep(ctx, m, pixels);
    const hg_tensor *scores = hg_vit_scores(ctx, m, deep);
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        hg_tensor own = hg_tensor_view_rows(scores, i, 1);
        add_questions(ctx, job, images[i], &own, 1 / (double)items->batch, &losses);
    }
    if (hg_ctx_failed(ctx))
        return;
    add_cells(ctx, job, m, images, n, deep, 1 / ((double)items->batch * (double)hg_clip_n_patches(&m->clip)),
              &losses);
    hg_pretrain_backward(shard, losses.all, losses.weights, losses.n);
}

void hg_vit_gradient(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items)
{
    for (int64_t i = 0; i < items->n && !hg_ctx_failed(&shard->ctx); i += HG_CLIP_TAPE_IMAGES) {
        int64_t left = items->n - i;
        group_gradient(user, shard, items, i, left < HG_CLIP_TAPE_IMAGES ? left : HG_CLIP_TAPE_IMAGES);
    }
}
