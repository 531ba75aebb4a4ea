/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_measure.c: what the model says of pictures that are held back, beside what is true and what would be
 * right most often.
 */
#include "pretrain/vit_job.h"

typedef struct vit_tally {
    int64_t n, right, usual; /* labels; answered right; right by always giving the commonest answer */
    int64_t cells, cells_right;
} vit_tally;

static void tally_image(const hg_vit_labels *labels, const hg_vit_image *image, const hg_tensor *scores,
                        vit_tally *tally)
{
    for (int32_t k = 0; k < image->n; k++) {
        const hg_vit_question *q = &labels->questions[image->labels[k].question];
        const float *row = hg_tensor_real(scores) + (q->first < 0 ? 0 : q->first);
        int32_t best = 0, usual = 0;
        if (q->first < 0)
            continue;
        for (int32_t a = 1; a < q->n; a++) {
            best = row[a] > row[best] ? a : best;
            usual = q->counts[a] > q->counts[usual] ? a : usual;
        }
        tally->n++;
        tally->right += best == image->labels[k].answer;
        tally->usual += usual == image->labels[k].answer;
    }
}

static void tally_cells(const hg_vit_job *job, const hg_vit_image *image, const hg_tensor *scores,
                        int32_t *targets, vit_tally *tally)
{
    hg_vit_cell_targets(job, image, targets);
    for (int64_t i = 0; i < scores->shape[0]; i++) {
        const float *row = hg_tensor_real(scores) + i * scores->shape[1];
        int32_t best = 0;
        for (int32_t a = 1; a < scores->shape[1]; a++)
            best = row[a] > row[best] ? a : best;
        tally->cells += targets[i] >= 0;
        tally->cells_right += best == targets[i];
    }
}

/* Adds what the model says of one image. */
static void measure_image(hg_ctx *ctx, const hg_vit_job *job, hg_vit_model *m, const hg_vit_labels *labels,
                          const hg_vit_image *image, hg_tensor *pixels, vit_tally *tally)
{
    hg_tensor *deep = hg_vit_deep(ctx, m, pixels);
    const hg_tensor *scores = hg_vit_scores(ctx, m, deep);
    if (scores != NULL)
        tally_image(labels, image, scores, tally);
    if (!image->has_cells || job->labels.n_cell_words < 2)
        return;
    const hg_tensor *words = hg_vit_cell_scores(ctx, m, deep);
    int32_t *targets = hg_arena_array(ctx->arena, (size_t)hg_clip_n_patches(&m->clip), sizeof *targets);
    if (words != NULL && targets != NULL)
        tally_cells(job, image, words, targets, tally);
}

void hg_vit_measure(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result)
{
    const hg_vit_job *job = user;
    hg_ctx *ctx = &shard->ctx;
    bool apart = job->others.n > 0;
    const hg_picture_set *set = apart ? &job->others : &job->pictures;
    const hg_vit_labels *labels = apart ? &job->other_labels : &job->labels;
    int64_t n = apart ? (int64_t)labels->n_images : job->split.n_held;
    vit_tally tally = {0};
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        uint32_t index = apart ? (uint32_t)i : job->labelled[job->split.held[i]];
        measure_image(ctx, job, shard->model, labels, &labels->images[index], hg_vit_pixels(ctx, set, index),
                      &tally);
        hg_arena_reset(ctx->arena, (hg_arena_mark){0});
    }
    double all = tally.n > 0 ? (double)tally.n : 1;
    hg_pretrain_put_measure(result, "accuracy", (double)tally.right / all);
    hg_pretrain_put_measure(result, "commonest_answer", (double)tally.usual / all);
    hg_pretrain_put_measure(result, "questions", job->labels.n_used);
    hg_pretrain_put_measure(result, "labels", (double)tally.n);
    if (tally.cells > 0)
        hg_pretrain_put_measure(result, "cells_accuracy", (double)tally.cells_right / (double)tally.cells);
}
