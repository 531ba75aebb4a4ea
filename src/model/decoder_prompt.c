/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_prompt.c: a layer as four products and attention. With many rows whatever an operation leaves for
 * the next goes to memory and comes back. So norms and activations are made row by row where the next product
 * rounds them (ops/rows.h), a product adds its result to the state itself, and rotations are made on the way
 * to the cache.
 */
#include "model/decoder_prompt.h"

#include "ops/project.h"

static hg_tensor *prompt_project(const hg_decoder_prompt *p, int64_t layer, hg_slot slot, hg_rows *x)
{
    const hg_tensor *w = &p->decoder->layers[layer].weight[slot];
    hg_tensor *y = hg_ctx_tensor(p->ctx, 2, (int64_t[]){p->x->shape[0], w->shape[0]}, false);
    if (y == NULL)
        return NULL;
    const hg_hlora *plug = p->plugin == NULL ? NULL : hg_plugin_get(p->plugin, layer, slot);
    return hg_project_many(p->ctx, x, w, plug, y) ? y : NULL;
}

static void prompt_project_add(const hg_decoder_prompt *p, int64_t layer, hg_slot slot, hg_rows *x)
{
    const hg_hlora *plug = p->plugin == NULL ? NULL : hg_plugin_get(p->plugin, layer, slot);
    (void)hg_project_many_add(p->ctx, x, &p->decoder->layers[layer].weight[slot], plug, p->x);
}

static hg_rows prompt_norm(const hg_decoder_prompt *p, const hg_tensor *gain)
{
    return hg_rows_rmsnorm(p->ctx, p->x, gain, (hg_real)p->decoder->config.rms_eps);
}

/* (T, H · D) from queries, keys and values side by side. */
static hg_tensor *prompt_attend(const hg_decoder_prompt *p, int64_t layer, const hg_tensor *qkv)
{
    const hg_decoder_config *c = &p->decoder->config;
    hg_decoder_heads heads;
    if (!hg_decoder_heads_begin(&heads, p->ctx, c, p->cache, layer, p->rope, qkv))
        return NULL;
    hg_decoder_heads_put_all(p->ctx, &heads);
    const hg_attention how = hg_decoder_attention(c, NULL);
    return hg_op_attention(p->ctx, &heads.q, &heads.k, &heads.v, &how);
}

static void prompt_attention(const hg_decoder_prompt *p, int64_t layer)
{
    hg_rows normed = prompt_norm(p, &p->decoder->layers[layer].input_norm);
    const hg_tensor *qkv = prompt_project(p, layer, HG_SLOT_QKV, &normed);
    const hg_tensor *attended = qkv == NULL ? NULL : prompt_attend(p, layer, qkv);
    if (attended == NULL)
        return;
    hg_rows rows = hg_rows_of(attended);
    prompt_project_add(p, layer, HG_SLOT_O, &rows);
}

static void prompt_feed_forward(const hg_decoder_prompt *p, int64_t layer)
{
    const int64_t ffn = p->decoder->config.ffn;
    hg_rows normed = prompt_norm(p, &p->decoder->layers[layer].post_norm);
    const hg_tensor *both = prompt_project(p, layer, HG_SLOT_GATE_UP, &normed);
    if (both == NULL)
        return;
    const hg_tensor gate = hg_tensor_view_columns(both, 0, ffn), up = hg_tensor_view_columns(both, ffn, ffn);
    hg_rows hidden = hg_rows_swiglu(p->ctx, &gate, &up);
    prompt_project_add(p, layer, HG_SLOT_DOWN, &hidden);
}

void hg_decoder_prompt_layer(const hg_decoder_prompt *p, int64_t layer)
{
    prompt_attention(p, layer);
    prompt_feed_forward(p, layer);
}
