/* SPDX-License-Identifier: Apache-2.0
 *
 * new_parts.c: first values.
 */
#include "train/new_parts.h"

#include <math.h>
#include <string.h>

/* Uniform in -1/sqrt(fan_in) .. 1/sqrt(fan_in), which is both Kaiming's bound for a = sqrt 5 and that of
 * biases; fan_in 0: zeros. */
static hg_status new_tensor(hg_tensor *out, int n_dims, const int64_t *shape, int64_t fan_in, hg_rng *rng,
                            hg_arena *arena, hg_error *err)
{
    *out = hg_tensor_make(HG_DTYPE_F32, n_dims, shape, NULL);
    int64_t n = hg_tensor_count(out);
    float *values = hg_arena_array(arena, (size_t)n, sizeof *values);
    if (values == NULL)
        return hg_error_memory(err, (unsigned long long)n * sizeof *values, "a new plug-in");
    double bound = fan_in > 0 ? 1 / sqrt((double)fan_in) : 0;
    for (int64_t i = 0; i < n && fan_in > 0; i++)
        values[i] = (float)(bound * (2 * hg_rng_uniform(rng) - 1));
    out->data = values;
    return HG_STATUS_OK;
}

static hg_status new_slot(hg_hlora *h, const hg_new_plugin *how, int64_t in, int64_t out, double scale,
                          hg_rng *rng, hg_arena *arena, hg_error *err)
{
    int64_t b_shape[2];
    h->scale = (hg_real)scale;
    hg_plugin_b_shape(how->kind, how->rank, how->n_experts, out, b_shape);
    hg_status status = new_tensor(&h->a, 2, (int64_t[]){how->rank, in}, in, rng, arena, err);
    if (status == HG_STATUS_OK)
        status = new_tensor(&h->b, 2, b_shape, 0, rng, arena, err);
    if (status == HG_STATUS_OK && how->kind != HG_ADAPTER_LORA)
        status = new_tensor(&h->router, 2, (int64_t[]){how->n_experts, in}, in, rng, arena, err);
    return status;
}

static hg_status new_projector(hg_projector *p, int64_t width, int64_t hidden, hg_rng *rng, hg_arena *arena,
                               hg_error *err)
{
    hg_status status = new_tensor(&p->w0, 2, (int64_t[]){hidden, width}, width, rng, arena, err);
    if (status == HG_STATUS_OK)
        status = new_tensor(&p->b0, 1, &hidden, width, rng, arena, err);
    if (status == HG_STATUS_OK)
        status = new_tensor(&p->w2, 2, (int64_t[]){hidden, hidden}, hidden, rng, arena, err);
    return status == HG_STATUS_OK ? new_tensor(&p->b2, 1, &hidden, hidden, rng, arena, err) : status;
}

hg_status hg_new_plugin_make(hg_plugin *plugin, const hg_new_plugin *how, const hg_decoder_config *config,
                             hg_rng *rng, hg_arena *arena, hg_error *err)
{
    int64_t experts = how->kind == HG_ADAPTER_LORA ? 1 : how->n_experts;
    *plugin =
        (hg_plugin){.n_layers = config->n_layers, .kind = how->kind, .rank = how->rank, .n_experts = experts};
    plugin->slots = hg_arena_array(arena, (size_t)config->n_layers * HG_SLOT_COUNT, sizeof *plugin->slots);
    if (plugin->slots == NULL)
        return hg_error_memory(err, (unsigned long long)config->n_layers * sizeof *plugin->slots,
                               "a new plug-in");
    double alpha = how->alpha > 0 ? how->alpha : 2 * (double)how->rank;
    double scale = alpha / ((double)how->rank / (double)experts);
    hg_status status = HG_STATUS_OK;
    for (int64_t layer = 0; layer < config->n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT && status == HG_STATUS_OK; slot++) {
            int64_t in, out;
            if (!hg_slot_exists(config, (hg_slot)slot))
                continue;
            hg_slot_shape(config, (hg_slot)slot, &in, &out);
            status =
                new_slot(hg_plugin_get(plugin, layer, (hg_slot)slot), how, in, out, scale, rng, arena, err);
        }
    }
    return status == HG_STATUS_OK
               ? new_projector(&plugin->projector, how->vision_width, config->hidden, rng, arena, err)
               : status;
}

hg_status hg_new_rows_make(hg_tensor *out, const hg_tensor *table, int64_t n_tokens, int64_t n_more,
                           hg_arena *arena, hg_error *err)
{
    int64_t width = table->shape[1];
    *out = hg_tensor_make(HG_DTYPE_F32, 2, (int64_t[]){n_tokens + n_more, width}, NULL);
    float *rows = hg_arena_array(arena, (size_t)hg_tensor_count(out), sizeof *rows);
    double *mean = hg_arena_array(arena, (size_t)width, sizeof *mean);
    if (rows == NULL || mean == NULL)
        return hg_error_memory(err, (unsigned long long)hg_tensor_count(out) * sizeof *rows,
                               "an embedding with picture tokens");
    for (int64_t i = 0; i < n_tokens; i++) {
        hg_dtype_to_real(table->dtype, width, hg_tensor_at(table, i * table->stride[0]), rows + i * width);
        for (int64_t j = 0; j < width; j++)
            mean[j] += (double)rows[i * width + j] / (double)n_tokens;
    }
    float *first = rows + n_tokens * width;
    for (int64_t j = 0; j < width; j++)
        first[j] = (float)mean[j];
    for (int64_t i = 1; i < n_more; i++)
        memcpy(first + i * width, first, (size_t)width * sizeof *first);
    out->data = rows;
    return HG_STATUS_OK;
}
