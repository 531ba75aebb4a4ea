/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_hlora.c: what a training step of one decoder layer's linear parts costs with H-LoRA, LoRA and
 * MoELoRA, forward and backward (gradients of the input and of the adapter), on HealthGPT-M3's shapes.
 *
 * A turn times the base layers (bf16, frozen) once and each kind of adapter on their result, slot by slot; a
 * step is the base and one adapter. Each figure is the median of its ratios to LoRA in the same turn, so that
 * what else the machine does falls on all alike. Prints a Markdown table.
 *
 *     bench_hlora [--tokens N] [--turns N] [--threads N]
 */
#include "base/memory.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOTS = 4, KINDS = 3, MAX_TURNS = 99 };

/* Inputs and outputs of qkv, o, gate and up, down. */
static const int64_t slot_shape[SLOTS][2] = {{3072, 9216}, {3072, 3072}, {3072, 16384}, {8192, 3072}};
static const hg_adapter_kind kinds[KINDS] = {HG_ADAPTER_LORA, HG_ADAPTER_HLORA, HG_ADAPTER_MOELORA};

/* One linear layer, and the largest adapter's memory. */
typedef struct bench_slot {
    hg_tensor weight; /* (N, K) bf16, frozen */
    hg_tensor x;      /* (T, K) with a gradient */
    hg_real *a, *b, *router;
    hg_real *da, *db, *drouter;
} bench_slot;

typedef struct bench {
    hg_arena weights, step;
    int64_t tokens;
    int turns, n_threads;
    bench_slot slots[SLOTS];
} bench;

static hg_real *bench_reals(bench *b, hg_rng *rng, int64_t n)
{
    hg_real *x = hg_arena_alloc(&b->weights, (size_t)n * sizeof *x);
    if (x == NULL) {
        fprintf(stderr, "bench_hlora: out of memory\n");
        exit(1);
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = rng != NULL ? (hg_real)(0.02 * (2 * hg_rng_uniform(rng) - 1)) : 0;
    return x;
}

static void bench_make_slot(bench *b, hg_rng *rng, int index, int64_t rank, int64_t experts)
{
    bench_slot *s = &b->slots[index];
    int64_t k = slot_shape[index][0], n = slot_shape[index][1];
    uint16_t *weight = (uint16_t *)bench_reals(b, NULL, n * k / 2);
    for (int64_t i = 0; i < n * k; i++)
        weight[i] = hg_f32_to_bf16((float)(0.04 * (hg_rng_uniform(rng) - 0.5)));
    s->weight = hg_tensor_make(HG_DTYPE_BF16, 2, (int64_t[]){n, k}, weight);
    s->x = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){b->tokens, k}, bench_reals(b, rng, b->tokens * k));
    s->x.grad = bench_reals(b, NULL, b->tokens * k);
    s->a = bench_reals(b, rng, rank * k);
    s->b = bench_reals(b, rng, n * rank);
    s->router = bench_reals(b, rng, experts * k);
    s->da = bench_reals(b, NULL, rank * k);
    s->db = bench_reals(b, NULL, n * rank);
    s->drouter = bench_reals(b, NULL, experts * k);
}

static hg_tensor bench_matrix(int64_t rows, int64_t columns, hg_real *data, hg_real *grad)
{
    hg_tensor t = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){rows, columns}, data);
    t.grad = grad;
    return t;
}

static double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static hg_hlora bench_plug(bench *b, int index, hg_adapter_kind kind, int64_t rank, int64_t experts)
{
    bench_slot *s = &b->slots[index];
    int64_t k = slot_shape[index][0], n = slot_shape[index][1];
    bool apart = kind == HG_ADAPTER_MOELORA;
    hg_hlora plug = {.scale = (hg_real)8};
    plug.a = bench_matrix(rank, k, s->a, s->da);
    plug.b = bench_matrix(apart ? experts * n : n, apart ? rank / experts : rank, s->b, s->db);
    plug.router = bench_matrix(experts, k, s->router, s->drouter);
    return plug;
}

/* Seconds of forward and backward of one slot: of the adapter on a result that is there, or, when plug is
 * NULL, of the base layer. */
static double bench_run_slot(bench *b, int index, hg_adapter_kind kind, hg_hlora *plug)
{
    bench_slot *s = &b->slots[index];
    int64_t n = slot_shape[index][1];
    hg_tape tape = {NULL};
    hg_ctx ctx;
    hg_arena_mark mark = hg_arena_get_mark(&b->step);
    hg_ctx_init(&ctx, &b->step, hg_kernels_get(hg_cpu_detect()), b->n_threads);
    hg_tensor *y = hg_ctx_tensor(&ctx, 2, (int64_t[]){b->tokens, n}, true);
    if (y != NULL)
        memset(y->data, 0, (size_t)(b->tokens * n) * sizeof(hg_real));
    ctx.tape = &tape;
    double begin = bench_now();
    y = plug == NULL ? hg_op_linear(&ctx, &s->x, &s->weight, NULL)
                     : hg_op_adapter(&ctx, kind, y, &s->x, plug, NULL);
    double forward = bench_now() - begin;
    if (y == NULL || y->grad == NULL) {
        fprintf(stderr, "bench_hlora: %s\n", ctx.error.text);
        exit(1);
    }
    for (int64_t i = 0; i < b->tokens * n; i++)
        y->grad[i] = (hg_real)1e-3 * (hg_real)(i % 7 - 3);
    begin = bench_now();
    (void)!hg_tape_backward(&ctx, NULL);
    double backward = bench_now() - begin;
    hg_arena_reset(&b->step, mark);
    return forward + backward;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double bench_median(int n, double *values)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* One turn: seconds of the base layers and of each kind of adapter. */
typedef struct bench_turn {
    double base, adapter[KINDS];
} bench_turn;

static bench_turn bench_take_turn(bench *b, int turn, int64_t rank, int64_t experts)
{
    bench_turn t = {0};
    for (int slot = 0; slot < SLOTS; slot++) {
        t.base += bench_run_slot(b, slot, HG_ADAPTER_LORA, NULL);
        for (int i = 0; i < KINDS; i++) {
            int kind = (i + turn + 1) % KINDS; /* none is always first */
            hg_hlora plug = bench_plug(b, slot, kinds[kind], rank, experts);
            t.adapter[kind] += bench_run_slot(b, slot, kinds[kind], &plug);
        }
    }
    return t;
}

/* Median, lowest and highest of a kind's ratio to LoRA: of whole steps, or of the adapters alone. */
static void bench_print_ratio(const bench_turn *turns, int n, int kind, bool whole)
{
    double ratio[MAX_TURNS];
    for (int i = 0; i < n; i++) {
        double base = whole ? turns[i].base : 0;
        ratio[i] = (base + turns[i].adapter[kind]) / (base + turns[i].adapter[0]);
    }
    double median = bench_median(n, ratio);
    printf(" %.2f (%.2f to %.2f) |", median, ratio[0], ratio[n - 1]);
}

static void bench_print_row(bench *b, int64_t rank, int64_t experts)
{
    static bench_turn turns[MAX_TURNS];
    double base[MAX_TURNS], lora[MAX_TURNS];
    bench_take_turn(b, 0, rank, experts); /* warms up */
    for (int turn = 0; turn < b->turns; turn++) {
        turns[turn] = bench_take_turn(b, turn, rank, experts);
        base[turn] = turns[turn].base;
        lora[turn] = turns[turn].adapter[0];
    }
    printf("| %lld | %lld | %.3f | %.3f |", (long long)rank, (long long)experts, bench_median(b->turns, base),
           bench_median(b->turns, lora));
    for (int whole = 1; whole >= 0; whole--) {
        for (int kind = 1; kind < KINDS; kind++)
            bench_print_ratio(turns, b->turns, kind, whole);
    }
    printf("\n");
    fflush(stdout);
}

static void bench_table(bench *b)
{
    static const int64_t ranks[] = {64, 256}, experts[] = {2, 4, 8, 32};
    printf("%lld tokens, %d threads, %s; medians of %d turns, in brackets the lowest and highest\n\n",
           (long long)b->tokens, b->n_threads, hg_cpu_tier_name(hg_cpu_detect()), b->turns);
    printf("| rank | experts | base (s) | LoRA (s) | step: H-LoRA / LoRA | step: MoELoRA / LoRA | "
           "adapter: H-LoRA / LoRA | adapter: MoELoRA / LoRA |\n|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 4; j++)
            bench_print_row(b, ranks[i], experts[j]);
    }
}

int main(int argc, char **argv)
{
    static bench b = {.tokens = 256, .turns = 7};
    hg_rng rng;
    hg_rng_init(&rng, 1);
    b.n_threads = hg_parallel_processors();
    for (int i = 1; i + 1 < argc; i += 2) {
        int value = atoi(argv[i + 1]);
        if (value < 1)
            return 2;
        if (strcmp(argv[i], "--tokens") == 0)
            b.tokens = value;
        if (strcmp(argv[i], "--turns") == 0)
            b.turns = value < MAX_TURNS ? value : MAX_TURNS;
        if (strcmp(argv[i], "--threads") == 0)
            b.n_threads = value;
    }
    hg_arena_init(&b.weights, (size_t)1 << 26, (size_t)1 << 33);
    hg_arena_init(&b.step, (size_t)1 << 26, (size_t)1 << 33);
    for (int slot = 0; slot < SLOTS; slot++)
        bench_make_slot(&b, &rng, slot, 256, 32);
    bench_table(&b);
    hg_arena_deinit(&b.step);
    hg_arena_deinit(&b.weights);
    return 0;
}
