/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_error.c: what a smaller type costs: `quant_error [--exact] [--bf16] [--cpu TIER] [--kv-cache TYPE]
 * REFERENCE MODEL...` compares models of the same weights in other types with the first. For each task: the
 * Kullback-Leibler divergence of the next token's distribution, in nats, over positions of random token
 * sequences, and how often the best token is the same; then the relative error of the tensors, by type. Rows
 * of a Markdown table. With --exact activations stay float32, else they are rounded where that is this
 * processor's way. The models (which may be the first one again), but not the first, multiply what is not
 * quantised in bf16 with --bf16, and keep keys and values as that type with --kv-cache.
 */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "model/healthgpt_model.h"
#include "package/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define N_SEQUENCES 4
#define N_TOKENS 128

typedef struct opened_model {
    hg_source source;
    hg_healthgpt weights;
} opened_model;

static opened_model *model_open(const char *path)
{
    hg_error err = {HG_STATUS_OK, ""};
    opened_model *m = hg_mem_array(1, sizeof *m);
    if (m == NULL || hg_source_open(&m->source, &(hg_source_paths){.model = path}, &err) != HG_STATUS_OK ||
        hg_healthgpt_load(&m->weights, &m->source.parts, &err) != HG_STATUS_OK) {
        fprintf(stderr, "quant_error: %s\n", m == NULL ? "out of memory" : err.text);
        exit(HG_STATUS_INPUT);
    }
    return m;
}

static void model_close(opened_model *m)
{
    hg_healthgpt_close(&m->weights);
    hg_source_close(&m->source);
    hg_mem_free(m);
}

/* Logits (N_TOKENS, rows of the head) of one random sequence, in the context's arena. Keys and values go
 * through `cache` unless it is NULL. */
static hg_tensor *run_sequence(hg_ctx *ctx, opened_model *m, hg_task task, uint64_t seed, hg_kv_cache *cache)
{
    hg_task_parts *parts = &m->weights.tasks[task];
    int32_t ids[N_TOKENS];
    hg_rng rng;
    hg_rng_init(&rng, seed);
    for (int i = 0; i < N_TOKENS; i++)
        ids[i] = (int32_t)(hg_rng_next(&rng) % (uint64_t)m->source.parts.n_tokens);
    hg_tensor *x = hg_op_embedding(ctx, &parts->embed, ids, N_TOKENS);
    if (cache != NULL)
        cache->length = 0;
    x = hg_decoder_forward(ctx, &m->weights.decoder, &parts->plugin, cache, x);
    return hg_decoder_logits(ctx, &m->weights.decoder, &parts->head, x);
}

static int64_t best_of(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

/* log of the sum of exp(x). */
static double log_sum(const float *x, int64_t n)
{
    double most = (double)x[best_of(x, n)], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    return most + log(sum);
}

/* sum of p log(p / q), p and q the softmax of a and b. */
static double divergence(const float *a, const float *b, int64_t n)
{
    double log_a = log_sum(a, n), log_b = log_sum(b, n), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)a[i] - log_a) * (((double)a[i] - log_a) - ((double)b[i] - log_b));
    return sum;
}

typedef struct options {
    hg_compute compute;
    hg_cpu_tier tier;
    bool bf16;
    bool cached;
    hg_dtype cache_type;
    int first; /* the argument that names the reference */
} options;

static void compare_task(const options *o, opened_model *reference, opened_model *other, hg_task task,
                         hg_kv_cache *cache)
{
    double sum = 0, most = 0;
    int same = 0, n = 0;
    if (!reference->weights.tasks[task].present || !other->weights.tasks[task].present) {
        printf(" - | - | - |");
        return;
    }
    hg_arena arena;
    hg_arena_init(&arena, (size_t)16 << 20, (size_t)8 << 30);
    for (uint64_t s = 0; s < N_SEQUENCES; s++) {
        hg_ctx ctx;
        hg_arena_mark mark = hg_arena_get_mark(&arena);
        hg_ctx_init(&ctx, &arena, hg_kernels_get(o->tier), hg_parallel_processors());
        ctx.compute = o->compute;
        const hg_tensor *a = run_sequence(&ctx, reference, task, s + 1, NULL);
        ctx.bf16 = o->bf16;
        const hg_tensor *b = run_sequence(&ctx, other, task, s + 1, cache);
        if (hg_ctx_failed(&ctx)) {
            fprintf(stderr, "quant_error: %s\n", ctx.error.text);
            exit(HG_STATUS_FAILED);
        }
        int64_t rows = a->shape[1];
        for (int64_t t = 0; t < N_TOKENS; t++, n++) {
            const float *x = hg_tensor_real(a) + t * rows, *y = hg_tensor_real(b) + t * rows;
            double kl = divergence(x, y, rows);
            sum += kl;
            most = fmax(most, kl);
            same += best_of(x, rows) == best_of(y, rows) ? 1 : 0;
        }
        hg_arena_reset(&arena, mark);
    }
    hg_arena_deinit(&arena);
    printf(" %.2e | %.2e | %.1f %% |", sum / n, most, 100.0 * same / n);
}

typedef struct type_error {
    double sum;
    int n;
} type_error;

/* ||a - b|| / ||a|| of one tensor. */
static double tensor_error(const hg_tensor *a, const hg_tensor *b)
{
    int64_t n = hg_tensor_count(a);
    float *x = hg_mem_array((size_t)n, sizeof *x), *y = hg_mem_array((size_t)n, sizeof *y);
    double difference = 0, size = 0;
    if (x == NULL || y == NULL) {
        fprintf(stderr, "quant_error: out of memory\n");
        exit(HG_STATUS_FAILED);
    }
    hg_dtype_to_real(a->dtype, n, a->data, x);
    hg_dtype_to_real(b->dtype, n, b->data, y);
    for (int64_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        difference += d * d;
        size += (double)x[i] * (double)x[i];
    }
    hg_mem_free(x);
    hg_mem_free(y);
    return size > 0 ? sqrt(difference / size) : 0;
}

static void compare_tensors(opened_model *reference, opened_model *other)
{
    type_error errors[HG_DTYPE_COUNT] = {{0, 0}};
    for (int part = 0; part < HG_PART_COUNT; part++) {
        const hg_tensor_set *set = other->source.parts.sets[part];
        for (size_t i = 0; set != NULL && i < hg_tensor_set_n_tensors(set); i++) {
            const hg_named_tensor *b = hg_tensor_set_get(set, i);
            const hg_tensor *a = hg_tensor_set_find(reference->source.parts.sets[part], b->name);
            if (a == NULL || !hg_tensor_same_shape(a, &b->tensor))
                continue;
            errors[b->tensor.dtype].sum += tensor_error(a, &b->tensor);
            errors[b->tensor.dtype].n++;
        }
    }
    for (int i = 0; i < HG_DTYPE_COUNT; i++) {
        if (errors[i].n > 0)
            printf(" %s %.2g (%d)", hg_dtype_name((hg_dtype)i), errors[i].sum / errors[i].n, errors[i].n);
    }
    printf(" |\n");
}

static bool options_parse(options *o, int argc, char **argv)
{
    *o = (options){.compute = HG_COMPUTE_INFER, .tier = hg_cpu_detect(), .first = 1};
    for (; o->first < argc && argv[o->first][0] == '-'; o->first++) {
        if (strcmp(argv[o->first], "--exact") == 0)
            o->compute = HG_COMPUTE_EXACT;
        else if (strcmp(argv[o->first], "--kv-cache") == 0 && o->first + 1 < argc &&
                 hg_dtype_find(argv[++o->first], &o->cache_type))
            o->cached = true;
        else if (strcmp(argv[o->first], "--bf16") == 0)
            o->bf16 = true;
        else if (strcmp(argv[o->first], "--cpu") == 0 && o->first + 1 < argc &&
                 hg_cpu_choose(argv[++o->first], &o->tier, NULL) == HG_STATUS_OK)
            continue;
        else
            return false;
    }
    return o->first + 2 <= argc;
}

static void compare_model(const options *o, opened_model *reference, const char *path)
{
    opened_model *other = model_open(path);
    const hg_decoder_config *c = &other->weights.decoder.config;
    hg_kv_cache cache = {0};
    hg_error err = {HG_STATUS_OK, ""};
    if (o->cached && hg_kv_cache_init(&cache, o->cache_type, c->n_layers, c->n_kv_heads, c->head_dim,
                                      N_TOKENS, &err) != HG_STATUS_OK) {
        fprintf(stderr, "quant_error: %s\n", err.text);
        exit(HG_STATUS_USAGE);
    }
    printf("| %s |", hg_path_name(path));
    for (int task = 0; task < HG_TASK_COUNT; task++)
        compare_task(o, reference, other, (hg_task)task, o->cached ? &cache : NULL);
    compare_tensors(reference, other);
    hg_kv_cache_deinit(&cache);
    model_close(other);
}

int main(int argc, char **argv)
{
    options o;
    if (!options_parse(&o, argc, argv)) {
        fprintf(stderr, "usage: quant_error [--exact] [--bf16] [--cpu TIER] [--kv-cache f32|f16|bf16|q8_0] "
                        "REFERENCE MODEL...\n");
        return HG_STATUS_USAGE;
    }
    opened_model *reference = model_open(argv[o.first]);
    printf("| model | ask: mean KL | largest | same best | draw: mean KL | largest | same best | relative "
           "error of the "
           "tensors, mean by type (their number) |\n|---|---|---|---|---|---|---|---|\n");
    for (int i = o.first + 1; i < argc; i++)
        compare_model(&o, reference, argv[i]);
    model_close(reference);
    return HG_STATUS_OK;
}
