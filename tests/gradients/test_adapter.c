/* SPDX-License-Identifier: Apache-2.0
 *
 * test_adapter.c: MoELoRA with the same weights is H-LoRA, and LoRA is H-LoRA with one expert, in results and
 * in every gradient; with enough tokens for several chunks, in double. Shapes that do not fit fail.
 */
#include "base/rng.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { T = 140, K = 270, N = 90, R = 24 };

typedef struct outcome {
    hg_real y[T * N], dx[T * K], da[R * K], db[N * R], dr[R * K];
} outcome;

typedef struct values {
    hg_real x[T * K], y[T * N], g[T * N], a[R * K], b[N * R], router[R * K], mask[T * R];
} values;

static void fill(hg_rng *rng, int64_t n, hg_real *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = 2 * hg_rng_uniform(rng) - 1;
}

static const values *make_values(void)
{
    static values v;
    hg_rng rng;
    hg_rng_init(&rng, 12);
    fill(&rng, sizeof v / sizeof(hg_real), (hg_real *)&v);
    for (int i = 0; i < T * R; i++)
        v.mask[i] = v.mask[i] < -0.5 ? 0 : 4.0 / 3;
    return &v;
}

static hg_tensor with_grad(int64_t rows, int64_t columns, const hg_real *data, hg_real *grad)
{
    hg_tensor t = hg_tensor_make(HG_DTYPE_REAL, 2, (int64_t[]){rows, columns}, (void *)(uintptr_t)data);
    t.grad = grad;
    memset(grad, 0, (size_t)(rows * columns) * sizeof *grad);
    return t;
}

/* B (N, R) to the experts' (N, R / E) one after the other, or back. */
static void regroup(int64_t e, bool to_experts, const hg_real *from, hg_real *to)
{
    int64_t r = R / e;
    for (int64_t j = 0; j < e; j++) {
        for (int64_t i = 0; i < N; i++) {
            for (int64_t c = 0; c < r; c++) {
                int64_t merged = i * R + j * r + c, apart = (j * N + i) * r + c;
                to[to_experts ? apart : merged] = from[to_experts ? merged : apart];
            }
        }
    }
}

static void run(hg_adapter_kind kind, int64_t e, bool dropout, outcome *o)
{
    const values *v = make_values();
    static hg_real apart[N * R], d_apart[N * R];
    hg_arena arena;
    hg_ctx ctx;
    hg_tape tape = {0};
    hg_arena_init(&arena, 1 << 20, 1 << 28);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(HG_CPU_TIER_REFERENCE), 2);
    ctx.tape = &tape;
    bool moelora = kind == HG_ADAPTER_MOELORA;
    hg_hlora plug = {.scale = 1.25};
    hg_tensor x = with_grad(T, K, v->x, o->dx);
    plug.a = with_grad(R, K, v->a, o->da);
    plug.router = with_grad(e, K, v->router, o->dr);
    regroup(e, true, v->b, apart);
    plug.b = moelora ? with_grad(e * N, R / e, apart, d_apart) : with_grad(N, R, v->b, o->db);
    if (kind == HG_ADAPTER_LORA)
        plug.router = (hg_tensor){0};
    hg_tensor *y = hg_ctx_tensor(&ctx, 2, (int64_t[]){T, N}, false);
    memcpy(y->data, v->y, sizeof v->y);
    y = hg_op_adapter(&ctx, kind, y, &x, &plug, dropout ? v->mask : NULL);
    assert_non_null(y);
    memcpy(o->y, y->data, sizeof o->y);
    memcpy(y->grad, v->g, sizeof v->g);
    assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
    if (moelora)
        regroup(e, false, d_apart, o->db);
    hg_arena_deinit(&arena);
}

static void compare(const char *what, int64_t n, const hg_real *want, const hg_real *got)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    assert_true(largest > 0.1);
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(want[i] - got[i]) <= 1e-12 * largest))
            fail_msg("%s, element %lld: %.15g, by H-LoRA %.15g", what, (long long)i, got[i], want[i]);
    }
}

static outcome want, got;

static void test_moelora_is_hlora(void **state)
{
    (void)state;
    for (int64_t e = 1; e <= 24; e = e == 8 ? 24 : 2 * e) {
        run(HG_ADAPTER_HLORA, e, e > 2, &want);
        run(HG_ADAPTER_MOELORA, e, e > 2, &got);
        compare("y", T * N, want.y, got.y);
        compare("dx", T * K, want.dx, got.dx);
        compare("dA", R * K, want.da, got.da);
        compare("dB", N * R, want.db, got.db);
        if (e > 1)
            compare("dR", e * K, want.dr, got.dr);
    }
}

static void test_lora_is_one_expert(void **state)
{
    (void)state;
    for (int dropout = 0; dropout < 2; dropout++) {
        run(HG_ADAPTER_HLORA, 1, dropout, &want);
        run(HG_ADAPTER_LORA, 1, dropout, &got);
        compare("y", T * N, want.y, got.y);
        compare("dx", T * K, want.dx, got.dx);
        compare("dA", R * K, want.da, got.da);
        compare("dB", N * R, want.db, got.db);
        for (int64_t i = 0; i < K; i++)
            assert_true(fabs(want.dr[i]) < 1e-12); /* nothing to route */
    }
}

static void test_misfits(void **state)
{
    (void)state;
    const values *v = make_values();
    static hg_real grads[T * K];
    hg_arena arena;
    hg_ctx ctx;
    hg_arena_init(&arena, 1 << 16, 1 << 20);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(HG_CPU_TIER_REFERENCE), 1);
    hg_tensor x = with_grad(4, K, v->x, grads);
    hg_hlora plug = {.a = with_grad(R, K, v->a, grads), .router = with_grad(4, K, v->router, grads)};
    plug.b = with_grad(N, R, v->b, grads);
    hg_tensor *y = hg_ctx_tensor(&ctx, 2, (int64_t[]){4, N}, false);
    assert_null(hg_op_adapter(&ctx, HG_ADAPTER_MOELORA, y, &x, &plug, NULL)); /* B of H-LoRA's shape */
    assert_string_equal(ctx.error.text, "moelora: A, B and router do not fit the layer");
    ctx.error.code = HG_STATUS_OK;
    plug.b.shape[0] = N - 1;
    assert_null(hg_op_adapter(&ctx, HG_ADAPTER_LORA, y, &x, &plug, NULL));
    assert_string_equal(ctx.error.text, "lora: A and B do not fit the layer");
    ctx.error.code = HG_STATUS_OK;
    assert_null(hg_op_adapter(&ctx, HG_ADAPTER_HLORA, y, &x, &plug, NULL));
    assert_int_equal(ctx.error.code, HG_STATUS_INPUT);
    hg_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moelora_is_hlora),
        cmocka_unit_test(test_lora_is_one_expert),
        cmocka_unit_test(test_misfits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
