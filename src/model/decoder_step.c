/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder_step.c: a layer as a list of parts, most of which wait for the one before (base/parallel.h). With
 * one row the work between two products is short, and costs by what cores take from each other: one thread
 * that did it alone would wait for what the others have made, and they for it. So norms are made by every
 * thread for itself, and everything else by heads or by columns, rounded for the next product where it is
 * made.
 */
#include "model/decoder_step.h"

#include "ops/attention_one.h"
#include "ops/project.h"

#include <string.h>

/* Columns of the feed-forward part that are a chunk: whole runs (kernels/rounded.h), and whole vectors. */
#define STEP_COLUMNS 512

/* The norm in front of a projection, and what is added to x before it. */
typedef struct step_norm {
    const struct decoder_step *step;
    bool begins;                  /* the layer */
    const hg_tensor *gain, *more; /* `more` (1, H) may be NULL */
    const hg_project_few *next;
} step_norm;

typedef struct decoder_step {
    hg_ctx *ctx;
    const hg_decoder_config *config;
    hg_kv_cache *cache;
    int64_t layer;
    const hg_tensor *rope;
    hg_tensor *x[2];   /* (workers, H): the state before a layer and in it, which take turns */
    int64_t *layers;   /* of a worker, LAYERS_APART behind the one's before: so many have passed its state */
    hg_tensor *normed; /* (workers, H) */
    hg_tensor *fed[2]; /* (1, H): what a layer adds to the state, and what the layer before it did */
    hg_tensor *qkv, *attended, *mixed, *gate_up, *hidden; /* (1, ...) */
    hg_project_few to_qkv, to_mixed, to_gate_up, to_fed;
    hg_decoder_heads heads;
    hg_attention_one attention;
    step_norm before[2];
} decoder_step;

static void step_add(int64_t n, hg_real *x, const hg_real *more)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += more[i];
}

/* So many numbers that workers do not share a cache line. */
#define LAYERS_APART 16

static hg_real *step_state(const decoder_step *s, int64_t layer, int worker)
{
    const hg_tensor *x = s->x[layer % 2];
    return hg_tensor_real(x) + worker * x->stride[0];
}

/* The state at the layer's begin to where the layer changes it. A worker that has not been there all the time
 * (the system may start fewer threads than it is asked for) has it from the first, which always has. */
static hg_real *step_take_state(const decoder_step *s, int worker)
{
    int64_t *layers = &s->layers[worker * LAYERS_APART];
    hg_real *x = step_state(s, s->layer + 1, worker);
    memcpy(x, step_state(s, s->layer, *layers == s->layer ? worker : 0),
           (size_t)s->config->hidden * sizeof *x);
    *layers = s->layer + 1;
    return x;
}

/* Each thread for itself, on a state of its own: one would need longer to take what others have made and to
 * hand on its result than all need for all of it. */
static void step_run_norm(void *arg, int64_t index, int worker)
{
    (void)index;
    const step_norm *n = arg;
    const decoder_step *s = n->step;
    hg_real *x = n->begins ? step_take_state(s, worker) : step_state(s, s->layer + 1, worker);
    if (n->more != NULL)
        step_add(s->config->hidden, x, hg_tensor_real(n->more));
    s->ctx->kernels->rmsnorm(s->config->hidden, (hg_real)s->config->rms_eps, x, hg_tensor_real(n->gain),
                             hg_tensor_real(s->normed) + worker * s->normed->stride[0]);
    hg_chain_few_round_own(&n->next->chain, worker);
}

/* Columns that the query heads of a set of key heads give. */
static int64_t step_set_columns(const decoder_step *s)
{
    return s->config->n_heads * s->config->head_dim / hg_attention_one_sets(&s->attention);
}

static bool step_sets_round(const decoder_step *s)
{
    return step_set_columns(s) % HG_ROUNDED_RUN == 0;
}

/* Key heads that lie abreast: rotations, their place in the cache, attention. */
static void step_run_heads(void *arg, int64_t set, int worker)
{
    decoder_step *s = arg;
    const int64_t columns = step_set_columns(s), abreast = s->cache->abreast;
    for (int64_t group = set * abreast; group < (set + 1) * abreast; group++)
        hg_decoder_heads_put(&s->heads, 0, group);
    hg_attention_one_set(&s->attention, set, worker);
    if (step_sets_round(s))
        hg_chain_few_round_columns(&s->to_mixed.chain, set * columns, columns);
}

static void step_run_round(void *arg, int64_t index, int worker)
{
    (void)index;
    (void)worker;
    hg_chain_few_round(arg);
}

static void step_run_swiglu(void *arg, int64_t index, int worker)
{
    (void)worker;
    decoder_step *s = arg;
    const int64_t ffn = s->config->ffn, begin = index * STEP_COLUMNS,
                  count = ffn - begin < STEP_COLUMNS ? ffn - begin : STEP_COLUMNS;
    const hg_real *gate = hg_tensor_real(s->gate_up) + begin;
    s->ctx->kernels->swiglu(count, gate, gate + ffn, hg_tensor_real(s->hidden) + begin);
    hg_chain_few_round_columns(&s->to_fed.chain, begin, count);
}

static int step_parts(decoder_step *s, hg_parallel_part *parts)
{
    int n = 0;
    parts[n++] = (hg_parallel_part){HG_PARALLEL_EACH, step_run_norm, &s->before[0], false};
    n += hg_chain_few_parts(&s->to_qkv.chain, parts + n);
    parts[n++] = (hg_parallel_part){hg_attention_one_sets(&s->attention), step_run_heads, s, true};
    if (!step_sets_round(s))
        parts[n++] = (hg_parallel_part){1, step_run_round, &s->to_mixed.chain, true};
    n += hg_chain_few_parts(&s->to_mixed.chain, parts + n);
    parts[n++] = (hg_parallel_part){HG_PARALLEL_EACH, step_run_norm, &s->before[1], true};
    n += hg_chain_few_parts(&s->to_gate_up.chain, parts + n);
    parts[n++] =
        (hg_parallel_part){(s->config->ffn + STEP_COLUMNS - 1) / STEP_COLUMNS, step_run_swiglu, s, true};
    n += hg_chain_few_parts(&s->to_fed.chain, parts + n);
    return n;
}

/* A row for each worker, in cache lines of its own. */
static hg_tensor *step_rows(const decoder_step *s, int64_t n)
{
    const int64_t stride = (n + 31) / 32 * 32;
    hg_tensor *rows = hg_ctx_tensor(s->ctx, 2, (int64_t[]){s->ctx->n_threads, stride}, false);
    return rows == NULL ? NULL : hg_ctx_view(s->ctx, hg_tensor_view_columns(rows, 0, n));
}

static hg_tensor *step_row(const decoder_step *s, int64_t n)
{
    return hg_ctx_tensor(s->ctx, 2, (int64_t[]){1, n}, false);
}

/* What the layers have in common. */
static bool step_begin(decoder_step *s)
{
    const hg_decoder_config *c = s->config;
    const int64_t n_q = (int64_t)c->n_heads * c->head_dim, n_kv = (int64_t)c->n_kv_heads * c->head_dim;
    s->x[0] = step_rows(s, c->hidden);
    s->x[1] = step_rows(s, c->hidden);
    s->layers = hg_arena_array(s->ctx->arena, (size_t)s->ctx->n_threads * LAYERS_APART, sizeof *s->layers);
    s->normed = step_rows(s, c->hidden);
    s->fed[0] = step_row(s, c->hidden);
    s->fed[1] = step_row(s, c->hidden);
    s->qkv = step_row(s, n_q + 2 * n_kv);
    s->attended = step_row(s, n_q);
    s->mixed = step_row(s, c->hidden);
    s->gate_up = step_row(s, 2 * (int64_t)c->ffn);
    s->hidden = step_row(s, c->ffn);
    if (s->layers == NULL)
        hg_ctx_fail(s->ctx, HG_STATUS_FAILED, "out of memory (a decoder's step)");
    return !hg_ctx_failed(s->ctx);
}

static bool step_project(decoder_step *s, hg_project_few *p, const hg_decoder *d, const hg_plugin *plugin,
                         hg_slot slot, const hg_tensor *x, hg_tensor *y)
{
    const hg_tensor *row = hg_ctx_view(s->ctx, hg_tensor_view_rows(x, 0, 1));
    if (row == NULL)
        return false;
    return hg_project_few_begin(p, s->ctx, row, x == s->normed, &d->layers[s->layer].weight[slot],
                                plugin == NULL ? NULL : hg_plugin_get(plugin, s->layer, slot), y);
}

/* Where the layer's keys and values are and will be. */
static bool step_attend(decoder_step *s)
{
    if (!hg_decoder_heads_begin(&s->heads, s->ctx, s->config, s->cache, s->layer, s->rope, s->qkv))
        return false;
    const hg_key_rows rows = {.n = s->cache->length + 1};
    const hg_attention how = hg_decoder_attention(s->config, NULL);
    return hg_attention_one_begin(&s->attention, s->ctx, &s->heads.q, &s->heads.k, &s->heads.v, &rows, &how,
                                  hg_tensor_real(s->attended));
}

static void step_layer(decoder_step *s, const hg_decoder *d, const hg_plugin *plugin)
{
    const hg_decoder_layer *l = &d->layers[s->layer];
    hg_tensor *fed = s->fed[s->layer % 2];
    const hg_tensor *before = s->layer > 0 ? s->fed[(s->layer - 1) % 2] : NULL;
    if (!step_project(s, &s->to_qkv, d, plugin, HG_SLOT_QKV, s->normed, s->qkv) ||
        !step_project(s, &s->to_mixed, d, plugin, HG_SLOT_O, s->attended, s->mixed) ||
        !step_project(s, &s->to_gate_up, d, plugin, HG_SLOT_GATE_UP, s->normed, s->gate_up) ||
        !step_project(s, &s->to_fed, d, plugin, HG_SLOT_DOWN, s->hidden, fed) || !step_attend(s))
        return;
    s->before[0] = (step_norm){s, true, &l->input_norm, before, &s->to_qkv};
    s->before[1] = (step_norm){s, false, &l->post_norm, s->mixed, &s->to_gate_up};
    hg_parallel_part parts[HG_PARALLEL_PARTS];
    const int n_parts = step_parts(s, parts);
    const int64_t work = hg_chain_few_work(&s->to_qkv.chain) + hg_chain_few_work(&s->to_mixed.chain) +
                         hg_chain_few_work(&s->to_gate_up.chain) + hg_chain_few_work(&s->to_fed.chain) +
                         hg_attention_one_work(&s->attention);
    hg_parallel_for_parts(hg_ctx_threads(s->ctx, work), n_parts, parts);
}

hg_tensor *hg_decoder_step(hg_ctx *ctx, const hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                           const hg_tensor *rope, const hg_tensor *x)
{
    decoder_step s = {.ctx = ctx, .config = &d->config, .cache = cache, .rope = rope};
    if (hg_ctx_failed(ctx) || !step_begin(&s))
        return NULL;
    memcpy(step_state(&s, 0, 0), hg_tensor_real(x), (size_t)d->config.hidden * sizeof(hg_real));
    for (int i = 0; i < ctx->n_threads; i++)
        s.layers[i * LAYERS_APART] = i == 0 ? 0 : -1;
    const hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    for (; s.layer < d->config.n_layers && !hg_ctx_failed(ctx); s.layer++) {
        step_layer(&s, d, plugin);
        hg_arena_reset(ctx->arena, mark);
    }
    if (hg_ctx_failed(ctx))
        return NULL;
    hg_tensor *out = hg_ctx_view(ctx, hg_tensor_view_rows(s.x[s.layer % 2], 0, 1));
    return s.layer == 0 ? out : hg_op_add_to(ctx, out, s.fed[(s.layer - 1) % 2], out);
}
