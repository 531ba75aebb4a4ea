/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_decoder.c: reading a prompt and making tokens with some layers of HealthGPT-M3's decoder, random
 * weights of one type, without and with H-LoRA (q8_0, 4 experts) of ranks 64 and 256. Beside it what the
 * machine allows: a plain read of as many bytes as a token needs (weights, adapters, cached keys and values),
 * and oneDNN's dense bf16 products of the prompt's shapes. What is compared is timed in turns; figures are
 * medians of the turns' ratios.
 *
 *     bench_decoder [--type T] [--layers N] [--prompt N] [--cache T] [--threads N] [--turns N] [--cpu TIER]
 *                   [--repack yes|no]
 */
#include "base/bandwidth.h"
#include "base/huge_pages.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/timing.h"
#include "dense_product.h"
#include "model/decoder.h"
#include "ops/prefetch_trial.h"
#include "tensor/interleave.h"

#include <stdio.h>
#include <stdlib.h>

enum { RANKS = 3, MAX_TURNS = 31, TOKENS = 4 };

/* Address space for weights; what is not needed is not touched. */
#define WEIGHT_BYTES ((size_t)1 << 34)

static const int64_t ranks[RANKS] = {0, 64, 256};

/* Inputs and outputs of a layer's products: q, k and v; o; gate and up; down. */
enum { SHAPES = 4 };
static const int64_t shapes[SHAPES][2] = {{3072, 9216}, {3072, 3072}, {3072, 16384}, {8192, 3072}};

typedef struct bench {
    uint8_t *weights; /* in huge pages */
    size_t taken;
    hg_arena step;
    const hg_kernels *kernels;
    hg_dtype type, cache_type;
    bool repack; /* as opening a model does: interleaved where that can be */
    int64_t prompt;
    int n_threads, turns;
    hg_rng rng;
    hg_decoder decoder;
    hg_plugin plugins[RANKS];
    hg_kv_cache cache;
    hg_tensor x;   /* (prompt, H) */
    uint8_t *read; /* as many bytes as a token needs */
    size_t ahead;  /* hg_bandwidth_ahead */
} bench;

static void fail(const char *what)
{
    fprintf(stderr, "bench_decoder: %s\n", what);
    exit(1);
}

static void *take(bench *b, size_t bytes)
{
    size_t begin = (b->taken + 63) / 64 * 64;
    if (bytes > WEIGHT_BYTES - begin)
        fail("too many layers");
    b->taken = begin + bytes;
    return b->weights + begin;
}

/* (n, k) of one random row, n times: as many bytes as any other matrix. */
static hg_tensor make_matrix(bench *b, hg_dtype type, int64_t n, int64_t k)
{
    float row[8192];
    for (int64_t i = 0; i < k; i++)
        row[i] = (float)(0.04 * (hg_rng_uniform(&b->rng) - 0.5));
    size_t bytes = hg_dtype_span(type, k);
    uint8_t *data = take(b, (size_t)n * bytes), group[HG_INTERLEAVE_ROWS * sizeof row];
    hg_dtype_from_real(type, k, row, data);
    for (int64_t i = 1; i < n; i++)
        memcpy(data + (size_t)i * bytes, data, bytes);
    hg_tensor w = hg_tensor_make(type, 2, (int64_t[]){n, k}, data);
    w.interleaved = b->repack && hg_interleave_holds(type, n, k);
    if (w.interleaved)
        hg_interleave_pack(type, k, data, group);
    for (int64_t i = 0; w.interleaved && i < n; i += HG_INTERLEAVE_ROWS)
        memcpy(data + (size_t)i * bytes, group, HG_INTERLEAVE_ROWS * bytes);
    return w;
}

static hg_tensor make_ones(bench *b, int64_t n)
{
    float *x = take(b, (size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = 1;
    return hg_tensor_make(HG_DTYPE_F32, 1, &n, x);
}

static void make_slot(bench *b, int64_t layer, hg_slot slot)
{
    int64_t k, n;
    hg_slot_shape(&b->decoder.config, slot, &k, &n);
    b->decoder.layers[layer].weight[slot] = make_matrix(b, b->type, n, k);
    for (int r = 1; r < RANKS; r++) {
        hg_hlora *h = &b->plugins[r].slots[layer * HG_SLOT_COUNT + (int)slot];
        h->a = make_matrix(b, HG_DTYPE_Q8_0, ranks[r], k);
        h->b = make_matrix(b, HG_DTYPE_Q8_0, n, ranks[r]);
        h->router = make_matrix(b, HG_DTYPE_F16, 4, k);
        h->scale = 8;
    }
}

static void make_model(bench *b, int64_t n_layers)
{
    hg_decoder *d = &b->decoder;
    d->config = (hg_decoder_config){.family = HG_FAMILY_PHI3,
                                    .n_layers = n_layers,
                                    .hidden = 3072,
                                    .n_heads = 32,
                                    .n_kv_heads = 32,
                                    .head_dim = 96,
                                    .ffn = 8192,
                                    .rope_theta = 10000,
                                    .rms_eps = 1e-5F,
                                    .sliding_window = 2047,
                                    .max_positions = 4096};
    d->layers = take(b, (size_t)n_layers * sizeof *d->layers);
    memset(d->layers, 0, (size_t)n_layers * sizeof *d->layers);
    for (int r = 1; r < RANKS; r++) {
        size_t bytes = (size_t)n_layers * HG_SLOT_COUNT * sizeof(hg_hlora);
        b->plugins[r] = (hg_plugin){.n_layers = n_layers, .rank = ranks[r], .n_experts = 4};
        b->plugins[r].slots = memset(take(b, bytes), 0, bytes);
    }
    for (int64_t layer = 0; layer < n_layers; layer++) {
        d->layers[layer].input_norm = make_ones(b, 3072);
        d->layers[layer].post_norm = make_ones(b, 3072);
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            if (hg_slot_exists(&d->config, (hg_slot)slot))
                make_slot(b, layer, (hg_slot)slot);
        }
    }
    float *x = take(b, (size_t)(b->prompt * 3072) * sizeof *x);
    for (int64_t i = 0; i < b->prompt * 3072; i++)
        x[i] = (float)(hg_rng_uniform(&b->rng) - 0.5);
    b->x = hg_tensor_make(HG_DTYPE_F32, 2, (int64_t[]){b->prompt, 3072}, x);
    hg_error err;
    if (hg_kv_cache_init(&b->cache, b->cache_type, n_layers, 32, 96, b->prompt + TOKENS, &err) !=
        HG_STATUS_OK)
        fail(err.text);
    hg_kv_cache_lay(&b->cache, b->n_threads);
}

/* As opening a model does. */
static void choose_prefetch(bench *b)
{
    const size_t slots = (size_t)b->decoder.config.n_layers * HG_SLOT_COUNT;
    hg_tensor **all = calloc(slots * (1 + 2 * (RANKS - 1)), sizeof *all);
    size_t n = 0;
    if (all == NULL)
        fail("out of memory");
    for (size_t i = 0; i < slots; i++) {
        hg_tensor *w = &b->decoder.layers[i / HG_SLOT_COUNT].weight[i % HG_SLOT_COUNT];
        if (w->data == NULL)
            continue;
        all[n++] = w;
        for (int r = 1; r < RANKS; r++) {
            all[n++] = &b->plugins[r].slots[i].a;
            all[n++] = &b->plugins[r].slots[i].b;
        }
    }
    hg_prefetch_choose(b->kernels, n, all);
    b->cache.prefetch = all[0]->prefetch;
    free(all);
}

/* Seconds of rows [begin, begin + count) of x after the positions in the cache. */
static double run(bench *b, int rank, int64_t begin, int64_t count)
{
    hg_ctx ctx;
    hg_arena_reset(&b->step, (hg_arena_mark){0});
    hg_ctx_init(&ctx, &b->step, b->kernels, b->n_threads);
    hg_tensor rows = hg_tensor_view_rows(&b->x, begin, count);
    double start = hg_timing_now();
    if (hg_decoder_forward(&ctx, &b->decoder, rank > 0 ? &b->plugins[rank] : NULL, &b->cache, &rows) == NULL)
        fail(ctx.error.text);
    return hg_timing_now() - start;
}

static int64_t adapter_bytes(const bench *b, int rank)
{
    int64_t bytes = 0;
    for (int64_t i = 0; rank > 0 && i < b->decoder.config.n_layers * HG_SLOT_COUNT; i++) {
        const hg_hlora *h = &b->plugins[rank].slots[i];
        if (h->a.data != NULL)
            bytes += (int64_t)(hg_tensor_bytes(&h->a) + hg_tensor_bytes(&h->b) + hg_tensor_bytes(&h->router));
    }
    return bytes;
}

static int64_t base_bytes(const bench *b)
{
    int64_t bytes = 0;
    for (int64_t layer = 0; layer < b->decoder.config.n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT; slot++) {
            const hg_tensor *w = &b->decoder.layers[layer].weight[slot];
            bytes += w->data != NULL ? (int64_t)hg_tensor_bytes(w) : 0;
        }
    }
    return bytes;
}

/* Median of a[i] / b[i]; prints the range behind it. */
static void print_ratio(const char *label, int n, const double *a, const double *b, double factor)
{
    double ratio[MAX_TURNS];
    for (int i = 0; i < n; i++)
        ratio[i] = a[i] / b[i] * factor;
    const double median = hg_timing_median(n, ratio); /* sorts */
    printf("%-58s %.3f (%.3f to %.3f)\n", label, median, ratio[0], ratio[n - 1]);
}

typedef struct bench_times {
    double decode[RANKS][MAX_TURNS], prefill[RANKS][MAX_TURNS]; /* seconds; decode of one token */
    double read[MAX_TURNS];                                     /* of the base's bytes and a token's cache */
    double dense[MAX_TURNS];
} bench_times;

static void take_turn(bench *b, bench_times *t, int turn, dense_product dense[SHAPES], int64_t token_bytes)
{
    for (int i = 0; i < RANKS; i++) {
        int r = (i + turn) % RANKS; /* none is always first */
        b->cache.length = 0;
        t->prefill[r][turn] = run(b, r, 0, b->prompt);
        double seconds = 0;
        for (int n = 0; n < TOKENS; n++)
            seconds += run(b, r, n, 1);
        t->decode[r][turn] = seconds / TOKENS;
    }
    double begin = hg_timing_now();
    (void)hg_bandwidth_read(b->n_threads, b->read, (size_t)token_bytes, b->ahead);
    t->read[turn] = hg_timing_now() - begin;
    t->dense[turn] = 0;
    for (int i = 0; i < SHAPES; i++)
        t->dense[turn] += (double)b->decoder.config.n_layers * dense_product_seconds(&dense[i]);
}

static void report(const bench *b, const bench_times *t, int64_t token_bytes)
{
    int n = b->turns;
    printf("%s%s, %s, %d threads, %lld layers, %lld positions cached as %s; medians of %d turns (lowest to "
           "highest)\n",
           hg_dtype_name(b->type), b->repack ? ", repacked" : "", b->kernels->name, b->n_threads,
           (long long)b->decoder.config.n_layers, (long long)b->prompt, hg_dtype_name(b->cache_type), n);
    double giga[MAX_TURNS];
    for (int i = 0; i < n; i++)
        giga[i] = 1e-9 * (double)token_bytes;
    print_ratio("read bandwidth, GB/s", n, giga, t->read, 1);
    print_ratio("decode: speed / (bandwidth / bytes of a token)", n, t->read, t->decode[0], 1);
    double base = (double)token_bytes;
    for (int r = 1; r < RANKS; r++) {
        char label[96];
        double more = (double)adapter_bytes(b, r) / base;
        snprintf(label, sizeof label, "decode, H-LoRA rank %lld: time / time without (bytes: %.3f)",
                 (long long)ranks[r], 1 + more);
        print_ratio(label, n, t->decode[r], t->decode[0], 1);
    }
    print_ratio("prefill: speed / oneDNN's dense bf16 products", n, t->dense, t->prefill[0], 1);
    for (int r = 1; r < RANKS; r++) {
        char label[96];
        snprintf(label, sizeof label, "prefill, H-LoRA rank %lld: time / time without", (long long)ranks[r]);
        print_ratio(label, n, t->prefill[r], t->prefill[0], 1);
    }
}

static void parse(bench *b, int argc, char **argv, int64_t *n_layers)
{
    hg_cpu_tier tier = hg_cpu_detect();
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        int64_t number = atoll(value);
        bool ok = number > 0 || strcmp(name, "--repack") == 0;
        if (strcmp(name, "--type") == 0)
            ok = hg_dtype_find(value, &b->type);
        else if (strcmp(name, "--cache") == 0)
            ok = hg_dtype_find(value, &b->cache_type);
        else if (strcmp(name, "--cpu") == 0)
            ok = hg_cpu_tier_find(value, &tier) && hg_cpu_has(tier);
        else if (strcmp(name, "--repack") == 0)
            b->repack = strcmp(value, "no") != 0;
        else if (strcmp(name, "--layers") == 0)
            *n_layers = number;
        else if (strcmp(name, "--prompt") == 0)
            b->prompt = number;
        else if (strcmp(name, "--threads") == 0)
            b->n_threads = (int)number;
        else if (strcmp(name, "--turns") == 0)
            b->turns = (int)(number < MAX_TURNS ? number : MAX_TURNS);
        else
            ok = false;
        if (!ok)
            fail("usage: see the head of bench_decoder.c");
    }
    b->kernels = hg_kernels_get(tier);
    b->repack = b->repack && b->kernels->interleaves;
}

int main(int argc, char **argv)
{
    static bench b = {
        .type = HG_DTYPE_Q4_K, .cache_type = HG_DTYPE_F32, .repack = true, .prompt = 512, .turns = 5};
    static bench_times times;
    int64_t n_layers = 8;
    b.n_threads = hg_parallel_processors();
    parse(&b, argc, argv, &n_layers);
    hg_rng_init(&b.rng, 1);
    b.weights = hg_huge_pages_map(WEIGHT_BYTES);
    if (b.weights == NULL)
        fail("out of memory");
    hg_arena_init(&b.step, (size_t)1 << 26, (size_t)1 << 33);
    make_model(&b, n_layers);
    int64_t cached = n_layers * 2 * b.prompt * (int64_t)hg_dtype_span(b.cache_type, 3072);
    int64_t token_bytes = base_bytes(&b) + cached;
    b.read = memset(take(&b, (size_t)token_bytes), 1, (size_t)token_bytes);
    b.ahead = hg_bandwidth_ahead(b.read, (size_t)token_bytes);
    choose_prefetch(&b);
    dense_product dense[SHAPES];
    for (int i = 0; i < SHAPES; i++) {
        if (!dense_product_open(&dense[i], dnnl_bf16, b.prompt, shapes[i][0], shapes[i][1]))
            fail("oneDNN has no bf16 product here");
    }
    take_turn(&b, &times, 0, dense, token_bytes); /* warms up */
    for (int turn = 0; turn < b.turns; turn++)
        take_turn(&b, &times, turn, dense, token_bytes);
    report(&b, &times, token_bytes);
    for (int i = 0; i < SHAPES; i++)
        dense_product_close(&dense[i]);
    hg_kv_cache_deinit(&b.cache);
    hg_arena_deinit(&b.step);
    hg_huge_pages_unmap(b.weights, WEIGHT_BYTES);
    return 0;
}
