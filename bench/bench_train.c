/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_train.c: what a training step of one decoder layer of HealthGPT-M3 costs, as training makes it:
 * forward without a tape, forward again with one, and backward to the layer's input and its adapters.
 *
 *     bench_train [--tokens N] [--turns N] [--threads N] [--type T] [--compute f32|bf16|int8] [--rank N]
 * [--experts N]
 *                 [--layer]
 *
 * By default H-LoRA, LoRA and MoELoRA are compared: in each turn every kind makes its own whole step, in
 * changing order, and a figure is the median of its ratios to LoRA in the same turn, so that what else the
 * machine does falls on all alike; --rank and --experts leave the other rows out. With --layer one H-LoRA of
 * rank 64 is timed part by part. Prints a Markdown table.
 */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/timing.h"
#include "model/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 3, MAX_TURNS = 99, MAX_RANK = 256, MAX_EXPERTS = 32 };

static const hg_adapter_kind kinds[KINDS] = {HG_ADAPTER_LORA, HG_ADAPTER_HLORA, HG_ADAPTER_MOELORA};
static const hg_slot slots[] = {HG_SLOT_QKV, HG_SLOT_O, HG_SLOT_GATE_UP, HG_SLOT_DOWN};
enum { SLOTS = sizeof slots / sizeof *slots };

/* The largest adapter's memory and its gradient's, of a slot. */
typedef struct bench_memory {
    hg_real *a, *b, *router, *da, *db, *drouter;
} bench_memory;

typedef struct bench {
    hg_arena weights, step;
    int64_t tokens;
    int turns, n_threads;
    int64_t rank, experts; /* of the rows that are wanted; 0: all */
    hg_dtype type;
    hg_compute compute;
    hg_decoder decoder;
    hg_decoder_layer layer;
    bench_memory memory[SLOTS];
    hg_hlora plugs[HG_SLOT_COUNT];
    hg_plugin plugin;
    hg_tensor x; /* (T, H) with a gradient */
} bench;

static void bench_die(const char *why)
{
    fprintf(stderr, "bench_train: %s\n", why);
    exit(1);
}

static hg_real *bench_reals(bench *b, hg_rng *rng, int64_t n)
{
    hg_real *x = hg_arena_alloc(&b->weights, (size_t)n * sizeof *x);
    if (x == NULL)
        bench_die("out of memory");
    for (int64_t i = 0; i < n; i++)
        x[i] = rng != NULL ? (hg_real)(0.02 * (2 * hg_rng_uniform(rng) - 1)) : 0;
    return x;
}

/* A frozen matrix of the bench's type, made row by row. */
static hg_tensor bench_weight(bench *b, hg_rng *rng, int64_t n, int64_t k)
{
    size_t row_bytes = hg_dtype_span(b->type, k);
    uint8_t *data = hg_arena_alloc(&b->weights, (size_t)n * row_bytes);
    hg_real *row = bench_reals(b, NULL, k);
    if (data == NULL)
        bench_die("out of memory");
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < k; j++)
            row[j] = (hg_real)(0.02 * (2 * hg_rng_uniform(rng) - 1));
        hg_dtype_from_real(b->type, k, row, data + (size_t)i * row_bytes);
    }
    return hg_tensor_make(b->type, 2, (int64_t[]){n, k}, data);
}

static hg_tensor bench_ones(bench *b, int64_t n)
{
    hg_real *x = bench_reals(b, NULL, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = 1;
    return hg_tensor_make(HG_DTYPE_REAL, 1, &n, x);
}

static void bench_make(bench *b)
{
    hg_rng rng;
    hg_rng_init(&rng, 1);
    hg_decoder_config *c = &b->decoder.config;
    *c = (hg_decoder_config){.family = HG_FAMILY_PHI3,
                             .n_layers = 1,
                             .hidden = 3072,
                             .n_heads = 32,
                             .n_kv_heads = 32,
                             .head_dim = 96,
                             .ffn = 8192,
                             .rms_eps = 1e-5F,
                             .rope_theta = 10000,
                             .max_positions = 4096};
    b->decoder.layers = &b->layer;
    b->layer.input_norm = bench_ones(b, c->hidden);
    b->layer.post_norm = bench_ones(b, c->hidden);
    for (int i = 0; i < SLOTS; i++) {
        int64_t k, n;
        hg_slot_shape(c, slots[i], &k, &n);
        b->layer.weight[slots[i]] = bench_weight(b, &rng, n, k);
        bench_memory *m = &b->memory[i];
        m->a = bench_reals(b, &rng, MAX_RANK * k);
        m->b = bench_reals(b, &rng, n * MAX_RANK);
        m->router = bench_reals(b, &rng, MAX_EXPERTS * k);
        m->da = bench_reals(b, NULL, MAX_RANK * k);
        m->db = bench_reals(b, NULL, n * MAX_RANK);
        m->drouter = bench_reals(b, NULL, MAX_EXPERTS * k);
    }
    b->x = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){b->tokens, c->hidden},
                          bench_reals(b, &rng, b->tokens * c->hidden));
    b->x.grad = bench_reals(b, NULL, b->tokens * c->hidden);
}

static hg_tensor bench_matrix(int64_t rows, int64_t columns, hg_real *data, hg_real *grad)
{
    hg_tensor t = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){rows, columns}, data);
    t.grad = grad;
    return t;
}

static void bench_plug(bench *b, hg_adapter_kind kind, int64_t rank, int64_t experts)
{
    b->plugin =
        (hg_plugin){.n_layers = 1, .kind = kind, .rank = rank, .n_experts = experts, .slots = b->plugs};
    for (int i = 0; i < SLOTS; i++) {
        int64_t k, n, b_shape[2];
        const bench_memory *m = &b->memory[i];
        hg_slot_shape(&b->decoder.config, slots[i], &k, &n);
        hg_plugin_b_shape(kind, rank, experts, n, b_shape);
        hg_hlora *plug = &b->plugs[slots[i]];
        *plug = (hg_hlora){.scale = 8};
        plug->a = bench_matrix(rank, k, m->a, m->da);
        plug->b = bench_matrix(b_shape[0], b_shape[1], m->b, m->db);
        if (kind != HG_ADAPTER_LORA)
            plug->router = bench_matrix(experts, k, m->router, m->drouter);
    }
}

/* Seconds of the three parts of a step. */
typedef struct bench_parts {
    double forward, again, backward;
} bench_parts;

static bench_parts bench_step(bench *b)
{
    bench_parts p;
    hg_tape tape = {0};
    hg_ctx ctx;
    hg_arena_mark mark = hg_arena_get_mark(&b->step);
    hg_ctx_init(&ctx, &b->step, hg_kernels_get(hg_cpu_detect()), b->n_threads);
    ctx.compute = b->compute;
    double begin = hg_timing_now();
    hg_decoder_layer_forward(&ctx, &b->decoder, &b->plugin, NULL, 0, &b->x);
    p.forward = hg_timing_now() - begin;
    hg_arena_reset(&b->step, mark);
    ctx.tape = &tape;
    begin = hg_timing_now();
    hg_tensor *y = hg_decoder_layer_forward(&ctx, &b->decoder, &b->plugin, NULL, 0, &b->x);
    p.again = hg_timing_now() - begin;
    if (y == NULL || y->grad == NULL)
        bench_die(ctx.error.text);
    for (int64_t i = 0; i < hg_tensor_count(y); i++)
        y->grad[i] = (hg_real)1e-3 * (hg_real)(i % 7 - 3);
    begin = hg_timing_now();
    if (hg_tape_backward(&ctx, NULL) != HG_STATUS_OK)
        bench_die(ctx.error.text);
    p.backward = hg_timing_now() - begin;
    hg_arena_reset(&b->step, mark);
    return p;
}

static void bench_print_ratio(double seconds[][KINDS], int n, int kind)
{
    double ratio[MAX_TURNS];
    for (int i = 0; i < n; i++)
        ratio[i] = seconds[i][kind] / seconds[i][0];
    const double median = hg_timing_median(n, ratio); /* sorts */
    printf(" %.2f (%.2f to %.2f) |", median, ratio[0], ratio[n - 1]);
}

static void bench_print_row(bench *b, int64_t rank, int64_t experts)
{
    static double seconds[MAX_TURNS][KINDS];
    double lora[MAX_TURNS];
    for (int turn = -1; turn < b->turns; turn++) { /* the first warms up */
        for (int i = 0; i < KINDS; i++) {
            int kind = (i + turn + 1) % KINDS;
            bench_plug(b, kinds[kind], rank, experts);
            bench_parts p = bench_step(b);
            if (turn >= 0)
                seconds[turn][kind] = p.forward + p.again + p.backward;
        }
    }
    for (int turn = 0; turn < b->turns; turn++)
        lora[turn] = seconds[turn][0];
    printf("| %lld | %lld | %.3f |", (long long)rank, (long long)experts, hg_timing_median(b->turns, lora));
    for (int kind = 1; kind < KINDS; kind++)
        bench_print_ratio(seconds, b->turns, kind);
    printf("\n");
    fflush(stdout);
}

static void bench_print_table(bench *b)
{
    static const int64_t ranks[] = {64, 256}, experts[] = {2, 4, 8, 32};
    printf("| rank | experts | LoRA (s) | H-LoRA / LoRA | MoELoRA / LoRA |\n|---|---|---|---|---|\n");
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 4; j++) {
            if ((b->rank == 0 || b->rank == ranks[i]) && (b->experts == 0 || b->experts == experts[j]))
                bench_print_row(b, ranks[i], experts[j]);
        }
    }
}

static void bench_print_layer(bench *b)
{
    enum { COLUMNS = 5 };
    double parts[COLUMNS][MAX_TURNS];
    bench_plug(b, HG_ADAPTER_HLORA, 64, 4);
    bench_step(b);
    for (int turn = 0; turn < b->turns; turn++) {
        bench_parts p = bench_step(b);
        parts[0][turn] = p.forward;
        parts[1][turn] = p.again;
        parts[2][turn] = p.backward;
        parts[3][turn] = p.forward + p.again + p.backward;
        parts[4][turn] = p.again + p.backward;
    }
    printf("| forward (s) | forward with tape (s) | backward (s) | step, layer computed again (s) | "
           "activations kept (s) |\n|---|---|---|---|---|\n|");
    for (int i = 0; i < COLUMNS; i++)
        printf(" %.3f |", hg_timing_median(b->turns, parts[i]));
    printf("\n");
}

static bool bench_take_type(bench *b, const char *name)
{
    for (int type = 0; type < HG_DTYPE_COUNT; type++) {
        if (strcmp(name, hg_dtype_name((hg_dtype)type)) == 0) {
            b->type = (hg_dtype)type;
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    hg_compute compute;
} ways[] = {{"f32", HG_COMPUTE_EXACT}, {"bf16", HG_COMPUTE_BF16}, {"int8", HG_COMPUTE_INT8}};
enum { WAYS = sizeof ways / sizeof *ways };

static bool bench_take_compute(bench *b, const char *name)
{
    for (int i = 0; i < WAYS; i++) {
        if (strcmp(name, ways[i].name) == 0) {
            b->compute = ways[i].compute;
            return true;
        }
    }
    return false;
}

static const char *bench_compute_name(const bench *b)
{
    int i = 0;
    while (ways[i].compute != b->compute)
        i++;
    return ways[i].name;
}

/* One option and its value. */
static bool bench_take(bench *b, const char *option, const char *text)
{
    int value = atoi(text);
    if (strcmp(option, "--type") == 0)
        return bench_take_type(b, text);
    if (strcmp(option, "--compute") == 0) {
        return bench_take_compute(b, text);
    }
    if (strcmp(option, "--tokens") == 0)
        b->tokens = value;
    if (strcmp(option, "--turns") == 0)
        b->turns = value < MAX_TURNS ? value : MAX_TURNS;
    if (strcmp(option, "--rank") == 0)
        b->rank = value;
    if (strcmp(option, "--experts") == 0)
        b->experts = value;
    if (strcmp(option, "--threads") == 0)
        b->n_threads = value;
    return value > 0;
}

int main(int argc, char **argv)
{
    static bench b = {.tokens = 256, .turns = 5, .type = HG_DTYPE_Q4_K, .compute = HG_COMPUTE_INT8};
    bool layer = argc > 1 && strcmp(argv[argc - 1], "--layer") == 0;
    b.n_threads = hg_parallel_processors();
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!bench_take(&b, argv[i], argv[i + 1]))
            return 2;
    }
    hg_arena_init(&b.weights, (size_t)1 << 26, (size_t)1 << 33);
    hg_arena_init(&b.step, (size_t)1 << 26, (size_t)1 << 33);
    bench_make(&b);
    printf("%lld tokens, %d threads, %s, base %s, compute %s; medians of %d turns%s\n\n", (long long)b.tokens,
           b.n_threads, hg_cpu_tier_name(hg_cpu_detect()), hg_dtype_name(b.type), bench_compute_name(&b),
           b.turns, layer ? "" : ", in brackets the lowest and highest");
    if (layer)
        bench_print_layer(&b);
    else
        bench_print_table(&b);
    hg_arena_deinit(&b.step);
    hg_arena_deinit(&b.weights);
    return 0;
}
