/* SPDX-License-Identifier: Apache-2.0
 *
 * products.c: how products are made (products_chunk.c), and in which chunks. With block-quantised weights
 * they go through rounded activations when the tier does that and no gradient is wanted; where the tier is
 * faster with them, many rows go through coarser ones (kernels/wide.h), but not in training.
 */
#include "ops/products.h"

#include "base/parallel.h"
#include "tensor/interleave.h"

#include <assert.h>

/* With wide runs: what unpacked weights may take beside x in a second-level cache of 2 MiB, and the fewest
 * chunks a thread, where they are longer than a panel. */
#define PRODUCTS_WIDE_BYTES ((int64_t)3 << 18)
#define PRODUCTS_WIDE_CHUNKS ((int64_t)16)
/* In bf16: at least so many rows of x and of weights, or rounding x is what costs. */
#define PRODUCTS_BF16_ROWS 32
static_assert(HG_CHAIN_ROWS <= HG_PRODUCTS_FEW_ROUNDED, "no product of a chain for few rows is of many");
static_assert(HG_WIDE_LEAST_Q4_K > HG_PRODUCTS_FEW_ROUNDED,
              "fewer rows are multiplied as weights are stored");
static_assert(HG_PRODUCTS_LARGE <= HG_ROUNDED_PANEL && HG_PRODUCTS_LARGE <= HG_WIDE_PANEL,
              "a chunk is unpacked at once");
static_assert(HG_PRODUCTS_SMALL % HG_INTERLEAVE_ROWS == 0 && HG_PRODUCTS_LARGE % HG_INTERLEAVE_ROWS == 0,
              "chunks are whole groups of interleaved rows");

static int64_t products_blocks(int64_t n, int64_t block)
{
    return (n + block - 1) / block;
}

bool hg_products_rounds(const hg_products *job, int i)
{
    return job->rounds[i] || job->bf16[i];
}

/* Scratch of product i, for one worker. */
static size_t products_need(const hg_products *job, int i)
{
    const int64_t t = job->x.tensor->shape[0], k = job->x.tensor->shape[1];
    if (job->rounds[i] && job->x.wide)
        return hg_wide_scratch(job->block, k) +
               (job->joined == NULL ? 0 : hg_wide_scratch(job->block, job->joined->x.tensor->shape[1]));
    if (job->rounds[i])
        return t > HG_PRODUCTS_FEW_ROUNDED ? hg_rounded_scratch(k) : 0;
    if (job->bf16[i])
        return job->products[i].w->dtype == HG_DTYPE_BF16 ? 0 : (size_t)(job->block * k) * sizeof(uint16_t);
    const bool converts = t > HG_PRODUCTS_FEW && job->products[i].w->dtype != HG_DTYPE_REAL;
    return converts ? (size_t)(job->block * k) * sizeof(hg_real) : 0;
}

bool hg_products_take_scratch(hg_products *job)
{
    for (int i = 0; i < job->n_products; i++) {
        const size_t need = products_need(job, i);
        job->scratch_each = need > job->scratch_each ? need : job->scratch_each;
    }
    job->scratch = hg_arena_alloc(job->ctx->arena, job->scratch_each * (size_t)job->ctx->n_threads);
    if (job->scratch == NULL)
        hg_ctx_fail(job->ctx, HG_STATUS_FAILED, "out of memory (scratch of a product)");
    return job->scratch != NULL;
}

static bool products_may_round(const hg_ctx *ctx, const hg_tensor *w)
{
    bool wanted = hg_ctx_reduces(ctx) || (ctx->compute == HG_COMPUTE_INFER && ctx->tape == NULL);
    return wanted && ctx->kernels->rounds && hg_dtype_is_quantised(w->dtype);
}

static bool products_may_bf16(const hg_ctx *ctx, int64_t t, const hg_tensor *w)
{
    return ctx->bf16 && ctx->compute == HG_COMPUTE_INFER && ctx->tape == NULL && ctx->kernels->fast_bf16 &&
           t >= PRODUCTS_BF16_ROWS && w->shape[0] >= PRODUCTS_BF16_ROWS && !hg_dtype_is_quantised(w->dtype);
}

void hg_products_cut(hg_products *job, int64_t block, int64_t x_block)
{
    job->block = block;
    job->x_block = x_block;
    job->n_chunks = 0;
    for (int i = 0; i < job->n_products; i++) {
        job->begin[i] = job->n_chunks;
        job->n_chunks += products_blocks(job->products[i].w->shape[0], block) *
                         products_blocks(job->x.tensor->shape[0], x_block);
    }
}

/* Weight rows a chunk for few rows of x: at least four chunks a thread, where there are rows for that. What
 * is converted before it is multiplied stays within its scratch. */
static int64_t products_few_block(const hg_products *job)
{
    const int64_t k = job->x.tensor->shape[1];
    const bool few = job->x.tensor->shape[0] <= HG_PRODUCTS_FEW;
    int64_t rows = HG_PRODUCTS_ELEMENTS / (k > 0 ? k : 1);
    for (int i = 0; i < job->n_products; i++) {
        const int64_t share = job->products[i].w->shape[0] / (4 * job->ctx->n_threads);
        rows = hg_products_least(rows, job->rounds[i] || few ? share : HG_PRODUCTS_SMALL);
    }
    return rows < HG_PRODUCTS_SMALL ? HG_PRODUCTS_SMALL : rows / HG_PRODUCTS_SMALL * HG_PRODUCTS_SMALL;
}

/* Of the product that has most. */
static int64_t products_most_rows(const hg_products *job)
{
    int64_t most = 0;
    for (int i = 0; i < job->n_products; i++)
        most = job->products[i].w->shape[0] > most ? job->products[i].w->shape[0] : most;
    return most;
}

/* For many: what is unpacked has a place of its own size, all else is oneDNN's. */
static int64_t products_many_block(const hg_products *job)
{
    return job->x.rounds || products_most_rows(job) < HG_PRODUCTS_DENSE_LEAST ? HG_PRODUCTS_LARGE
                                                                              : HG_PRODUCTS_DENSE;
}

/* For wide runs: so many that x is read seldom and what is unpacked stays in a second-level cache, while each
 * thread has many chunks: they are long, and threads are not equally fast. */
static int64_t products_wide_block(const hg_products *job)
{
    const int64_t most = products_most_rows(job), chunks = PRODUCTS_WIDE_CHUNKS * job->ctx->n_threads;
    int64_t rows = job->ctx->kernels->wide_rows;
    while (rows > HG_WIDE_PANEL &&
           (rows * job->x.tensor->shape[1] > PRODUCTS_WIDE_BYTES || products_blocks(most, rows) < chunks))
        rows /= 2;
    return rows;
}

hg_products hg_products_begin(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    assert(n_products >= 1 && n_products <= HG_PRODUCTS_MAX);
    int64_t t = x->shape[0];
    hg_products job = {
        .ctx = ctx, .x = {.ctx = ctx, .tensor = x}, .products = products, .n_products = n_products};
    const hg_tensor *largest = NULL; /* of the weights that x is rounded for, in one way for all */
    for (int i = 0; i < n_products; i++) {
        const hg_tensor *w = products[i].w;
        job.rounds[i] = products_may_round(ctx, w);
        job.bf16[i] = products_may_bf16(ctx, t, w);
        job.x.bf16 = job.x.bf16 || job.bf16[i];
        assert(!w->interleaved || job.rounds[i]); /* other ways read rows */
        job.work += t * hg_tensor_count(w);
        if (job.rounds[i] && (largest == NULL || hg_tensor_count(w) > hg_tensor_count(largest)))
            largest = w;
    }
    job.x.rounds = largest != NULL;
    job.x.wide =
        job.x.rounds && ctx->compute == HG_COMPUTE_INFER && hg_kernels_widen(ctx->kernels, largest->dtype, t);
    const int64_t block = t <= HG_PRODUCTS_FEW_ROUNDED ? products_few_block(&job)
                          : job.x.wide                 ? products_wide_block(&job)
                                                       : products_many_block(&job);
    hg_products_cut(&job, block, t > 0 ? t : 1);
    return job;
}

int hg_products_threads(const hg_products *job)
{
    return hg_ctx_threads(job->ctx, job->work);
}

void hg_products_run(hg_products *job)
{
    hg_arena_mark mark = hg_arena_get_mark(job->ctx->arena);
    if (hg_products_take_scratch(job) && hg_operand_take(&job->x)) {
        hg_operand_round(&job->x, hg_operand_threads(&job->x));
        hg_parallel_for(hg_products_threads(job), job->n_chunks, hg_products_run_chunk, job);
    }
    hg_arena_reset(job->ctx->arena, mark);
}

void hg_matmul_products(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    hg_products job = hg_products_begin(ctx, x, products, n_products);
    hg_products_run(&job);
}

void hg_matmul_forward(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *w, bool add, hg_tensor *y)
{
    hg_product product = {w, add, hg_tensor_real(y), y->stride[0]};
    hg_matmul_products(ctx, x, &product, 1);
}
