/* SPDX-License-Identifier: Apache-2.0
 *
 * vit_model.c: CLIP's encoder, one head over the mean of the patches' deep features, and one over each patch.
 */
#include "pretrain/vit_job.h"

#include <math.h>
#include <string.h>

#define DEVIATION 0.02
#define POST_NORM "vision_model.post_layernorm"

hg_status hg_vit_make_config(const hg_pretrain_settings *s, hg_clip_config *c, hg_error *err)
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

hg_status hg_vit_load(void *user, void *model, const hg_tensor_set *set, hg_arena *arena, hg_error *err)
{
    const hg_vit_job *job = user;
    hg_vit_model *m = model;
    int64_t width = job->config.hidden, n = job->labels.n_classes;
    hg_status status = hg_clip_load(&m->clip, &job->config, set, arena, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, POST_NORM ".weight", 1, &width, &m->norm_gain, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, POST_NORM ".bias", 1, &width, &m->norm_bias, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, HG_BANK_STATE "head.weight", 2, (int64_t[]){n, width}, &m->head, err);
    if (status == HG_STATUS_OK)
        status = hg_weight_take(set, HG_BANK_STATE "head.bias", 1, &n, &m->head_bias, err);
    n = job->labels.n_cell_words;
    if (status != HG_STATUS_OK || n < 2)
        return status;
    status = hg_weight_take(set, HG_BANK_STATE "cells.weight", 2, (int64_t[]){n, width}, &m->cells, err);
    return status == HG_STATUS_OK
               ? hg_weight_take(set, HG_BANK_STATE "cells.bias", 1, &n, &m->cells_bias, err)
               : status;
}

hg_bank_group hg_vit_init(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng)
{
    const hg_vit_job *job = user;
    bool fixed = strstr(name, job->last_layer) != NULL;
    bool norm = strstr(name, "norm") != NULL || strstr(name, "layrnorm") != NULL;
    if (tensor->n_dims == 1 && hg_bank_name_ends(name, ".bias"))
        return fixed ? HG_BANK_GROUP_FIXED : HG_BANK_GROUP_VECTOR;
    if (norm)
        hg_bank_fill(tensor, 1);
    else if (hg_bank_name_ends(name, "patch_embedding.weight"))
        hg_bank_fill_normal(tensor, 1 / sqrt(3 * (double)(job->s->patch * job->s->patch)), rng);
    else
        hg_bank_fill_normal(tensor, DEVIATION, rng);
    bool row = tensor->n_dims == 1 || strstr(name, "_embedding") != NULL;
    return fixed ? HG_BANK_GROUP_FIXED : row ? HG_BANK_GROUP_VECTOR : HG_BANK_GROUP_MATRIX;
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

hg_tensor *hg_vit_scores(hg_ctx *ctx, hg_vit_model *m, hg_tensor *deep)
{
    hg_tensor *x = mean_of_rows(ctx, deep, hg_clip_n_patches(&m->clip));
    x = hg_op_layernorm(ctx, x, &m->norm_gain, &m->norm_bias, (hg_real)m->clip.config.eps);
    return hg_op_linear(ctx, x, &m->head, &m->head_bias);
}

hg_tensor *hg_vit_deep(hg_ctx *ctx, hg_vit_model *m, hg_tensor *pixels)
{
    return hg_clip_forward(ctx, &m->clip, pixels, m->clip.config.n_layers - 1);
}

hg_tensor *hg_vit_cell_scores(hg_ctx *ctx, hg_vit_model *m, hg_tensor *deep)
{
    hg_tensor *x = hg_op_layernorm(ctx, deep, &m->norm_gain, &m->norm_bias, (hg_real)m->clip.config.eps);
    return hg_op_linear(ctx, x, &m->cells, &m->cells_bias);
}
