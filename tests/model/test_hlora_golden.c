/* SPDX-License-Identifier: Apache-2.0
 *
 * test_hlora_golden.c: H-LoRA, grouped-query attention and rotary positions against PyTorch
 * (reference/op_goldens.py), forward and backward, on every tier: within 1e-5 of the largest expected value.
 */
#include "golden.h"

#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TOLERANCE 1e-5

typedef struct bench {
    hg_arena arena;
    hg_ctx ctx;
    hg_tape tape;
    hg_tensor_file *file;
} bench;

static void bench_init(bench *b, const char *path, hg_cpu_tier tier)
{
    b->file = golden_open(path);
    hg_arena_init(&b->arena, 1 << 20, 1 << 26);
    hg_ctx_init(&b->ctx, &b->arena, hg_kernels_get(tier), 2);
    b->tape = (hg_tape){0};
    b->ctx.tape = &b->tape;
}

static void bench_deinit(bench *b)
{
    hg_arena_deinit(&b->arena);
    hg_tensor_file_close(b->file);
}

/* A golden tensor with a gradient, as the operations take it. */
static hg_tensor *leaf(bench *b, const char *prefix, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const hg_tensor *t = golden_get(b->file, full);
    hg_tensor *copy = hg_ctx_tensor(&b->ctx, t->n_dims, t->shape, true);
    assert_non_null(copy);
    memcpy(copy->data, t->data, (size_t)hg_tensor_count(t) * sizeof(float));
    return copy;
}

static void compare(const bench *b, const char *prefix, const char *name, const float *got)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    golden_compare(full, golden_get(b->file, full), got, TOLERANCE);
}

static void backward(bench *b, const char *prefix, hg_tensor *y)
{
    char full[64];
    snprintf(full, sizeof full, "%sg", prefix);
    const hg_tensor *g = golden_get(b->file, full);
    assert_int_equal(hg_tensor_count(g), hg_tensor_count(y));
    memcpy(y->grad, g->data, (size_t)hg_tensor_count(g) * sizeof(float));
    assert_int_equal(hg_tape_backward(&b->ctx, NULL), HG_STATUS_OK);
}

static void check_hlora(hg_cpu_tier tier, int n_experts)
{
    bench b;
    char prefix[16];
    snprintf(prefix, sizeof prefix, "n%d.", n_experts);
    bench_init(&b, HG_TEST_DATA "/tiny/hlora.safetensors", tier);
    hg_tensor *x = leaf(&b, prefix, "x"), *w = leaf(&b, prefix, "w");
    hg_tensor *bias = n_experts == 2 || n_experts == 8 ? leaf(&b, prefix, "bias") : NULL;
    hg_hlora plug = {*leaf(&b, prefix, "a"), *leaf(&b, prefix, "b"), *leaf(&b, prefix, "r"), 0};
    plug.scale =
        32.0F / ((float)plug.a.shape[0] / (float)n_experts); /* alpha 32 over the rank of one expert */
    hg_tensor *y = hg_op_hlora(&b.ctx, hg_op_linear(&b.ctx, x, w, bias), x, &plug, NULL);
    assert_non_null(y);
    compare(&b, prefix, "y", y->data);
    backward(&b, prefix, y);
    compare(&b, prefix, "dx", x->grad);
    compare(&b, prefix, "dw", w->grad);
    compare(&b, prefix, "da", plug.a.grad);
    compare(&b, prefix, "db", plug.b.grad);
    if (n_experts > 1) /* one expert's softmax is constant */
        compare(&b, prefix, "dr", plug.router.grad);
    for (int64_t i = 0; n_experts == 1 && i < hg_tensor_count(&plug.router); i++)
        assert_true(plug.router.grad[i] == 0);
    if (bias != NULL)
        compare(&b, prefix, "dbias", bias->grad);
    bench_deinit(&b);
}

static void test_hlora(void **state)
{
    (void)state;
    for (hg_cpu_tier tier = HG_CPU_TIER_REFERENCE; tier < HG_CPU_TIER_COUNT; tier++) {
        if (!hg_cpu_has(tier))
            continue;
        for (int n = 1; n <= 8; n *= 2)
            check_hlora(tier, n);
    }
}

static void test_attention(void **state)
{
    (void)state;
    for (hg_cpu_tier tier = HG_CPU_TIER_REFERENCE; tier < HG_CPU_TIER_COUNT; tier++) {
        if (!hg_cpu_has(tier))
            continue;
        bench b;
        bench_init(&b, HG_TEST_DATA "/tiny/attention.safetensors", tier);
        hg_tensor *q = leaf(&b, "", "q"), *k = leaf(&b, "", "k"), *v = leaf(&b, "", "v");
        hg_attention how = {.causal = true, .window = 4, .scale = 1 / sqrtf((float)q->shape[2])};
        hg_tensor *y = hg_op_attention(&b.ctx, q, k, v, &how);
        assert_non_null(y);
        compare(&b, "", "y", y->data);
        backward(&b, "", y);
        compare(&b, "", "dq", q->grad);
        compare(&b, "", "dk", k->grad);
        compare(&b, "", "dv", v->grad);
        /* The last query alone, as in decoding: a path of its own. */
        b.ctx.tape = NULL;
        hg_tensor last = hg_tensor_view_rows(q, q->shape[0] - 1, 1);
        const hg_tensor *one = hg_op_attention(&b.ctx, &last, k, v, &how);
        const float *row = hg_tensor_real(y) + (y->shape[0] - 1) * y->shape[1];
        for (int64_t i = 0; i < y->shape[1]; i++)
            assert_true(fabsf(hg_tensor_real(one)[i] - row[i]) <= 1e-6F);
        bench_deinit(&b);
    }
}

static void check_rope(const bench *b, hg_ctx *ctx, const char *name, double theta)
{
    const hg_tensor *x = golden_get(b->file, "x"), *want = golden_get(b->file, name);
    const float *positions = golden_get(b->file, "positions")->data;
    int64_t row = x->shape[1] * x->shape[2];
    for (int64_t t = 0; t < x->shape[0]; t++) {
        hg_tensor one = hg_tensor_view_rows(x, t, 1), expected = hg_tensor_view_rows(want, t, 1);
        const hg_tensor *y = hg_op_rope(ctx, &one, (int64_t)positions[t], theta);
        assert_non_null(y);
        assert_int_equal(row, hg_tensor_count(y));
        golden_compare(name, &expected, y->data, TOLERANCE);
    }
}

static void test_rope(void **state)
{
    (void)state;
    bench b;
    bench_init(&b, HG_TEST_DATA "/tiny/rope.safetensors", HG_CPU_TIER_REFERENCE);
    b.ctx.tape = NULL;
    check_rope(&b, &b.ctx, "y_10000", 10000);
    check_rope(&b, &b.ctx, "y_250000", 250000);
    bench_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hlora),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_rope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
