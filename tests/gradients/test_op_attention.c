/* SPDX-License-Identifier: Apache-2.0
 *
 * test_op_attention.c: attention trains in memory that grows with the keys, not with queries times keys; in
 * an arena that the probabilities alone would fill four times, results and gradients agree with the formulas
 * in double.
 */
#include "base/memory.h"
#include "base/rng.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { T = 1024, H = 4, G = 2, D = 8, WINDOW = 700 };
#define LIMIT ((size_t)4 << 20) /* bytes; P would be H · T · T floats, 16 MiB */

static hg_tensor *leaf(hg_ctx *ctx, hg_rng *rng, int64_t heads)
{
    hg_tensor *t = hg_ctx_tensor(ctx, 3, (int64_t[]){T, heads, D}, true);
    assert_non_null(t);
    for (int64_t i = 0; i < hg_tensor_count(t); i++)
        hg_tensor_real(t)[i] = (hg_real)(2 * hg_rng_uniform(rng) - 1);
    return t;
}

/* One head by the formulas: y (T, D), dq (T, D), and the head's share of dk and dv (T, D). */
typedef struct head_result {
    double y[T][D], dq[T][D], dk[T][D], dv[T][D];
} head_result;

static double dot(const hg_real *a, const hg_real *b)
{
    double sum = 0;
    for (int i = 0; i < D; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void head_by_formula(const hg_tensor *q, const hg_tensor *k, const hg_tensor *v, const hg_real *dy,
                            int h, double scale, head_result *out)
{
    const hg_real *qs = hg_tensor_real(q) + h * D, *ks = hg_tensor_real(k) + h / (H / G) * D,
                  *vs = hg_tensor_real(v) + h / (H / G) * D;
    memset(out, 0, sizeof *out);
    for (int t = 0; t < T; t++) {
        static double p[T], dp[T];
        int begin = t + 1 > WINDOW ? t + 1 - WINDOW : 0;
        double sum = 0, mean = 0;
        for (int s = begin; s <= t; s++)
            sum += p[s] = exp(scale * dot(qs + t * H * D, ks + s * G * D));
        const hg_real *g = dy + (t * H + h) * D;
        for (int s = begin; s <= t; s++) {
            p[s] /= sum;
            dp[s] = dot(g, vs + s * G * D);
            mean += p[s] * dp[s];
        }
        for (int s = begin; s <= t; s++) {
            double ds = scale * p[s] * (dp[s] - mean);
            for (int i = 0; i < D; i++) {
                out->y[t][i] += p[s] * (double)vs[s * G * D + i];
                out->dv[s][i] += p[s] * (double)g[i];
                out->dq[t][i] += ds * (double)ks[s * G * D + i];
                out->dk[s][i] += ds * (double)qs[t * H * D + i];
            }
        }
    }
}

static void compare(const char *what, double want, double got)
{
    if (!(fabs(want - got) <= 1e-4 * (1 + fabs(want))))
        fail_msg("%s: %.8g, by formula %.8g", what, got, want);
}

static void check_group(hg_tensor *const leaf_of[3], const hg_tensor *y, const hg_real *dy, int group,
                        double scale)
{
    head_result *r = hg_mem_array(2, sizeof *r);
    assert_non_null(r);
    for (int h = group * 2; h < group * 2 + 2; h++) {
        head_result *head = &r[h % 2];
        head_by_formula(leaf_of[0], leaf_of[1], leaf_of[2], dy, h, scale, head);
        for (int i = 0; i < T * D; i++) {
            compare("y", head->y[i / D][i % D], (double)hg_tensor_real(y)[(i / D * H + h) * D + i % D]);
            compare("dq", head->dq[i / D][i % D], (double)leaf_of[0]->grad[(i / D * H + h) * D + i % D]);
        }
    }
    for (int i = 0; i < T * D; i++) {
        int64_t at = (i / D * G + group) * D + i % D;
        compare("dk", r[0].dk[i / D][i % D] + r[1].dk[i / D][i % D], (double)leaf_of[1]->grad[at]);
        compare("dv", r[0].dv[i / D][i % D] + r[1].dv[i / D][i % D], (double)leaf_of[2]->grad[at]);
    }
    hg_mem_free(r);
}

static void test_bounded_memory(void **state)
{
    (void)state;
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    hg_tape tape = {0};
    hg_arena_init(&arena, 1 << 18, LIMIT);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 2);
    hg_rng_init(&rng, 5);
    ctx.tape = &tape;
    hg_tensor *leaf_of[3] = {leaf(&ctx, &rng, H), leaf(&ctx, &rng, G), leaf(&ctx, &rng, G)};
    hg_attention how = {.causal = true, .window = WINDOW, .scale = (hg_real)0.9};
    hg_tensor *y = hg_op_attention(&ctx, leaf_of[0], leaf_of[1], leaf_of[2], &how);
    if (y == NULL)
        fail_msg("%s", ctx.error.text);
    for (int64_t i = 0; i < hg_tensor_count(y); i++)
        y->grad[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
    for (int group = 0; group < G; group++)
        check_group(leaf_of, y, y->grad, group, (double)how.scale);
    hg_arena_deinit(&arena);
}

/* Segments of one attention and attentions of their own: the same bits, results and gradients. */
static void test_segments(void **state)
{
    (void)state;
    static const int64_t begin[] = {0, 1, 70, 84, T};
    const hg_segments segments = {4, begin, NULL};
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    hg_tape tape = {0};
    hg_arena_init(&arena, 1 << 18, LIMIT);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 2);
    hg_rng_init(&rng, 6);
    ctx.tape = &tape;
    hg_tensor *in[3] = {leaf(&ctx, &rng, H), leaf(&ctx, &rng, G), leaf(&ctx, &rng, G)};
    hg_attention how = {.causal = true, .window = WINDOW, .scale = (hg_real)0.9, .segments = &segments};
    hg_tensor *y = hg_op_attention(&ctx, in[0], in[1], in[2], &how);
    assert_non_null(y);
    for (int64_t i = 0; i < hg_tensor_count(y); i++)
        y->grad[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
    how.segments = NULL;
    for (int64_t i = 0; i < segments.n; i++) {
        hg_tensor part[3];
        int64_t n = begin[i + 1] - begin[i];
        tape.last = NULL;
        for (int j = 0; j < 3; j++) {
            part[j] = hg_tensor_view_rows(in[j], begin[i], n);
            part[j].grad = hg_tape_take_grad(&ctx, hg_tensor_count(&part[j]));
            assert_non_null(part[j].grad);
        }
        const hg_tensor *own = hg_op_attention(&ctx, &part[0], &part[1], &part[2], &how);
        const hg_tensor all = hg_tensor_view_rows(y, begin[i], n);
        assert_non_null(own);
        assert_memory_equal(own->data, all.data, hg_tensor_bytes(own));
        memcpy(own->grad, all.grad, hg_tensor_bytes(own));
        assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
        for (int j = 0; j < 3; j++) {
            const hg_tensor rows = hg_tensor_view_rows(in[j], begin[i], n);
            assert_memory_equal(part[j].grad, rows.grad, hg_tensor_bytes(&rows));
        }
    }
    hg_arena_deinit(&arena);
}

/* A prefix and a segment behind it: what would be one text by itself. */
typedef struct whole {
    hg_prefix prefix;
    int64_t begin, n; /* the segment's own rows */
} whole;

/* Its rows of x, one after the other. */
static hg_tensor *whole_of(hg_ctx *ctx, const whole *w, const hg_tensor *x)
{
    int64_t shape[3] = {w->prefix.n + w->n, x->shape[1], x->shape[2]}, width = shape[1] * shape[2];
    hg_tensor *out = hg_ctx_tensor(ctx, 3, shape, true);
    assert_non_null(out);
    memcpy(hg_tensor_real(out), hg_tensor_real(x) + w->prefix.row * width,
           (size_t)(w->prefix.n * width) * sizeof(hg_real));
    memcpy(hg_tensor_real(out) + w->prefix.n * width, hg_tensor_real(x) + w->begin * width,
           (size_t)(w->n * width) * sizeof(hg_real));
    return out;
}

static void add_gradient(const whole *w, const hg_tensor *x, double *sum)
{
    int64_t width = x->shape[1] * x->shape[2];
    for (int64_t i = 0; i < hg_tensor_count(x); i++) {
        int64_t row =
            i / width < w->prefix.n ? w->prefix.row + i / width : w->begin + i / width - w->prefix.n;
        sum[row * width + i % width] += (double)x->grad[i];
    }
}

/* The attention of one whole sample; of its prefix's rows neither results nor their gradients count here. */
static void check_whole(hg_ctx *ctx, const hg_attention *how, const whole *w, hg_tensor *const in[3],
                        const hg_tensor *y, double *const sums[3])
{
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    hg_tensor *own[3];
    ctx->tape->last = NULL;
    for (int j = 0; j < 3; j++)
        own[j] = whole_of(ctx, w, in[j]);
    const hg_tensor *result = hg_op_attention(ctx, own[0], own[1], own[2], how);
    assert_non_null(result);
    const hg_real *at = hg_tensor_real(result) + w->prefix.n * H * D;
    for (int64_t i = 0; i < w->n * H * D; i++) {
        compare("y", (double)at[i], (double)hg_tensor_real(y)[w->begin * H * D + i]);
        result->grad[w->prefix.n * H * D + i] = y->grad[w->begin * H * D + i];
    }
    assert_int_equal(hg_tape_backward(ctx, NULL), HG_STATUS_OK);
    for (int j = 0; j < 3; j++)
        add_gradient(w, own[j], sums[j]);
    hg_arena_reset(ctx->arena, mark);
}

/* Segments that share prefixes, longer and shorter than a block, one within the window's reach alone, against
 * attentions of whole samples, results and gradients. */
static void test_prefixes(void **state)
{
    (void)state;
    static const int64_t begin[] = {0, 500, 501, 530, 600, 900, T};
    static const hg_prefix prefix[] = {{0, 0}, {0, 499}, {0, 300}, {0, 3}, {0, 0}, {600, 300}};
    const hg_segments segments = {6, begin, prefix};
    hg_arena arena;
    hg_ctx ctx;
    hg_rng rng;
    hg_tape tape = {0};
    double *sums[3];
    hg_arena_init(&arena, 1 << 18, LIMIT);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 2);
    hg_rng_init(&rng, 7);
    ctx.tape = &tape;
    hg_tensor *in[3] = {leaf(&ctx, &rng, H), leaf(&ctx, &rng, G), leaf(&ctx, &rng, G)};
    hg_attention how = {.causal = true, .window = 350, .scale = (hg_real)0.9, .segments = &segments};
    const hg_tensor *y = hg_op_attention(&ctx, in[0], in[1], in[2], &how);
    assert_non_null(y);
    for (int64_t i = 0; i < hg_tensor_count(y); i++)
        y->grad[i] = (hg_real)(2 * hg_rng_uniform(&rng) - 1);
    assert_int_equal(hg_tape_backward(&ctx, NULL), HG_STATUS_OK);
    for (int j = 0; j < 3; j++)
        assert_non_null(sums[j] = hg_mem_array((size_t)hg_tensor_count(in[j]), sizeof(double)));
    how.segments = NULL;
    for (int64_t i = 0; i < segments.n; i++) {
        const whole w = {prefix[i], begin[i], begin[i + 1] - begin[i]};
        check_whole(&ctx, &how, &w, in, y, sums);
    }
    for (int j = 0; j < 3; j++) {
        for (int64_t i = 0; i < hg_tensor_count(in[j]); i++)
            compare("gradient", sums[j][i], (double)in[j]->grad[i]);
        hg_mem_free(sums[j]);
    }
    hg_arena_deinit(&arena);
}

/* A prefix that does not lie before its segment. */
static void test_misplaced_prefix(void **state)
{
    (void)state;
    static const int64_t begin[] = {0, 500, T};
    static const hg_prefix prefixes[][2] = {{{0, 0}, {1, 500}}, {{0, 1}, {0, 0}}, {{0, 0}, {-1, 5}}};
    for (int i = 0; i < 3; i++) {
        const hg_segments segments = {2, begin, prefixes[i]};
        hg_arena arena;
        hg_ctx ctx;
        hg_rng rng;
        hg_arena_init(&arena, 1 << 18, LIMIT);
        hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 1);
        hg_rng_init(&rng, 8);
        hg_tensor *in[3] = {leaf(&ctx, &rng, H), leaf(&ctx, &rng, G), leaf(&ctx, &rng, G)};
        hg_attention how = {.causal = true, .scale = 1, .segments = &segments};
        assert_null(hg_op_attention(&ctx, in[0], in[1], in[2], &how));
        hg_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounded_memory), cmocka_unit_test(test_segments),
                                       cmocka_unit_test(test_prefixes),
                                       cmocka_unit_test(test_misplaced_prefix)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
