/* SPDX-License-Identifier: Apache-2.0
 *
 * products.c: forward products, as chunks of weight rows. There are four ways: few rows of x read the weights
 * as they are stored, many have them unpacked or converted first; with block-quantised weights both go
 * through rounded activations when the tier does that and no gradient is wanted; on AMX many rows go through
 * coarser ones (kernels/wide.h), but not in training.
 */
#include "ops/matmul.h"

#include "base/parallel.h"
#include "tensor/interleave.h"

#include <assert.h>

/* Up to this many rows of x the weights are read as they are stored: reading them is what costs. */
#define PRODUCTS_FEW 4
#define PRODUCTS_FEW_ROUNDED 8
static_assert(HG_CHAIN_ROWS <= PRODUCTS_FEW_ROUNDED, "no product of a chain is of many rows");
/* Weight rows a chunk. Few rows of x: small, so that no thread waits long for the last one. Many: 64 rows of
 * 3,072 floats are 768 KiB, which stays in a second-level cache. */
#define PRODUCTS_SMALL 32
#define PRODUCTS_LARGE 64
static_assert(PRODUCTS_LARGE <= HG_ROUNDED_PANEL && PRODUCTS_LARGE <= HG_WIDE_PANEL,
              "a chunk is unpacked at once");
static_assert(PRODUCTS_SMALL % HG_INTERLEAVE_ROWS == 0 && PRODUCTS_LARGE % HG_INTERLEAVE_ROWS == 0,
              "chunks are whole groups of interleaved rows");

typedef struct products_job {
    hg_ctx *ctx;
    const hg_tensor *x;
    const hg_product *products;
    int n_products;
    int64_t block;                  /* weight rows a chunk */
    int64_t begin[HG_PRODUCTS_MAX]; /* a product's first chunk */
    bool rounds[HG_PRODUCTS_MAX];
    bool any_rounds;
    bool wide;          /* which of the two ways of rounding */
    hg_rounded rounded; /* x, when any product rounds */
    hg_wide wide_rows;  /* the same, when wide */
    uint8_t *scratch;   /* scratch_each bytes for each worker */
    size_t scratch_each;
} products_job;

/* A chunk: rows first to first + count of a product's weight. */
typedef struct products_chunk {
    const hg_product *product;
    int64_t first, count;
    const void *w; /* its first row */
    hg_real *y;    /* its first column */
} products_chunk;

/* Few rows, plain. */
static void products_matvec(const products_job *job, const products_chunk *c)
{
    const hg_tensor *x = job->x, *w = c->product->w;
    hg_real result[PRODUCTS_LARGE];
    for (int64_t t = 0; t < x->shape[0]; t++) {
        job->ctx->kernels->matvec(w->dtype, c->count, w->shape[1], c->w, w->stride[0],
                                  hg_tensor_real(x) + t * x->stride[0], result);
        hg_real *y = c->y + t * c->product->ldy;
        for (int64_t i = 0; i < c->count; i++)
            y[i] = c->product->add ? result[i] + y[i] : result[i];
    }
}

/* Many rows, plain. */
static void products_gemm(const products_job *job, const products_chunk *c, void *scratch)
{
    const hg_tensor *x = job->x, *w = c->product->w;
    const hg_real *rows = c->w;
    int64_t k = w->shape[1], ld = w->stride[0];
    if (w->dtype != HG_DTYPE_REAL) {
        hg_real *real = scratch;
        for (int64_t i = 0; i < c->count; i++)
            job->ctx->kernels->to_real(w->dtype, k, hg_tensor_at(w, (c->first + i) * w->stride[0]),
                                       real + i * k);
        rows = real;
        ld = k;
    }
    hg_gemm_shape shape = {.trans_b = true,
                           .m = x->shape[0],
                           .n = c->count,
                           .k = k,
                           .lda = x->stride[0],
                           .ldb = ld,
                           .ldc = c->product->ldy};
    job->ctx->kernels->gemm(&shape, hg_tensor_real(x), rows, c->product->add ? 1 : 0, c->y);
}

/* Rows of block-quantised weights with rounded x. */
static void products_rounded(const products_job *job, const products_chunk *c, void *scratch)
{
    const hg_kernels *kernels = job->ctx->kernels;
    const hg_tensor *w = c->product->w;
    const bool add = c->product->add;
    const int64_t ldy = c->product->ldy;
    if (job->x->shape[0] <= PRODUCTS_FEW_ROUNDED && w->interleaved)
        kernels->matvec_interleaved(w->dtype, c->count, c->w, &job->rounded, add, c->y, ldy);
    else if (job->x->shape[0] <= PRODUCTS_FEW_ROUNDED)
        kernels->matvec_rounded(w->dtype, c->count, c->w, w->stride[0], &job->rounded, add, c->y, ldy);
    else if (job->wide && w->interleaved)
        kernels->gemm_wide_interleaved(w->dtype, c->count, c->w, &job->wide_rows, add, c->y, ldy, scratch);
    else if (job->wide)
        kernels->gemm_wide(w->dtype, c->count, c->w, w->stride[0], &job->wide_rows, add, c->y, ldy, scratch);
    else if (w->interleaved)
        kernels->gemm_interleaved(w->dtype, c->count, c->w, &job->rounded, add, c->y, ldy, scratch);
    else
        kernels->gemm_rounded(w->dtype, c->count, c->w, w->stride[0], &job->rounded, add, c->y, ldy, scratch);
}

static void products_run_chunk(void *arg, int64_t index, int worker)
{
    const products_job *job = arg;
    int p = job->n_products - 1;
    while (index < job->begin[p])
        p--;
    const hg_product *product = &job->products[p];
    const hg_tensor *w = product->w;
    products_chunk c = {.product = product, .first = (index - job->begin[p]) * job->block};
    int64_t left = w->shape[0] - c.first;
    c.count = left < job->block ? left : job->block;
    c.w = hg_tensor_at(w, c.first * w->stride[0]);
    c.y = product->y + c.first;
    void *scratch = job->scratch + (size_t)worker * job->scratch_each;
    if (job->rounds[p])
        products_rounded(job, &c, scratch);
    else if (job->x->shape[0] <= PRODUCTS_FEW)
        products_matvec(job, &c);
    else
        products_gemm(job, &c, scratch);
}

static void products_round_row(void *arg, int64_t row, int worker)
{
    (void)worker;
    const products_job *job = arg;
    const hg_real *x = hg_tensor_real(job->x) + row * job->x->stride[0];
    if (job->wide)
        job->ctx->kernels->round_wide(x, &job->wide_rows, row);
    else
        job->ctx->kernels->round(x, &job->rounded, row);
}

/* Memory for scratch and for x rounded, as far as the products need them. */
static bool products_take_memory(products_job *job)
{
    hg_ctx *ctx = job->ctx;
    int64_t t = job->x->shape[0], k = job->x->shape[1];
    for (int i = 0; i < job->n_products; i++) {
        bool rounds = job->rounds[i];
        size_t need = 0;
        if (rounds && t > PRODUCTS_FEW_ROUNDED)
            need = job->wide ? hg_wide_scratch(k) : hg_rounded_scratch(k);
        else if (!rounds && t > PRODUCTS_FEW && job->products[i].w->dtype != HG_DTYPE_REAL)
            need = (size_t)(PRODUCTS_LARGE * k) * sizeof(hg_real);
        job->scratch_each = need > job->scratch_each ? need : job->scratch_each;
        job->any_rounds = job->any_rounds || rounds;
    }
    size_t rounded_bytes = !job->any_rounds ? 0 : job->wide ? hg_wide_bytes(t, k) : hg_rounded_bytes(t, k);
    uint8_t *memory = hg_arena_alloc(ctx->arena, job->scratch_each * (size_t)ctx->n_threads + rounded_bytes);
    if (memory == NULL) {
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (scratch of a product)");
        return false;
    }
    job->scratch = memory;
    uint8_t *rows = memory + job->scratch_each * (size_t)ctx->n_threads;
    if (job->any_rounds && job->wide)
        job->wide_rows = hg_wide_make(t, k, rows);
    else if (job->any_rounds)
        job->rounded = hg_rounded_make(t, k, rows);
    return true;
}

static void products_round(products_job *job, int n_threads)
{
    if (job->any_rounds)
        hg_parallel_for(n_threads, job->x->shape[0], products_round_row, job);
}

static bool products_may_round(const hg_ctx *ctx, const hg_tensor *w)
{
    bool wanted = hg_ctx_reduces(ctx) || (ctx->compute == HG_COMPUTE_INFER && ctx->tape == NULL);
    return wanted && ctx->kernels->rounds && hg_dtype_is_quantised(w->dtype);
}

/* Cuts the products into chunks; *n_chunks and *work (multiply-adds) of them all. */
static products_job products_begin(hg_ctx *ctx, const hg_tensor *x, const hg_product *products,
                                   int n_products, int64_t *n_chunks, int64_t *work)
{
    assert(n_products >= 1 && n_products <= HG_PRODUCTS_MAX);
    int64_t t = x->shape[0];
    products_job job = {.ctx = ctx, .x = x, .products = products, .n_products = n_products};
    job.wide = ctx->kernels->wide && t >= HG_WIDE_ROWS && ctx->compute == HG_COMPUTE_INFER;
    job.block = t <= PRODUCTS_FEW_ROUNDED ? PRODUCTS_SMALL : PRODUCTS_LARGE;
    *n_chunks = *work = 0;
    for (int i = 0; i < n_products; i++) {
        const hg_tensor *w = products[i].w;
        job.rounds[i] = products_may_round(ctx, w);
        assert(!w->interleaved || job.rounds[i]); /* other ways read rows */
        job.begin[i] = *n_chunks;
        *n_chunks += (w->shape[0] + job.block - 1) / job.block;
        *work += t * hg_tensor_count(w);
    }
    return job;
}

void hg_matmul_products(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    int64_t n_chunks, work;
    products_job job = products_begin(ctx, x, products, n_products, &n_chunks, &work);
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (products_take_memory(&job)) {
        products_round(&job, hg_ctx_threads(ctx, 4 * hg_tensor_count(x)));
        hg_parallel_for(hg_ctx_threads(ctx, work), n_chunks, products_run_chunk, &job);
    }
    hg_arena_reset(ctx->arena, mark);
}

/* ---- chains ---- */

typedef struct chain_job {
    products_job products, last; /* `last` is the chain's own product */
    const hg_chain *chain;
    atomic_int early; /* chunks that `make` waits for, and 1 for itself */
    atomic_int wide;  /* chunks of the product that the chain's is added to */
} chain_job;

/* A chunk of all products but the last; the thread that does the last chunk makes z. */
static void chain_early(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    products_run_chunk(&job->products, index, worker);
    if (atomic_fetch_sub_explicit(&job->early, 1, memory_order_acq_rel) != 2)
        return;
    job->chain->make(job->chain->arg);
    products_round(&job->last, 1);
    atomic_store_explicit(&job->early, 0, memory_order_release);
}

static void chain_wide(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    products_run_chunk(&job->products, job->products.begin[job->products.n_products - 1] + index, worker);
    atomic_fetch_sub_explicit(&job->wide, 1, memory_order_acq_rel);
}

/* After all of the wide product, not in turns with its chunks: those of a narrow weight are a few cache
 * lines, and each change from one stream of memory to another costs more than reading them. */
static void chain_late(void *arg, int64_t index, int worker)
{
    chain_job *job = arg;
    hg_parallel_wait(&job->early);
    hg_parallel_wait(&job->wide);
    products_run_chunk(&job->last, index, worker);
}

void hg_matmul_chain(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products,
                     const hg_chain *chain)
{
    int64_t n_chunks, work, n_late, late_work;
    const hg_product *wide = &products[n_products - 1];
    const hg_product last = {chain->w, true, wide->y, wide->ldy};
    assert(n_products >= 2 && x->shape[0] <= HG_CHAIN_ROWS && wide->w->shape[0] == chain->w->shape[0]);
    chain_job job = {.products = products_begin(ctx, x, products, n_products, &n_chunks, &work),
                     .last = products_begin(ctx, chain->z, &last, 1, &n_late, &late_work),
                     .chain = chain};
    hg_arena_mark mark = hg_arena_get_mark(ctx->arena);
    if (products_take_memory(&job.products) && products_take_memory(&job.last)) {
        const int64_t n_early = job.products.begin[n_products - 1];
        const hg_parallel_part parts[] = {
            {n_early, chain_early}, {n_chunks - n_early, chain_wide}, {n_late, chain_late}};
        atomic_init(&job.early, (int)n_early + 1);
        atomic_init(&job.wide, (int)(n_chunks - n_early));
        products_round(&job.products, 1);
        hg_parallel_for_parts(hg_ctx_threads(ctx, work + late_work), 3, parts, &job);
    }
    hg_arena_reset(ctx->arena, mark);
}

void hg_matmul_forward(hg_ctx *ctx, const hg_tensor *x, const hg_tensor *w, bool add, hg_tensor *y)
{
    hg_product product = {w, add, hg_tensor_real(y), y->stride[0]};
    hg_matmul_products(ctx, x, &product, 1);
}
