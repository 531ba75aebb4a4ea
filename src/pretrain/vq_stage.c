/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_stage.c: a picture through encoder, quantiser and decoder, and how far it is from itself.
 */
#include "pretrain/vq_stage.h"

#include "base/memory.h"
#include "eval/image_metrics.h"
#include "pretrain/picture_set.h"
#include "pretrain/stage_files.h"
#include "pretrain/vq_quantiser.h"

#include <math.h>
#include <string.h>

/* Pictures at most that scores are taken of, evenly over the set: each goes both ways. */
#define MEASURED 256

/* Pictures that go through the operations together: large enough for the fixed cost of each, small enough for
 * caches. */
#define TOGETHER 2

typedef struct vq_stage {
    const hg_pretrain_settings *s;
    const hg_train_listener *listener;
    hg_vqgan_config config;
    hg_picture_set pictures, validation;
    hg_split split; /* of `pictures`, where there is no validation file */
    hg_vq_quantiser quantiser;
    int64_t n_steps, n_codes; /* codes of a picture */
} vq_stage;

static hg_status make_config(const hg_pretrain_settings *s, hg_vqgan_config *c, hg_error *err)
{
    *c = (hg_vqgan_config){.embed_dim = s->code_dim,
                           .n_embed = s->codes,
                           .resolution = s->size,
                           .in_channels = 3,
                           .out_ch = 3,
                           .ch = s->channels,
                           .n_res_blocks = s->blocks,
                           .n_groups = s->groups};
    c->n_levels = hg_pretrain_list(s->multipliers, c->ch_mult, HG_CONFIG_MAX_LEVELS);
    c->n_attn_resolutions = hg_pretrain_list(s->attention, c->attn_resolutions, HG_CONFIG_MAX_LEVELS);
    if (c->n_levels < 1 || c->n_attn_resolutions < 0)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "multipliers '%s' or attention '%s' are no lists of numbers with commas",
                            s->multipliers, s->attention);
    int64_t widest = s->channels * c->ch_mult[c->n_levels - 1];
    c->z_channels = s->z_channels > 0 ? s->z_channels : widest / 2 > 0 ? widest / 2 : 1;
    hg_status status = hg_vqgan_config_check(c, "pretrain-vq", err);
    if (status != HG_STATUS_OK)
        err->code = HG_STATUS_USAGE;
    return status == HG_STATUS_OK ? HG_STATUS_OK : HG_STATUS_USAGE;
}

/* ---- the model ---- */

typedef struct vq_model {
    hg_vqgan vq;
    hg_tensor usage;
} vq_model;

static hg_status vq_load(void *user, void *model, const hg_tensor_set *set, hg_arena *arena, hg_error *err)
{
    const vq_stage *stage = user;
    vq_model *m = model;
    hg_status status = hg_vqgan_load(&m->vq, &stage->config, set, arena, err);
    return status == HG_STATUS_OK
               ? hg_weight_take(set, HG_VQ_USAGE, 1, &stage->config.n_embed, &m->usage, err)
               : status;
}

/* Convolutions as PyTorch begins them, without biases. */
static hg_bank_group vq_init(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng)
{
    const vq_stage *stage = user;
    bool cosine = stage->s->quantiser == HG_PRETRAIN_COSINE,
         is_proj = strncmp(name, "quantize.proj.", 14) == 0;
    if (strcmp(name, HG_VQ_USAGE) == 0)
        return HG_BANK_GROUP_FIXED;
    if (strcmp(name, HG_VQ_EMBED) == 0) {
        hg_bank_fill_normal(tensor, 1, rng);
        return HG_BANK_GROUP_VECTOR;
    }
    if (cosine && is_proj)
        return HG_BANK_GROUP_FIXED; /* follows the codes */
    if (tensor->n_dims == 1) {
        if (strstr(name, "norm") != NULL && hg_bank_name_ends(name, ".weight"))
            hg_bank_fill(tensor, 1);
        return HG_BANK_GROUP_VECTOR;
    }
    double fan_in = (double)hg_tensor_count(tensor) / (double)tensor->shape[0];
    hg_bank_fill_uniform(tensor, 1 / sqrt(fan_in), rng);
    return HG_BANK_GROUP_MATRIX;
}

/* ---- a step ---- */

/* Some pictures (n, 3, R, R), or (3, R, R). */
static hg_tensor *take_pictures(const vq_stage *stage, hg_ctx *ctx, const hg_pretrain_items *items,
                                int64_t at, int64_t n)
{
    int64_t side = stage->s->size, shape[4] = {n, 3, side, side};
    hg_tensor *x = hg_ctx_tensor(ctx, n > 1 ? 4 : 3, n > 1 ? shape : shape + 1, false);
    for (int64_t i = 0; x != NULL && i < n; i++) {
        hg_rng rng = hg_pretrain_rng(stage->s->seed, items->step, items->first + at + i);
        bool mirrored = stage->s->flip != 0 && hg_rng_uniform(&rng) < 0.5;
        hg_picture_set_get(&stage->pictures, stage->split.train[items->items[at + i]], mirrored,
                           hg_tensor_real(x) + i * 3 * side * side);
    }
    return x;
}

static void vq_gradient(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items)
{
    vq_stage *stage = user;
    vq_model *m = shard->model;
    hg_ctx *ctx = &shard->ctx;
    const hg_pretrain_settings *s = stage->s;
    double each = 1 / ((double)items->batch * 3 * (double)s->size * (double)s->size);
    hg_picture_loss how = {(hg_real)(s->l1 * each), (hg_real)(s->l2 * each), (hg_real)(s->edge * each)};
    for (int64_t at = 0; at < items->n && !hg_ctx_failed(ctx); at += TOGETHER) {
        int64_t n = items->n - at < TOGETHER ? items->n - at : TOGETHER;
        hg_tensor *losses[3] = {NULL};
        int n_losses = 1;
        hg_tensor *x = take_pictures(stage, ctx, items, at, n);
        hg_tensor *rows = hg_vqgan_latent(ctx, &m->vq, x);
        rows = hg_vq_quantise(&stage->quantiser, shard, &m->vq, rows, (items->first + at) * stage->n_codes,
                              items->step, stage->n_steps, losses, &n_losses);
        losses[0] = hg_op_picture_loss(ctx, hg_vqgan_draw(ctx, &m->vq, rows), x, &how);
        hg_pretrain_backward(shard, losses, NULL, n_losses);
    }
}

static hg_status vq_after_step(void *user, hg_pretrain_loop *loop, int64_t step, hg_error *err)
{
    (void)err;
    vq_stage *stage = user;
    hg_vq_quantiser_step(&stage->quantiser, loop, step);
    return HG_STATUS_OK;
}

/* ---- held back ---- */

/* The mean of the colours, 0..255, of a picture (3, n) in -1..1. */
static void grey(const float *picture, int64_t n, double *out)
{
    for (int64_t i = 0; i < n; i++) {
        float sum = 0;
        for (int64_t c = 0; c < 3; c++) {
            float v = picture[c * n + i];
            sum += v < -1 ? -1 : v > 1 ? 1 : v;
        }
        out[i] = (double)((sum / 3 + 1) * 127.5F);
    }
}

/* One picture to codes and back, as the engine does it. */
static void measure_one(const vq_stage *stage, hg_ctx *ctx, hg_vqgan *vq, const hg_picture_set *set,
                        uint32_t index, double *ssim, double *psnr)
{
    int64_t side = stage->s->size, n = side * side;
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *x = hg_ctx_tensor(ctx, 3, (int64_t[]){3, side, side}, false);
    int32_t *codes = hg_arena_array(ctx->arena, (size_t)stage->n_codes, sizeof *codes);
    double *a = hg_arena_array(ctx->arena, (size_t)n, sizeof *a),
           *b = hg_arena_array(ctx->arena, (size_t)n, sizeof *b);
    if (codes == NULL || a == NULL || b == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (measuring a picture)");
    if (hg_ctx_failed(ctx))
        return;
    hg_picture_set_get(set, index, false, hg_tensor_real(x));
    const hg_tensor *y = hg_vqgan_encode(ctx, vq, x, codes) ? hg_vqgan_decode(ctx, vq, codes) : NULL;
    if (y == NULL)
        return;
    grey(hg_tensor_real(x), n, a);
    grey(hg_tensor_real(y), n, b);
    hg_image_scores scores;
    hg_error small = {HG_STATUS_OK, ""}; /* a picture smaller than the window has no SSIM */
    if (hg_metrics_compute(&scores, a, b, NULL, (int)side, (int)side, 1, 255, HG_SSIM_WINDOW_GAUSSIAN,
                           &small) == HG_STATUS_OK) {
        *ssim += scores.ssim;
        *psnr += scores.psnr < 100 ? scores.psnr : 100; /* of equal pictures it is infinite */
    }
    hg_arena_reset(ctx->arena, mark);
}

static void vq_measure(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result)
{
    vq_stage *stage = user;
    vq_model *m = shard->model;
    bool apart = stage->validation.n > 0;
    const hg_picture_set *set = apart ? &stage->validation : &stage->pictures;
    int64_t all = apart ? (int64_t)set->n : stage->split.n_held, n = all < MEASURED ? all : MEASURED;
    double ssim = 0, psnr = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i * all / n;
        measure_one(stage, &shard->ctx, &m->vq, set, apart ? (uint32_t)k : stage->split.held[k], &ssim,
                    &psnr);
    }
    hg_pretrain_put_measure(result, "ssim", ssim / (double)n);
    hg_pretrain_put_measure(result, "psnr", psnr / (double)n);
    hg_pretrain_put_measure(result, "codes_used", (double)stage->quantiser.n_used);
    hg_pretrain_put_measure(result, "perplexity", stage->quantiser.perplexity);
}

/* ---- files ---- */

static hg_status write_config(const vq_stage *stage, const char *folder, hg_error *err)
{
    const hg_vqgan_config *c = &stage->config;
    hg_buffer text;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "model:\n  target: taming.models.vqgan.GumbelVQ\n  params:\n    embed_dim: %lld\n    n_embed: %lld\n"
        "    ddconfig:\n      double_z: false\n      z_channels: %lld\n      resolution: %lld\n"
        "      in_channels: 3\n      out_ch: 3\n      ch: %lld\n      ch_mult:\n",
        (long long)c->embed_dim, (long long)c->n_embed, (long long)c->z_channels, (long long)c->resolution,
        (long long)c->ch);
    for (int i = 0; i < c->n_levels; i++)
        hg_buffer_push_format(&text, "      - %lld\n", (long long)c->ch_mult[i]);
    hg_buffer_push_format(&text, "      num_res_blocks: %lld\n      attn_resolutions:%s\n",
                          (long long)c->n_res_blocks, c->n_attn_resolutions == 0 ? " []" : "");
    for (int i = 0; i < c->n_attn_resolutions; i++)
        hg_buffer_push_format(&text, "      - %lld\n", (long long)c->attn_resolutions[i]);
    hg_buffer_push_format(&text, "      dropout: 0.0\n      norm_groups: %lld\n", (long long)c->n_groups);
    return hg_stage_write_text(folder, "model.yaml", &text, err);
}

static hg_status vq_write(void *user, const hg_weight_bank *bank, hg_error *err)
{
    const vq_stage *stage = user;
    char folder[HG_PATH_BYTES];
    hg_status status = hg_stage_folder(folder, stage->s, "vqgan", err);
    if (status == HG_STATUS_OK)
        status = write_config(stage, folder, err);
    return status == HG_STATUS_OK
               ? hg_weight_bank_write(bank, folder, "last.ckpt", HG_BANK_TORCH, hg_stage_type(stage->s), err)
               : status;
}

/* ---- the run ---- */

static hg_status open_pictures(vq_stage *stage, hg_picture_set *set, const char *path, hg_pretrain_plan *plan,
                               int64_t *n_bad, hg_error *err)
{
    hg_llava_set *data = NULL;
    const char *images = stage->s->images[0] != 0 ? stage->s->images : NULL;
    const hg_llava_listener reading = hg_stage_reading(stage->listener);
    hg_status status = hg_llava_open(&data, path, images, err);
    if (status == HG_STATUS_OK) {
        plan->fingerprint = plan->fingerprint * 31 + hg_llava_fingerprint(data);
        status = hg_picture_set_add_all(set, data, &reading, n_bad, err);
    }
    if (status == HG_STATUS_OK && set->n == 0)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: no picture can be used", path);
    hg_llava_close(data);
    return status;
}

static hg_status vq_open(vq_stage *stage, hg_pretrain_plan *plan, hg_pretrain_result *result, hg_error *err)
{
    const hg_pretrain_settings *s = stage->s;
    hg_status status = make_config(s, &stage->config, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_picture_set_init(&stage->pictures, (int)s->size, false);
    hg_picture_set_init(&stage->validation, (int)s->size, false);
    status = open_pictures(stage, &stage->pictures, s->data, plan, &result->n_bad, err);
    if (status == HG_STATUS_OK && s->validation[0] != 0)
        status = open_pictures(stage, &stage->validation, s->validation, plan, &result->n_bad, err);
    if (status == HG_STATUS_OK)
        status = hg_split_init(&stage->split, (int64_t)stage->pictures.n,
                               stage->validation.n > 0 ? 0 : s->holdout, err);
    if (status != HG_STATUS_OK)
        return status;
    plan->n_items = stage->split.n_train;
    int64_t side = s->size >> (stage->config.n_levels - 1);
    stage->n_codes = side * side;
    stage->n_steps =
        s->steps > 0 ? s->steps : (int64_t)ceil((double)plan->n_items * s->epochs / (double)s->batch);
    return hg_vq_quantiser_init(&stage->quantiser, s, s->batch * stage->n_codes, err);
}

hg_status hg_vq_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                          hg_pretrain_result *result, hg_error *err)
{
    vq_stage stage = {.s = settings, .listener = listener};
    hg_pretrain_plan plan = {.user = &stage,
                             .model_bytes = sizeof(vq_model),
                             .units_each = 1,
                             .init = vq_init,
                             .load = vq_load,
                             .gradient = vq_gradient,
                             .after_step = vq_after_step,
                             .measure = vq_measure,
                             .write = vq_write};
    hg_status status = vq_open(&stage, &plan, result, err);
    if (status == HG_STATUS_OK)
        status = hg_pretrain_loop_run(&plan, settings, listener, result, err);
    hg_vq_quantiser_deinit(&stage.quantiser);
    hg_split_deinit(&stage.split);
    hg_picture_set_deinit(&stage.pictures);
    hg_picture_set_deinit(&stage.validation);
    return status;
}
