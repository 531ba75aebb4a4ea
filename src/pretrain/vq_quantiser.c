/* SPDX-License-Identifier: Apache-2.0
 *
 * vq_quantiser.c: see the header. Shards write codes and latents of their own rows, so nothing is shared
 * within a step.
 */
#include "pretrain/vq_quantiser.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Steps over which use is counted where codes are not started anew. */
#define USUAL_WINDOW 50
/* Windows that are told one by one; then every so many. */
#define EARLY_WINDOWS 10

hg_status hg_vq_quantiser_init(hg_vq_quantiser *q, const hg_pretrain_settings *s, int64_t n_rows,
                               hg_error *err)
{
    *q = (hg_vq_quantiser){.s = s, .n_rows = n_rows};
    q->codes = hg_mem_array((size_t)n_rows, sizeof *q->codes);
    q->latents = hg_mem_array((size_t)(n_rows * s->code_dim), sizeof *q->latents);
    return q->codes != NULL && q->latents != NULL
               ? HG_STATUS_OK
               : hg_error_memory(err, (unsigned long long)(n_rows * s->code_dim) * sizeof(float),
                                 "the codes");
}

void hg_vq_quantiser_deinit(hg_vq_quantiser *q)
{
    hg_mem_free(q->codes);
    hg_mem_free(q->latents);
    *q = (hg_vq_quantiser){0};
}

static int32_t largest(const hg_real *row, int64_t n)
{
    int32_t best = 0;
    for (int32_t j = 1; j < n; j++)
        best = row[j] > row[best] ? j : best;
    return best;
}

/* A tensor's values as a constant. */
static hg_tensor *held(hg_ctx *ctx, const hg_tensor *t)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor view = *t;
    view.grad = NULL;
    return hg_ctx_view(ctx, view);
}

/* to - from as a constant: adding it to `from` gives `to` with the gradient of `from`. */
static hg_tensor *held_difference(hg_ctx *ctx, const hg_tensor *to, const hg_tensor *from)
{
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor *d = hg_ctx_tensor(ctx, to->n_dims, to->shape, false);
    for (int64_t i = 0; d != NULL && i < hg_tensor_count(to); i++)
        hg_tensor_real(d)[i] = hg_tensor_real(to)[i] - hg_tensor_real(from)[i];
    return d;
}

static hg_tensor *quantise_cosine(hg_vq_quantiser *q, hg_ctx *ctx, hg_vqgan *vq, hg_tensor *latent,
                                  int64_t first, hg_tensor **losses, int *n_losses)
{
    const hg_pretrain_settings *s = q->s;
    hg_tensor *z = hg_op_unit_rows(ctx, latent), *e = hg_op_unit_rows(ctx, &vq->embed);
    const hg_tensor *scores = hg_op_linear(ctx, held(ctx, z), held(ctx, e), NULL);
    if (hg_ctx_failed(ctx))
        return NULL;
    int64_t n = z->shape[0], d = z->shape[1];
    for (int64_t i = 0; i < n; i++)
        q->codes[first + i] = largest(hg_tensor_real(scores) + i * scores->shape[1], scores->shape[1]);
    memcpy(q->latents + first * d, hg_tensor_real(z), (size_t)(n * d) * sizeof(float));
    hg_tensor *code = hg_op_embedding(ctx, e, q->codes + first, n);
    double each = 1 / ((double)q->n_rows * (double)d);
    losses[(*n_losses)++] = hg_op_distance(ctx, z, held(ctx, code), (hg_real)(s->commitment * each));
    losses[(*n_losses)++] = hg_op_distance(ctx, held(ctx, z), code, (hg_real)(s->codebook * each));
    return hg_op_add(ctx, z, held_difference(ctx, code, z));
}

/* Minus the log of minus the log of a uniform number, for every score. */
static hg_tensor *gumbel_noise(const hg_vq_quantiser *q, hg_ctx *ctx, const hg_tensor *scores, int64_t first,
                               int64_t step)
{
    hg_tensor *noise = hg_ctx_failed(ctx) ? NULL : hg_ctx_tensor(ctx, 2, scores->shape, false);
    for (int64_t i = 0; noise != NULL && i < scores->shape[0]; i++) {
        hg_rng rng = hg_pretrain_rng(q->s->seed + 1, step, first + i);
        for (int64_t j = 0; j < scores->shape[1]; j++)
            hg_tensor_real(noise)[i * scores->shape[1] + j] =
                (float)-log(1e-20 - log(hg_rng_uniform(&rng) + 1e-20));
    }
    return noise;
}

static hg_tensor *quantise_gumbel(hg_vq_quantiser *q, hg_ctx *ctx, hg_vqgan *vq, hg_tensor *latent,
                                  int64_t first, int64_t step, int64_t n_steps, hg_tensor **losses,
                                  int *n_losses)
{
    double progress = (double)step / (double)(n_steps > 1 ? n_steps : 1);
    double temperature = pow(q->s->temperature, progress); /* from 1 down */
    hg_tensor *scores = hg_op_linear(ctx, latent, &vq->proj.weight, &vq->proj.bias);
    hg_tensor *noisy = hg_op_add(ctx, scores, gumbel_noise(q, ctx, scores, first, step));
    hg_tensor *soft = hg_op_softmax(ctx, noisy, (hg_real)(1 / temperature));
    losses[(*n_losses)++] =
        hg_op_spread(ctx, hg_op_softmax(ctx, scores, 1), (hg_real)(q->s->kl / (double)q->n_rows));
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor *hard = hg_ctx_tensor(ctx, 2, soft->shape, false);
    for (int64_t i = 0; hard != NULL && i < soft->shape[0]; i++) {
        hg_real *row = hg_tensor_real(hard) + i * soft->shape[1];
        memset(row, 0, (size_t)soft->shape[1] * sizeof *row);
        q->codes[first + i] = largest(hg_tensor_real(soft) + i * soft->shape[1], soft->shape[1]);
        row[q->codes[first + i]] = 1;
    }
    hg_tensor *chosen = hg_op_add(ctx, soft, held_difference(ctx, hard, soft));
    return hg_op_linear(ctx, chosen, hg_op_transpose(ctx, &vq->embed), NULL);
}

hg_tensor *hg_vq_quantise(hg_vq_quantiser *q, hg_pretrain_shard *shard, hg_vqgan *vq, hg_tensor *latent,
                          int64_t first, int64_t step, int64_t n_steps, hg_tensor **losses, int *n_losses)
{
    if (hg_ctx_failed(&shard->ctx))
        return NULL;
    return q->s->quantiser == HG_PRETRAIN_COSINE
               ? quantise_cosine(q, &shard->ctx, vq, latent, first, losses, n_losses)
               : quantise_gumbel(q, &shard->ctx, vq, latent, first, step, n_steps, losses, n_losses);
}

/* ---- between steps ---- */

static void tell_usage(hg_vq_quantiser *q, hg_pretrain_loop *loop, const float *usage, int64_t step,
                       int64_t window)
{
    char text[160];
    double total = 0, entropy = 0;
    q->n_used = 0;
    for (int64_t j = 0; j < q->s->codes; j++) {
        total += (double)usage[j];
        q->n_used += usage[j] > 0;
    }
    for (int64_t j = 0; j < q->s->codes; j++) {
        double p = (double)usage[j] / total;
        entropy -= p > 0 ? p * log(p) : 0;
    }
    q->perplexity = exp(entropy);
    snprintf(text, sizeof text, "step %lld: %lld of %lld codes used in %lld steps, perplexity %.1f",
             (long long)step, (long long)q->n_used, (long long)q->s->codes, (long long)window, q->perplexity);
    if (step / window <= EARLY_WINDOWS || step % (EARLY_WINDOWS * window) == 0)
        hg_pretrain_note(loop, "codes", text);
}

/* Codes that nobody used begin again at latents of this step. */
static void restart_dead(hg_vq_quantiser *q, hg_param *embed, const float *usage, int64_t step)
{
    int64_t d = q->s->code_dim;
    hg_rng rng = hg_pretrain_rng(q->s->seed + 2, step, 0);
    for (int64_t j = 0; j < q->s->codes; j++) {
        if (usage[j] > 0)
            continue;
        int64_t from = (int64_t)(hg_rng_next(&rng) % (uint64_t)q->n_rows);
        memcpy(embed->value + j * d, q->latents + from * d, (size_t)d * sizeof(float));
        memset(embed->m + j * d, 0, (size_t)d * sizeof(float));
        memset(embed->v + j * d, 0, (size_t)d * sizeof(float));
    }
}

static void keep_unit(float *rows, int64_t n, int64_t d)
{
    for (int64_t j = 0; j < n; j++, rows += d) {
        double sum = 1e-20;
        for (int64_t i = 0; i < d; i++)
            sum += (double)rows[i] * (double)rows[i];
        for (int64_t i = 0; i < d; i++)
            rows[i] = (float)((double)rows[i] / sqrt(sum));
    }
}

void hg_vq_quantiser_step(hg_vq_quantiser *q, hg_pretrain_loop *loop, int64_t step)
{
    const hg_pretrain_settings *s = q->s;
    const hg_weight_bank *bank = hg_pretrain_bank(loop);
    hg_param *embed = hg_weight_bank_param(bank, HG_VQ_EMBED);
    float *usage = hg_weight_bank_param(bank, HG_VQ_USAGE)->value;
    int64_t window = s->restart_every > 0 ? s->restart_every : USUAL_WINDOW;
    bool cosine = s->quantiser == HG_PRETRAIN_COSINE;
    for (int64_t i = 0; i < q->n_rows; i++)
        usage[q->codes[i]] += 1;
    if (step % window == 0) {
        tell_usage(q, loop, usage, step, window);
        if (cosine && s->restart_every > 0 &&
            (double)step <= s->restart_until * (double)hg_pretrain_n_steps(loop))
            restart_dead(q, embed, usage, step);
        memset(usage, 0, (size_t)s->codes * sizeof *usage);
    }
    if (!cosine)
        return;
    keep_unit(embed->value, s->codes, s->code_dim);
    memcpy(hg_weight_bank_param(bank, HG_VQ_PROJ)->value, embed->value,
           (size_t)(s->codes * s->code_dim) * sizeof(float));
}
