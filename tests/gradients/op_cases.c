/* SPDX-License-Identifier: Apache-2.0
 *
 * op_cases.c: one maker per operation. Sizes are odd where they may be, so that no chunk or vector divides
 * them.
 */
#include "op_cases.h"

#include <stdlib.h>

/* Uniform in (-1, 1): keeps sums near 1 and steps away from kinks. */
static void fill(hg_rng *rng, int64_t n, hg_real *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (hg_real)(2 * hg_rng_uniform(rng) - 1);
}

static hg_tensor *frozen(hg_ctx *ctx, hg_rng *rng, int n_dims, const int64_t *shape)
{
    hg_tensor *t = hg_ctx_tensor(ctx, n_dims, shape, false);
    if (t == NULL)
        abort();
    fill(rng, hg_tensor_count(t), hg_tensor_real(t));
    return t;
}

static hg_tensor *leaf(hg_ctx *ctx, hg_rng *rng, op_case *c, int n_dims, const int64_t *shape)
{
    hg_tensor *t = hg_ctx_tensor(ctx, n_dims, shape, true);
    if (t == NULL)
        abort();
    fill(rng, hg_tensor_count(t), hg_tensor_real(t));
    c->leaf[c->n_leaves++] = t;
    return t;
}

#define DIMS(...)                                                                                            \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[])                                   \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* A frozen matrix of a weight type. */
static hg_tensor *weight(hg_ctx *ctx, hg_rng *rng, hg_dtype type, int64_t rows, int64_t columns)
{
    const hg_tensor *real = frozen(ctx, rng, DIMS(rows, columns));
    void *data = hg_arena_alloc(ctx->arena, hg_dtype_span(type, rows * columns));
    if (data == NULL)
        abort();
    hg_dtype_from_real(type, rows * columns, hg_tensor_real(real), data);
    return hg_ctx_view(ctx, hg_tensor_make(type, 2, real->shape, data));
}

/* The middle columns of a wider leaf: rows are strided. */
static hg_tensor *strided_leaf(hg_ctx *ctx, hg_rng *rng, op_case *c, int64_t rows, int64_t columns)
{
    hg_tensor *wide = leaf(ctx, rng, c, DIMS(rows, columns + 5));
    return hg_ctx_view(ctx, hg_tensor_view_columns(wide, 2, columns));
}

static hg_tensor *run_add(hg_ctx *ctx, op_case *c)
{
    return hg_op_add(ctx, c->in[0], c->in[1]);
}

static void make_add(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_add;
    c->in[0] = leaf(ctx, rng, c, DIMS(3 * size, 7));
    c->in[1] = variant == 0 ? leaf(ctx, rng, c, DIMS(3 * size, 7)) : c->in[0]; /* the same tensor twice */
}

static hg_tensor *run_attention(hg_ctx *ctx, op_case *c)
{
    return hg_op_attention(ctx, c->in[0], c->in[1], c->in[2], &c->how);
}

static void make_attention(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const struct {
        int64_t t, s, heads, groups, d, window;
        bool causal;
    } shapes[] = {
        {5, 5, 4, 4, 3, 0, true},      {3, 7, 6, 2, 5, 0, true},   {6, 9, 4, 1, 2, 3, true},
        {5, 5, 1, 1, 7, 0, false},     {1, 4, 4, 2, 3, 0, true},   {1, 6, 2, 2, 3, 2, true},
        {5, 5, 4, 2, 3, 0, true},      {4, 6, 2, 1, 5, 0, false},  {6, 6, 2, 2, 3, 1, true},
        {140, 145, 2, 1, 2, 20, true}, {70, 70, 2, 2, 1, 0, true}, /* several blocks of queries */
        {9, 9, 4, 2, 3, 0, true},      {10, 10, 2, 2, 3, 2, true}, {8, 8, 2, 1, 3, 0, false},  /* segments */
        {9, 9, 4, 2, 3, 0, true},      {10, 10, 2, 2, 3, 4, true}, {6, 6, 2, 1, 3, 0, false}}; /* prefixes */
    size = shapes[variant].t > 60 ? 1 : size;
    int64_t t = shapes[variant].t == 1 ? 1 : shapes[variant].t * size, s = shapes[variant].s * size;
    int64_t heads = shapes[variant].heads, groups = shapes[variant].groups, d = shapes[variant].d;
    c->run = run_attention;
    c->how = (hg_attention){.causal = shapes[variant].causal,
                            .window = shapes[variant].window * size,
                            .scale = (hg_real)(1 / sqrt((double)d))};
    if (variant > 10) {
        c->bounds[1] = 1;
        c->bounds[2] = 2 + t / 2;
        c->bounds[3] = t;
        c->segments = (hg_segments){3, c->bounds, variant > 13 ? c->prefix : NULL};
        c->prefix[1] = (hg_prefix){0, 1};
        c->prefix[2] = (hg_prefix){1, t / 2};
        c->how.segments = &c->segments;
    }
    if (variant == 6) { /* slices of one fused projection */
        hg_tensor *fused = leaf(ctx, rng, c, DIMS(t, (heads + 2 * groups) * d));
        hg_tensor q = hg_tensor_view_columns(fused, 0, heads * d);
        hg_tensor k = hg_tensor_view_columns(fused, heads * d, groups * d);
        hg_tensor v = hg_tensor_view_columns(fused, (heads + groups) * d, groups * d);
        c->in[0] = hg_ctx_view(ctx, hg_tensor_view_heads(&q, heads));
        c->in[1] = hg_ctx_view(ctx, hg_tensor_view_heads(&k, groups));
        c->in[2] = hg_ctx_view(ctx, hg_tensor_view_heads(&v, groups));
        return;
    }
    c->in[0] = leaf(ctx, rng, c, DIMS(t, heads, d));
    bool keys_frozen = variant == 7;
    c->in[1] = keys_frozen ? frozen(ctx, rng, DIMS(s, groups, d)) : leaf(ctx, rng, c, DIMS(s, groups, d));
    c->in[2] = keys_frozen ? frozen(ctx, rng, DIMS(s, groups, d)) : leaf(ctx, rng, c, DIMS(s, groups, d));
}

static hg_tensor *run_concat(hg_ctx *ctx, op_case *c)
{
    return hg_op_concat(ctx, c->in, (int)c->number[0]);
}

static void make_concat(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_concat;
    c->number[0] = variant == 0 ? 4 : 1;
    c->in[0] = leaf(ctx, rng, c, DIMS(2 * size, 5));
    if (variant != 0)
        return;
    c->in[1] = strided_leaf(ctx, rng, c, 3 * size, 5);
    c->in[2] = frozen(ctx, rng, DIMS(1, 5));
    c->in[3] = leaf(ctx, rng, c, DIMS(1, 5));
}

static hg_tensor *run_conv2d(hg_ctx *ctx, op_case *c)
{
    return hg_op_conv2d(ctx, c->in[0], c->in[1], c->in[2], c->number[0], c->number[1], c->number[2]);
}

static void make_conv2d(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const struct {
        int64_t channels, out, h, w, kernel, stride, begin, end;
        bool bias, frozen;
        int64_t images; /* 0: no dimension of images */
    } shapes[] = {{3, 4, 5, 7, 3, 1, 1, 1, true, false, 0},  {2, 3, 6, 8, 3, 2, 0, 1, true, false, 0},
                  {5, 3, 3, 4, 1, 1, 0, 0, false, false, 0}, {2, 2, 7, 5, 3, 2, 1, 1, true, false, 0},
                  {1, 2, 6, 6, 5, 1, 2, 1, true, false, 0},  {2, 3, 5, 5, 3, 1, 1, 1, true, true, 0},
                  {2, 3, 5, 5, 4, 3, 0, 0, false, false, 0}, {1, 1, 1, 1, 3, 1, 1, 1, true, false, 0},
                  {3, 4, 5, 6, 3, 2, 0, 1, true, false, 3},  {2, 3, 5, 5, 3, 1, 1, 1, true, true, 2}};
    int64_t channels = shapes[variant].channels * size, out = shapes[variant].out * size;
    int64_t scale = shapes[variant].kernel == 4 ? 1 : size, kernel = shapes[variant].kernel;
    c->run = run_conv2d;
    c->number[0] = shapes[variant].stride;
    c->number[1] = shapes[variant].begin;
    c->number[2] = shapes[variant].end;
    int64_t dims[4] = {shapes[variant].images, channels, shapes[variant].h * scale,
                       shapes[variant].w * scale};
    c->in[0] = dims[0] == 0 ? leaf(ctx, rng, c, 3, dims + 1) : leaf(ctx, rng, c, 4, dims);
    c->in[1] = shapes[variant].frozen ? frozen(ctx, rng, DIMS(out, channels, kernel, kernel))
                                      : leaf(ctx, rng, c, DIMS(out, channels, kernel, kernel));
    c->in[2] = shapes[variant].bias ? leaf(ctx, rng, c, DIMS(out)) : NULL;
}

static hg_tensor *run_cross_entropy(hg_ctx *ctx, op_case *c)
{
    return hg_op_cross_entropy(ctx, c->in[0], c->ids);
}

/* Some rows have no target, and one class is the target of several. */
static void make_cross_entropy(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const int32_t targets[8] = {4, -1, 0, 4, -1, 2, 1, 4};
    (void)size;
    c->run = run_cross_entropy;
    memcpy(c->ids, targets, sizeof targets);
    c->in[0] = variant == 0 ? leaf(ctx, rng, c, DIMS(7, 5)) : strided_leaf(ctx, rng, c, 7, 5);
}

static hg_tensor *run_distance(hg_ctx *ctx, op_case *c)
{
    return hg_op_distance(ctx, c->in[0], c->in[1], (hg_real)0.7);
}

/* Both learn, or one alone. */
static void make_distance(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_distance;
    c->in[0] = variant == 1 ? frozen(ctx, rng, DIMS(3 * size, 5)) : leaf(ctx, rng, c, DIMS(3 * size, 5));
    c->in[1] = variant == 2 ? frozen(ctx, rng, DIMS(3 * size, 5)) : leaf(ctx, rng, c, DIMS(3 * size, 5));
}

static hg_tensor *run_embedding(hg_ctx *ctx, op_case *c)
{
    return hg_op_embedding(ctx, c->in[0], c->ids, 5);
}

static void make_embedding(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const int32_t ids[5] = {4, 0, 4, 6, 4}; /* one row three times */
    memcpy(c->ids, ids, sizeof ids);
    c->run = run_embedding;
    if (variant == 0)
        c->in[0] = leaf(ctx, rng, c, DIMS(7, 3 * size));
    else if (variant > 2)
        c->in[0] = weight(ctx, rng, variant == 3 ? HG_DTYPE_Q8_0 : HG_DTYPE_Q6_K, 7, 256 * size);
    else
        c->in[0] = weight(ctx, rng, variant == 1 ? HG_DTYPE_BF16 : HG_DTYPE_F16, 7, 3 * size);
}

static hg_tensor *run_gelu(hg_ctx *ctx, op_case *c)
{
    return hg_op_gelu(ctx, c->in[0]);
}

static hg_tensor *run_quick_gelu(hg_ctx *ctx, op_case *c)
{
    return hg_op_quick_gelu(ctx, c->in[0]);
}

static hg_tensor *run_silu(hg_ctx *ctx, op_case *c)
{
    return hg_op_silu(ctx, c->in[0]);
}

/* Variant 0: values near 0; 1: large ones of both signs. */
static void make_activation(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->in[0] = leaf(ctx, rng, c, DIMS(3, 4 * size, 2 * size + 1));
    hg_real *x = hg_tensor_real(c->in[0]);
    for (int64_t i = 0; variant == 1 && i < hg_tensor_count(c->in[0]); i++)
        x[i] *= 12;
}

static void make_gelu(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    make_activation(ctx, rng, variant, size, c);
    c->run = run_gelu;
}

static void make_quick_gelu(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    make_activation(ctx, rng, variant, size, c);
    c->run = run_quick_gelu;
}

static void make_silu(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    make_activation(ctx, rng, variant, size, c);
    c->run = run_silu;
}

static hg_tensor *run_groupnorm(hg_ctx *ctx, op_case *c)
{
    return hg_op_groupnorm(ctx, c->in[0], c->in[1], c->in[2], c->number[0], (hg_real)1e-6);
}

static void make_groupnorm(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const int64_t groups[4] = {3, 1, 6, 2};
    c->run = run_groupnorm;
    c->number[0] = groups[variant];
    c->in[0] =
        variant == 3 ? leaf(ctx, rng, c, DIMS(3, 6, 3 * size, 5)) : leaf(ctx, rng, c, DIMS(6, 3 * size, 5));
    c->in[1] = leaf(ctx, rng, c, DIMS(6));
    c->in[2] = leaf(ctx, rng, c, DIMS(6));
}

static hg_tensor *run_hlora(hg_ctx *ctx, op_case *c)
{
    hg_tensor *y = hg_op_linear(ctx, c->in[0], c->in[1], NULL);
    return hg_op_hlora(ctx, y, c->in[0], &c->plug, c->mask);
}

/* The layer and its plug-in frozen in blocks, few tokens and many; only the input learns. */
static void make_hlora_blocks(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    bool few = variant == 9;
    hg_dtype wide = few ? HG_DTYPE_Q4_K : HG_DTYPE_Q8_0;
    int64_t e = 4, r = 32, k = few ? 256 : 64 + 32 * size, n = 7 * size;
    c->in[0] = leaf(ctx, rng, c, DIMS(few ? 2 : 5 + size, k));
    c->in[1] = weight(ctx, rng, few ? HG_DTYPE_Q6_K : HG_DTYPE_Q4_0, n, k);
    c->plug.a = *weight(ctx, rng, wide, r, k);
    c->plug.b = *weight(ctx, rng, few ? HG_DTYPE_Q4_0 : HG_DTYPE_Q8_0, n, r);
    c->plug.router = *weight(ctx, rng, wide, e, k);
}

/* Variants: experts 1, 2, 4, 8 with trained plug-ins and inputs; few tokens with dropout; the input frozen;
 * frozen weights of 16 bits; a strided input; frozen weights in blocks. */
static void make_hlora(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_hlora;
    c->plug.scale = (hg_real)1.5;
    if (variant > 8) {
        make_hlora_blocks(ctx, rng, variant, size, c);
        return;
    }
    static const int64_t experts[9] = {1, 2, 4, 8, 4, 4, 2, 2, 4};
    int64_t e = experts[variant], r = 8, t = (variant == 4 ? 3 : 6) * (variant == 4 ? 1 : size), k = 5 * size,
            n = 7 * size;
    hg_dtype type = variant == 6 ? HG_DTYPE_BF16 : variant == 7 ? HG_DTYPE_F16 : HG_DTYPE_REAL;
    c->in[0] = variant == 5   ? frozen(ctx, rng, DIMS(t, k))
               : variant == 8 ? strided_leaf(ctx, rng, c, t, k)
                              : leaf(ctx, rng, c, DIMS(t, k));
    c->in[1] = weight(ctx, rng, type, n, k);
    bool trained = type == HG_DTYPE_REAL;
    c->plug.a = *(trained ? leaf(ctx, rng, c, DIMS(r, k)) : weight(ctx, rng, type, r, k));
    c->plug.b = *(trained ? leaf(ctx, rng, c, DIMS(n, r)) : weight(ctx, rng, type, n, r));
    c->plug.router = *(trained ? leaf(ctx, rng, c, DIMS(e, k)) : weight(ctx, rng, type, e, k));
    if (variant != 4 && variant != 8)
        return;
    c->mask = hg_ctx_scratch(ctx, t * r);
    for (int64_t i = 0; i < t * r; i++)
        c->mask[i] = hg_rng_uniform(rng) < 0.3 ? 0 : (hg_real)(1 / 0.7);
}

static hg_tensor *run_lora(hg_ctx *ctx, op_case *c)
{
    hg_tensor *y = hg_op_linear(ctx, c->in[0], c->in[1], NULL);
    return hg_op_adapter(ctx, HG_ADAPTER_LORA, y, c->in[0], &c->plug, c->mask);
}

/* H-LoRA's cases; the router, which is not read, gets no gradient. */
static void make_lora(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    make_hlora(ctx, rng, variant, size, c);
    c->run = run_lora;
}

static hg_tensor *run_moelora(hg_ctx *ctx, op_case *c)
{
    hg_tensor *y = hg_op_linear(ctx, c->in[0], c->in[1], NULL);
    return hg_op_adapter(ctx, HG_ADAPTER_MOELORA, y, c->in[0], &c->plug, c->mask);
}

/* H-LoRA's cases, with B seen as one matrix for each expert. */
static void make_moelora(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    make_hlora(ctx, rng, variant, size, c);
    int64_t e = c->plug.router.shape[0], n = c->plug.b.shape[0], r = c->plug.b.shape[1];
    c->plug.b = hg_tensor_view_shape(&c->plug.b, 2, (int64_t[]){e * n, r / e});
    c->run = run_moelora;
}

static hg_tensor *run_layernorm(hg_ctx *ctx, op_case *c)
{
    return hg_op_layernorm(ctx, c->in[0], c->in[1], c->in[2], (hg_real)1e-5);
}

static void make_layernorm(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    int64_t n = 7 * size;
    c->run = run_layernorm;
    c->in[0] = variant == 0 ? leaf(ctx, rng, c, DIMS(3 * size, n)) : strided_leaf(ctx, rng, c, 3, n);
    c->in[1] = leaf(ctx, rng, c, DIMS(n));
    c->in[2] = leaf(ctx, rng, c, DIMS(n));
}

static hg_tensor *run_linear(hg_ctx *ctx, op_case *c)
{
    return hg_op_linear(ctx, c->in[0], c->in[1], c->in[2]);
}

/* Frozen weights in blocks, few rows and many; rows of the types of 32 elements do not fill the chunks of 256
 * columns that gradients are cut into. */
static void make_linear_blocks(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    static const hg_dtype types[4] = {HG_DTYPE_Q8_0, HG_DTYPE_Q4_0, HG_DTYPE_Q4_K, HG_DTYPE_Q6_K};
    hg_dtype type = types[variant];
    int64_t k = hg_dtype_block(type) == 32 ? 256 + 32 * size : 512;
    c->in[0] = leaf(ctx, rng, c, DIMS(variant % 2 == 0 ? 5 + size : 2, k));
    c->in[1] = weight(ctx, rng, type, 11 * size, k);
}

static void make_linear(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    if (variant > 5) {
        c->run = run_linear;
        make_linear_blocks(ctx, rng, variant - 6, size, c);
        return;
    }
    int64_t t = variant == 1 ? 3 : 9 * size, k = 5 * size, n = 11 * size;
    c->run = run_linear;
    c->in[0] = variant == 3 ? strided_leaf(ctx, rng, c, t, k) : leaf(ctx, rng, c, DIMS(t, k));
    if (variant == 4 || variant == 5)
        c->in[1] = weight(ctx, rng, variant == 4 ? HG_DTYPE_BF16 : HG_DTYPE_F16, n, k);
    else
        c->in[1] = leaf(ctx, rng, c, DIMS(n, k));
    c->in[2] = variant == 2 ? NULL : leaf(ctx, rng, c, DIMS(n));
}

static hg_tensor *run_picture_loss(hg_ctx *ctx, op_case *c)
{
    hg_picture_loss how = {(hg_real)0.4, (hg_real)0.9, (hg_real)0.3};
    return hg_op_picture_loss(ctx, c->in[0], c->in[1], &how);
}

static void make_picture_loss(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_picture_loss;
    c->in[0] =
        variant == 0 ? leaf(ctx, rng, c, DIMS(3, 2 * size, 5)) : leaf(ctx, rng, c, DIMS(2, 3, size, 4));
    c->in[1] = frozen(ctx, rng, c->in[0]->n_dims, c->in[0]->shape);
}

static hg_tensor *run_rmsnorm(hg_ctx *ctx, op_case *c)
{
    return hg_op_rmsnorm(ctx, c->in[0], c->in[1], (hg_real)1e-5);
}

static void make_rmsnorm(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    int64_t n = 7 * size;
    c->run = run_rmsnorm;
    c->in[0] = variant == 0 ? leaf(ctx, rng, c, DIMS(3 * size, n)) : strided_leaf(ctx, rng, c, 3, n);
    c->in[1] = leaf(ctx, rng, c, DIMS(n));
}

static hg_tensor *run_rope(hg_ctx *ctx, op_case *c)
{
    return hg_op_rope(ctx, c->in[0], c->number[0], 10000);
}

static void make_rope(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_rope;
    c->number[0] = variant == 0 ? 0 : 7;
    hg_tensor *x =
        variant == 0 ? leaf(ctx, rng, c, DIMS(3 * size, 12)) : strided_leaf(ctx, rng, c, 3 * size, 12);
    c->in[0] = hg_ctx_view(ctx, hg_tensor_view_heads(x, 2));
}

static hg_tensor *run_softmax(hg_ctx *ctx, op_case *c)
{
    return hg_op_softmax(ctx, c->in[0], (hg_real)1.7);
}

static void make_softmax(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_softmax;
    c->in[0] = leaf(ctx, rng, c, DIMS(3 * size, variant == 0 ? 7 : 2));
}

static hg_tensor *run_spread(hg_ctx *ctx, op_case *c)
{
    return hg_op_spread(ctx, hg_op_softmax(ctx, c->in[0], 1), (hg_real)0.6);
}

static void make_spread(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    (void)variant;
    c->run = run_spread;
    c->in[0] = leaf(ctx, rng, c, DIMS(3 * size, 7));
}

static hg_tensor *run_unit_rows(hg_ctx *ctx, op_case *c)
{
    return hg_op_unit_rows(ctx, c->in[0]);
}

static void make_unit_rows(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_unit_rows;
    c->in[0] = leaf(ctx, rng, c, DIMS(3 * size, variant == 0 ? 7 : 2));
}

static hg_tensor *run_swiglu(hg_ctx *ctx, op_case *c)
{
    return hg_op_swiglu(ctx, c->in[0], c->in[1]);
}

static void make_swiglu(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_swiglu;
    if (variant == 1) { /* halves of one fused projection */
        hg_tensor *fused = leaf(ctx, rng, c, DIMS(3 * size, 10));
        c->in[0] = hg_ctx_view(ctx, hg_tensor_view_columns(fused, 0, 5));
        c->in[1] = hg_ctx_view(ctx, hg_tensor_view_columns(fused, 5, 5));
        return;
    }
    c->in[0] = leaf(ctx, rng, c, DIMS(3, 5 * size));
    c->in[1] = variant == 2 ? frozen(ctx, rng, DIMS(3, 5 * size)) : leaf(ctx, rng, c, DIMS(3, 5 * size));
}

static hg_tensor *run_transpose(hg_ctx *ctx, op_case *c)
{
    return hg_op_transpose(ctx, c->in[0]);
}

static void make_transpose(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_transpose;
    if (variant == 2) {
        c->in[0] = leaf(ctx, rng, c, DIMS(3, 2 * size, 5));
        return;
    }
    c->in[0] = leaf(ctx, rng, c, DIMS(variant == 0 ? 3 * size : 35, variant == 0 ? 7 : 3));
}

static hg_tensor *run_upsample(hg_ctx *ctx, op_case *c)
{
    return hg_op_upsample(ctx, c->in[0]);
}

static void make_upsample(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c)
{
    c->run = run_upsample;
    c->in[0] =
        variant == 0 ? leaf(ctx, rng, c, DIMS(3, 2 * size, 5)) : leaf(ctx, rng, c, DIMS(2, 3, 2 * size, 5));
}

static const op_cases cases[] = {
    {"add", 2, make_add},
    {"attention", 17, make_attention},
    {"concat", 2, make_concat},
    {"conv2d", 10, make_conv2d},
    {"cross_entropy", 2, make_cross_entropy},
    {"distance", 3, make_distance},
    {"embedding", 5, make_embedding},
    {"gelu", 2, make_gelu},
    {"groupnorm", 4, make_groupnorm},
    {"hlora", 11, make_hlora},
    {"layernorm", 2, make_layernorm},
    {"linear", 10, make_linear},
    {"lora", 11, make_lora},
    {"moelora", 9, make_moelora},
    {"picture_loss", 2, make_picture_loss},
    {"quick_gelu", 2, make_quick_gelu},
    {"rmsnorm", 2, make_rmsnorm},
    {"rope", 2, make_rope},
    {"silu", 2, make_silu},
    {"softmax", 2, make_softmax},
    {"spread", 1, make_spread},
    {"swiglu", 3, make_swiglu},
    {"transpose", 3, make_transpose},
    {"unit_rows", 2, make_unit_rows},
    {"upsample", 2, make_upsample},
};

size_t op_cases_count(void)
{
    return sizeof cases / sizeof *cases;
}

const op_cases *op_cases_get(size_t index)
{
    return &cases[index];
}
