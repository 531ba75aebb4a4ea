/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_stage.c: the image encoder learns to answer, from the mean of its patches' deep features, every
 * question of vit_labels.h. Deep is where comprehension reads: the last layer but one. The last layer is
 * there because the layout has it; nothing reads it, and it stays as it was begun.
 */
#include "pretrain/vit_stage.h"

#include "base/memory.h"
#include "model/clip.h"
#include "pretrain/stage_files.h"
#include "pretrain/vit_facts.h"
#include "pretrain/vit_labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEVIATION 0.02
/* Rare words of cells weigh up to 2^5 times as much, common ones down to 2^-2. */
#define WEIGHT_MIN (-2)
#define WEIGHT_MAX 5
#define N_WEIGHTS (WEIGHT_MAX - WEIGHT_MIN + 1)
#define POST_NORM "vision_model.post_layernorm"

typedef struct vit_stage {
    const hg_pretrain_settings *s;
    const hg_train_listener *listener;
    hg_clip_config config;
    hg_picture_set pictures, others; /* to train on; of the validation file */
    hg_vit_labels labels, other_labels;
    uint32_t *labelled; /* pictures that have a label */
    int64_t n_labelled;
    hg_split split; /* of `labelled` */
    char last_layer[64];
    int8_t cell_weights[HG_VIT_MAX_CELL_WORDS]; /* powers of 2 */
} vit_stage;

typedef struct vit_model {
    hg_clip clip;
    hg_tensor norm_gain, norm_bias, head, head_bias;
    hg_tensor cells, cells_bias; /* classifies what a patch shows; not there without such labels */
} vit_model;

static hg_status make_config(const hg_pretrain_settings *s, hg_clip_config *c, hg_error *err)
{
    if (s->hidden % s->heads != 0 || s->size % s->patch != 0 || s->layers < 2)
        return hg_error_set(
            err, HG_STATUS_USAGE,
            "size %lld, patch %lld, hidden %lld, heads %lld, layers %lld: patch must divide size, "
            "heads divide hidden, and layers be at least 2",
            (long long)s->size, (long long)s->patch, (long long)s->hidden, (long long)s->heads,
            (long long)s->layers);
    *c = (hg_clip_config){.hidden = s->hidden,
                          .n_layers = s->layers,
                          .n_heads = s->heads,
                          .mlp = s->ffn > 0 ? s->ffn : 4 * s->hidden,
                          .image_size = s->size,
                          .patch = s->patch,
                          .eps = 1e-5F,
                          .activation = HG_CLIP_QUICK_GELU};
    return HG_STATUS_OK;
}

/* ---- the model ---- */

static hg_status vit_load(void *user, void *model, const hg_tensor_set *set, hg_arena *arena, hg_error *err)
{
    const vit_stage *stage = user;
    vit_model *m = model;
    int64_t width = stage->config.hidden, n = stage->labels.n_classes;
    hg_status status = hg_clip_load(&m->clip, &stage->config, set, arena, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, POST_NORM ".weight", 1, &width, &m->norm_gain, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, POST_NORM ".bias", 1, &width, &m->norm_bias, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, HG_BANK_STATE "head.weight", 2, (int64_t[]){n, width}, &m->head, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, HG_BANK_STATE "head.bias", 1, &n, &m->head_bias, err);
    n = stage->labels.n_cell_words;
    if (status != HG_STATUS_OK || n < 2)
        return status;
    status = hg_weight_take(set, HG_BANK_STATE "cells.weight", 2, (int64_t[]){n, width}, &m->cells, err);
    return status == HG_STATUS_OK
               ? hg_weight_take(set, HG_BANK_STATE "cells.bias", 1, &n, &m->cells_bias, err)
               : status;
}

static hg_bank_group vit_init(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng)
{
    const vit_stage *stage = user;
    bool fixed = strstr(name, stage->last_layer) != NULL;
    bool norm = strstr(name, "norm") != NULL || strstr(name, "layrnorm") != NULL;
    if (tensor->n_dims == 1 && hg_bank_name_ends(name, ".bias"))
        return fixed ? HG_BANK_GROUP_FIXED : HG_BANK_GROUP_VECTOR;
    if (norm)
        hg_bank_fill(tensor, 1);
    else if (hg_bank_name_ends(name, "patch_embedding.weight"))
        hg_bank_fill_normal(tensor, 1 / sqrt(3 * (double)(stage->s->patch * stage->s->patch)), rng);
    else
        hg_bank_fill_normal(tensor, DEVIATION, rng);
    bool row = tensor->n_dims == 1 || strstr(name, "_embedding") != NULL;
    return fixed ? HG_BANK_GROUP_FIXED : row ? HG_BANK_GROUP_VECTOR : HG_BANK_GROUP_MATRIX;
}

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

static hg_tensor *take_pixels(hg_ctx *ctx, const hg_picture_set *set, uint32_t index)
{
    uint8_t *moved;
    hg_tensor *pixels = pixels_room(ctx, set->side, 1, &moved);
    if (pixels != NULL)
        put_pixels(set, index, NULL, moved, hg_tensor_real(pixels));
    return pixels;
}

/* (B, C): the mean of each image's rows of (B · T, C), by a product with rows of 1 / T. */
static hg_tensor *mean_of_rows(hg_ctx *ctx, hg_tensor *rows, int64_t each)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t n = rows->shape[0], images = n / each;
    hg_tensor *weights = hg_ctx_tensor(ctx, 2, (int64_t[]){images, n}, false);
    if (weights == NULL)
        return NULL;
    for (int64_t i = 0; i < images * n; i++)
        hg_tensor_real(weights)[i] = i % n / each == i / n ? (hg_real)(1 / (double)each) : 0;
    return hg_op_linear(ctx, weights, hg_op_transpose(ctx, rows), NULL);
}

/* Scores of all classes (B, classes), from the patches' features. */
static hg_tensor *scores_of(hg_ctx *ctx, vit_model *m, hg_tensor *deep)
{
    hg_tensor *x = mean_of_rows(ctx, deep, hg_clip_n_patches(&m->clip));
    x = hg_op_layernorm(ctx, x, &m->norm_gain, &m->norm_bias, (hg_real)m->clip.config.eps);
    return hg_op_linear(ctx, x, &m->head, &m->head_bias);
}

static hg_tensor *deep_of(hg_ctx *ctx, vit_model *m, hg_tensor *pixels)
{
    return hg_clip_forward(ctx, &m->clip, pixels, m->clip.config.n_layers - 1);
}

/* The word of each patch's cell. `targets`: room for a number a patch. */
static void cell_targets(const vit_stage *stage, const hg_vit_image *image, int32_t *targets)
{
    int64_t side = stage->s->size / stage->s->patch;
    for (int64_t i = 0; i < side * side; i++)
        targets[i] =
            image->cells[i / side * HG_VIT_CELLS / side * HG_VIT_CELLS + i % side * HG_VIT_CELLS / side];
}

/* Scores of the words for each patch (patches, words). */
static hg_tensor *cell_scores(hg_ctx *ctx, vit_model *m, hg_tensor *deep)
{
    hg_tensor *x = hg_op_layernorm(ctx, deep, &m->norm_gain, &m->norm_bias, (hg_real)m->clip.config.eps);
    return hg_op_linear(ctx, x, &m->cells, &m->cells_bias);
}

/* What a group of images is taught. */
typedef struct vit_losses {
    hg_tensor *all[HG_CLIP_TAPE_IMAGES * HG_VIT_MAX_LABELS + N_WEIGHTS];
    double weights[HG_CLIP_TAPE_IMAGES * HG_VIT_MAX_LABELS + N_WEIGHTS];
    int n;
} vit_losses;

/* The words of all patches of a group; -1 where it is not known. Returns whether any is. */
static bool group_targets(const vit_stage *stage, const hg_vit_image *const *images, int64_t n, int64_t each,
                          int32_t *targets)
{
    bool known = false;
    for (int64_t i = 0; i < n; i++) {
        if (images[i]->has_cells)
            cell_targets(stage, images[i], targets + i * each);
        for (int64_t p = 0; p < each && !images[i]->has_cells; p++)
            targets[i * each + p] = -1;
        known = known || images[i]->has_cells;
    }
    return known && stage->labels.n_cell_words >= 2;
}

/* What the patches of a group show: a loss for the words of each weight. */
static void add_cells(hg_ctx *ctx, const vit_stage *stage, vit_model *m, const hg_vit_image *const *images,
                      int64_t n, hg_tensor *deep, double share, vit_losses *losses)
{
    int64_t each = hg_clip_n_patches(&m->clip);
    int32_t *targets = hg_arena_array(ctx->arena, 2 * (size_t)(n * each), sizeof *targets);
    if (targets == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (the labels of patches)");
        return;
    }
    int32_t *some = targets + n * each;
    if (!group_targets(stage, images, n, each, targets))
        return;
    hg_tensor *scores = cell_scores(ctx, m, deep);
    for (int weight = WEIGHT_MIN; weight <= WEIGHT_MAX && !hg_ctx_failed(ctx); weight++) {
        bool any = false;
        for (int64_t i = 0; i < n * each; i++) {
            bool own = targets[i] >= 0 && stage->cell_weights[targets[i]] == weight;
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
static void add_questions(hg_ctx *ctx, const vit_stage *stage, const hg_vit_image *image,
                          const hg_tensor *scores, double share, vit_losses *losses)
{
    double sum = 0;
    for (int32_t k = 0; k < image->n; k++)
        sum += (double)image->labels[k].weight;
    for (int32_t k = 0; k < image->n && !hg_ctx_failed(ctx); k++) {
        const hg_vit_question *q = &stage->labels.questions[image->labels[k].question];
        hg_tensor *part = hg_ctx_view(ctx, hg_tensor_view_columns(scores, q->first, q->n));
        losses->all[losses->n] = hg_op_cross_entropy(ctx, part, &image->labels[k].answer);
        losses->weights[losses->n++] = share * (double)image->labels[k].weight / sum;
    }
}

static void group_gradient(const vit_stage *stage, hg_pretrain_shard *shard, const hg_pretrain_items *items,
                           int64_t begin, int64_t n)
{
    hg_ctx *ctx = &shard->ctx;
    vit_model *m = shard->model;
    const hg_vit_image *images[HG_CLIP_TAPE_IMAGES];
    vit_losses losses = {.n = 0};
    uint8_t *moved;
    size_t image_size = 3 * (size_t)stage->s->size * (size_t)stage->s->size;
    hg_tensor *pixels = pixels_room(ctx, (int)stage->s->size, n, &moved);
    for (int64_t i = 0; i < n && pixels != NULL; i++) {
        uint32_t index = stage->labelled[stage->split.train[items->items[begin + i]]];
        vit_change change = make_change(stage->s, items->step, items->first + begin + i);
        images[i] = &stage->labels.images[index];
        put_pixels(&stage->pictures, index, &change, moved, hg_tensor_real(pixels) + (size_t)i * image_size);
    }
    hg_tensor *deep = deep_of(ctx, m, pixels);
    const hg_tensor *scores = scores_of(ctx, m, deep);
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        hg_tensor own = hg_tensor_view_rows(scores, i, 1);
        add_questions(ctx, stage, images[i], &own, 1 / (double)items->batch, &losses);
    }
    if (hg_ctx_failed(ctx))
        return;
    add_cells(ctx, stage, m, images, n, deep,
              1 / ((double)items->batch * (double)hg_clip_n_patches(&m->clip)), &losses);
    hg_pretrain_backward(shard, losses.all, losses.weights, losses.n);
}

static void vit_gradient(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items)
{
    for (int64_t i = 0; i < items->n && !hg_ctx_failed(&shard->ctx); i += HG_CLIP_TAPE_IMAGES) {
        int64_t left = items->n - i;
        group_gradient(user, shard, items, i, left < HG_CLIP_TAPE_IMAGES ? left : HG_CLIP_TAPE_IMAGES);
    }
}

/* ---- held back ---- */

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

static void tally_cells(const vit_stage *stage, const hg_vit_image *image, const hg_tensor *scores,
                        int32_t *targets, vit_tally *tally)
{
    cell_targets(stage, image, targets);
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
static void measure_image(hg_ctx *ctx, const vit_stage *stage, vit_model *m, const hg_vit_labels *labels,
                          const hg_vit_image *image, hg_tensor *pixels, vit_tally *tally)
{
    hg_tensor *deep = deep_of(ctx, m, pixels);
    const hg_tensor *scores = scores_of(ctx, m, deep);
    if (scores != NULL)
        tally_image(labels, image, scores, tally);
    if (!image->has_cells || stage->labels.n_cell_words < 2)
        return;
    const hg_tensor *words = cell_scores(ctx, m, deep);
    int32_t *targets = hg_arena_array(ctx->arena, (size_t)hg_clip_n_patches(&m->clip), sizeof *targets);
    if (words != NULL && targets != NULL)
        tally_cells(stage, image, words, targets, tally);
}

static void vit_measure(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result)
{
    const vit_stage *stage = user;
    hg_ctx *ctx = &shard->ctx;
    bool apart = stage->others.n > 0;
    const hg_picture_set *set = apart ? &stage->others : &stage->pictures;
    const hg_vit_labels *labels = apart ? &stage->other_labels : &stage->labels;
    int64_t n = apart ? (int64_t)labels->n_images : stage->split.n_held;
    vit_tally tally = {0};
    for (int64_t i = 0; i < n && !hg_ctx_failed(ctx); i++) {
        uint32_t index = apart ? (uint32_t)i : stage->labelled[stage->split.held[i]];
        measure_image(ctx, stage, shard->model, labels, &labels->images[index], take_pixels(ctx, set, index),
                      &tally);
        hg_arena_reset(ctx->arena, (hg_arena_mark){0});
    }
    double all = tally.n > 0 ? (double)tally.n : 1;
    hg_pretrain_put_measure(result, "accuracy", (double)tally.right / all);
    hg_pretrain_put_measure(result, "commonest_answer", (double)tally.usual / all);
    hg_pretrain_put_measure(result, "questions", stage->labels.n_used);
    hg_pretrain_put_measure(result, "labels", (double)tally.n);
    if (tally.cells > 0)
        hg_pretrain_put_measure(result, "cells_accuracy", (double)tally.cells_right / (double)tally.cells);
}

/* ---- files ---- */

static hg_status vit_write(void *user, const hg_weight_bank *bank, hg_error *err)
{
    const vit_stage *stage = user;
    const hg_clip_config *c = &stage->config;
    char folder[HG_PATH_BYTES];
    hg_buffer text;
    hg_status status = hg_stage_folder(folder, stage->s, "clip", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"model_type\": \"clip\",\n  \"vision_config\": {\"hidden_size\": %lld, "
        "\"intermediate_size\": %lld,\n    \"num_hidden_layers\": %lld, \"num_attention_heads\": "
        "%lld, \"image_size\": %lld, \"patch_size\": %lld,\n    \"hidden_act\": \"quick_gelu\", "
        "\"layer_norm_eps\": 1e-05}\n}\n",
        (long long)c->hidden, (long long)c->mlp, (long long)c->n_layers, (long long)c->n_heads,
        (long long)c->image_size, (long long)c->patch);
    status = hg_stage_write_text(folder, "config.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"crop_size\": %lld,\n  \"do_center_crop\": true,\n  \"do_normalize\": true,\n  "
        "\"do_resize\": true,\n  \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n  "
        "\"image_std\": [0.26862954, 0.26130258, 0.27577711],\n  \"resample\": 3,\n  \"size\": "
        "%lld\n}\n",
        (long long)c->image_size, (long long)c->image_size);
    status = hg_stage_write_text(folder, "preprocessor_config.json", &text, err);
    return status == HG_STATUS_OK ? hg_weight_bank_write(bank, folder, "pytorch_model.bin", HG_BANK_TORCH,
                                                         hg_stage_type(stage->s), err)
                                  : status;
}

/* ---- the run ---- */

static hg_status read_labels(const vit_stage *stage, hg_picture_set *pictures, hg_vit_labels *labels,
                             const char *path, hg_pretrain_plan *plan, hg_pretrain_result *result,
                             hg_error *err)
{
    hg_llava_set *data = NULL;
    const char *images = stage->s->images[0] != 0 ? stage->s->images : NULL;
    const hg_llava_listener reading = hg_stage_reading(stage->listener);
    hg_status status = hg_llava_open(&data, path, images, err);
    if (status == HG_STATUS_OK) {
        plan->fingerprint = plan->fingerprint * 31 + hg_llava_fingerprint(data);
        status = hg_vit_labels_read(labels, pictures, data, &reading, &result->n_bad, err);
    }
    hg_llava_close(data);
    return status;
}

/* The lines of one split of the file of facts, where there is one. */
static hg_status read_facts(const vit_stage *stage, hg_picture_set *pictures, hg_vit_labels *labels,
                            const char *split, hg_pretrain_plan *plan, hg_pretrain_result *result,
                            hg_error *err)
{
    hg_llava_set *facts = NULL;
    const hg_llava_listener reading = hg_stage_reading(stage->listener);
    if (stage->s->facts[0] == 0)
        return HG_STATUS_OK;
    hg_status status = hg_llava_open(&facts, stage->s->facts, NULL, err);
    if (status == HG_STATUS_OK) {
        plan->fingerprint = plan->fingerprint * 31 + hg_llava_fingerprint(facts);
        status = hg_vit_facts_read(labels, pictures, facts, split, &reading, &result->n_bad, err);
    }
    hg_llava_close(facts);
    return status;
}

/* A word's weight is its share of all cells to the power of -balance, such that the mean over cells is 1,
 * then the nearest power of 2: what is rare and small (a lesion) would be drowned by air and organs. */
static void weigh_cells(vit_stage *stage)
{
    const hg_vit_labels *labels = &stage->labels;
    double all = 0, mean = 0;
    for (int32_t i = 0; i < labels->n_cell_words; i++)
        all += (double)labels->cell_counts[i];
    for (int32_t i = 0; i < labels->n_cell_words; i++) {
        double share = (double)labels->cell_counts[i] / all;
        mean += pow(share, 1 - stage->s->balance);
    }
    for (int32_t i = 0; i < labels->n_cell_words; i++) {
        double share = (double)labels->cell_counts[i] / all;
        double weight = nearbyint(log2(pow(share, -stage->s->balance) / mean));
        stage->cell_weights[i] = (int8_t)fmin(fmax(weight, WEIGHT_MIN), WEIGHT_MAX);
    }
}

static hg_status list_labelled(vit_stage *stage, hg_error *err)
{
    stage->labelled = hg_mem_array(stage->labels.n_images + 1, sizeof *stage->labelled);
    if (stage->labelled == NULL)
        return hg_error_memory(err, stage->labels.n_images * sizeof *stage->labelled, "a list of images");
    for (size_t i = 0; i < stage->labels.n_images; i++) {
        if (stage->labels.images[i].n > 0)
            stage->labelled[stage->n_labelled++] = (uint32_t)i;
    }
    if (stage->n_labelled > 0)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "%s: no question with a few short answers has been asked of several images",
                        stage->s->data);
}

static hg_status vit_open(vit_stage *stage, hg_pretrain_plan *plan, hg_pretrain_result *result, hg_error *err)
{
    const hg_pretrain_settings *s = stage->s;
    hg_status status = make_config(s, &stage->config, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_picture_set_init(&stage->pictures, (int)s->size, true);
    hg_picture_set_init(&stage->others, (int)s->size, true);
    snprintf(stage->last_layer, sizeof stage->last_layer, "encoder.layers.%lld.", (long long)s->layers - 1);
    status = read_labels(stage, &stage->pictures, &stage->labels, s->data, plan, result, err);
    if (status == HG_STATUS_OK)
        status = read_facts(stage, &stage->pictures, &stage->labels, "train", plan, result, err);
    if (status == HG_STATUS_OK) {
        hg_vit_labels_choose(&stage->labels);
        weigh_cells(stage);
        status = list_labelled(stage, err);
    }
    if (status == HG_STATUS_OK && s->validation[0] != 0) {
        stage->other_labels = hg_vit_labels_same(&stage->labels);
        status = read_labels(stage, &stage->others, &stage->other_labels, s->validation, plan, result, err);
        if (status == HG_STATUS_OK)
            status = read_facts(stage, &stage->others, &stage->other_labels, "val", plan, result, err);
    }
    if (status == HG_STATUS_OK)
        status = hg_split_init(&stage->split, stage->n_labelled, stage->others.n > 0 ? 0 : s->holdout, err);
    plan->n_items = stage->split.n_train;
    return status;
}

hg_status hg_vit_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                           hg_pretrain_result *result, hg_error *err)
{
    vit_stage stage = {.s = settings, .listener = listener};
    hg_pretrain_plan plan = {.user = &stage,
                             .model_bytes = sizeof(vit_model),
                             .units_each = 1,
                             .init = vit_init,
                             .load = vit_load,
                             .gradient = vit_gradient,
                             .measure = vit_measure,
                             .write = vit_write};
    hg_status status = vit_open(&stage, &plan, result, err);
    if (status == HG_STATUS_OK)
        status = hg_pretrain_loop_run(&plan, settings, listener, result, err);
    hg_split_deinit(&stage.split);
    hg_mem_free(stage.labelled);
    hg_vit_labels_deinit(&stage.other_labels);
    hg_vit_labels_deinit(&stage.labels);
    hg_picture_set_deinit(&stage.pictures);
    hg_picture_set_deinit(&stage.others);
    return status;
}
