/* SPDX-License-Identifier: Apache-2.0
 *
 * products.c: forward products, as chunks of weight rows. There are five ways: few rows of x read the weights
 * as they are stored, many have them unpacked or converted first, to floats or, where the context says so, to
 * bf16; with block-quantised weights both go through rounded activations when the tier does that and no
 * gradient is wanted; where the tier is faster with them, many rows go through coarser ones (kernels/wide.h),
 * but not in training.
 */
#include "ops/products.h"

#include "base/parallel.h"
#include "ops/bf16_row.h"
#include "tensor/interleave.h"

#include <assert.h>

/* Up to this many rows of x the weights are read as they are stored: reading them is what costs. */
#define PRODUCTS_FEW 4
#define PRODUCTS_FEW_ROUNDED 8
/* With wide runs: what unpacked weights may take beside x in a second-level cache of 2 MiB, and the fewest
 * chunks a thread, where they are longer than a panel. */
#define PRODUCTS_WIDE_BYTES ((int64_t)3 << 18)
#define PRODUCTS_WIDE_CHUNKS ((int64_t)16)
/* In bf16: at least so many rows of x and of weights, or rounding x is what costs. */
#define PRODUCTS_BF16_ROWS 32
static_assert(HG_CHAIN_ROWS <= PRODUCTS_FEW_ROUNDED, "no product of a chain for few rows is of many");
static_assert(HG_PRODUCTS_LARGE <= HG_ROUNDED_PANEL && HG_PRODUCTS_LARGE <= HG_WIDE_PANEL,
              "a chunk is unpacked at once");
static_assert(HG_PRODUCTS_SMALL % HG_INTERLEAVE_ROWS == 0 && HG_PRODUCTS_LARGE % HG_INTERLEAVE_ROWS == 0,
              "chunks are whole groups of interleaved rows");

/* A chunk: rows first to first + count of a product's weight, rows t to t + n_t of x. */
typedef struct products_chunk {
    const hg_product *product;
    int64_t first, count;
    int64_t t, n_t;
    const void *w; /* its first row */
    const hg_real *x;
    const hg_rounded *rounded; /* all of x */
    hg_real *y;                /* its first column and row */
} products_chunk;

static int64_t products_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Weight rows begin to begin + count of a chunk by one row of x. */
static void products_matvec_rows(const hg_products *job, const products_chunk *c, int64_t begin,
                                 int64_t count, int64_t t)
{
    const hg_tensor *w = c->product->w;
    const void *rows = hg_tensor_at(w, (c->first + begin) * w->stride[0]);
    hg_real result[HG_PRODUCTS_LARGE], *y = c->y + t * c->product->ldy + begin;
    job->ctx->kernels->matvec(w->dtype, count, w->shape[1], rows, w->stride[0], c->x + t * job->x->stride[0],
                              hg_prefetch_asks_rows(w->prefetch), result);
    for (int64_t i = 0; i < count; i++)
        y[i] = c->product->add ? result[i] + y[i] : result[i];
}

/* Few rows, plain. */
static void products_matvec(const hg_products *job, const products_chunk *c)
{
    for (int64_t t = 0; t < c->n_t; t++) {
        for (int64_t begin = 0; begin < c->count; begin += HG_PRODUCTS_LARGE)
            products_matvec_rows(job, c, begin, products_least(c->count - begin, HG_PRODUCTS_LARGE), t);
    }
}

/* Many rows, plain. */
static void products_gemm(const hg_products *job, const products_chunk *c, void *scratch)
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
                           .m = c->n_t,
                           .n = c->count,
                           .k = k,
                           .lda = x->stride[0],
                           .ldb = ld,
                           .ldc = c->product->ldy};
    job->ctx->kernels->gemm(&shape, c->x, rows, c->product->add ? 1 : 0, c->y);
}

/* Many rows, in bf16. */
static void products_bf16(const hg_products *job, const products_chunk *c, void *scratch)
{
    const hg_kernels *kernels = job->ctx->kernels;
    const hg_tensor *w = c->product->w;
    const int64_t k = w->shape[1];
    hg_bf16_product s = {.m = c->n_t,
                         .n = c->count,
                         .k = k,
                         .ldx = k,
                         .ldy = c->product->ldy,
                         .end = c->product->add ? HG_BF16_END_ADD : HG_BF16_END_STORE};
    const uint16_t *rows = hg_bf16_rows(kernels, w->dtype, c->count, k, c->w, w->stride[0], scratch, &s.ldw);
    kernels->gemm_bf16(&s, job->bf16_rows + c->t * k, rows, NULL, c->y);
}

/* Many rows of x with wide runs, and with them the product that is joined to this one. */
static void products_wide(const hg_products *job, const products_chunk *c, void *scratch)
{
    const hg_tensor *w = c->product->w;
    const hg_wide x = hg_wide_rows(&job->wide_rows, c->t, c->n_t);
    hg_wide_term terms[HG_WIDE_TERMS] = {{w->dtype, w->interleaved, c->w, w->stride[0], &x}};
    hg_wide z;
    int n_terms = 1;
    if (job->joined != NULL) {
        const hg_tensor *more = job->joined->products[0].w;
        z = hg_wide_rows(&job->joined->wide_rows, c->t, c->n_t);
        terms[n_terms++] =
            (hg_wide_term){more->dtype, more->interleaved, hg_tensor_at(more, c->first * more->stride[0]),
                           more->stride[0], &z};
    }
    job->ctx->kernels->gemm_wide(c->count, terms, n_terms, c->product->add, c->y, c->product->ldy, scratch);
}

/* Rows of block-quantised weights with rounded x. */
static void products_rounded(const hg_products *job, const products_chunk *c, void *scratch)
{
    const hg_kernels *kernels = job->ctx->kernels;
    const hg_tensor *w = c->product->w;
    const bool add = c->product->add;
    const int64_t ldy = c->product->ldy;
    if (job->x->shape[0] <= PRODUCTS_FEW_ROUNDED && w->interleaved)
        kernels->matvec_interleaved(w->dtype, c->count, c->w, w->prefetch, c->rounded, add, c->y, ldy);
    else if (job->x->shape[0] <= PRODUCTS_FEW_ROUNDED)
        kernels->matvec_rounded(w->dtype, c->count, c->w, w->stride[0], c->rounded, add, c->y, ldy);
    else if (job->wide)
        products_wide(job, c, scratch);
    else if (w->interleaved)
        kernels->gemm_interleaved(w->dtype, c->count, c->w, c->rounded, add, c->y, ldy, scratch);
    else
        kernels->gemm_rounded(w->dtype, c->count, c->w, w->stride[0], c->rounded, add, c->y, ldy, scratch);
}

static int64_t products_blocks(int64_t n, int64_t block)
{
    return (n + block - 1) / block;
}

static int64_t products_left(int64_t n, int64_t begin, int64_t block)
{
    return products_least(n - begin, block);
}

/* Row t of x, or a worker's only one; NULL while they are promised: nothing but rounding reads them. */
static const hg_real *products_x(const hg_products *job, int64_t t, int worker)
{
    if (job->x->data == NULL)
        return NULL;
    return hg_tensor_real(job->x) + (job->apart ? worker : t) * job->x->stride[0];
}

/* Bytes of a row of x rounded, in cache lines that no other worker writes to. */
static size_t products_apart_bytes(const hg_products *job)
{
    return (hg_rounded_bytes(1, job->x->shape[1]) + 127) / 128 * 128;
}

static hg_rounded products_rounded_x(const hg_products *job, int worker)
{
    if (!job->apart || !job->any_rounds)
        return job->rounded;
    return hg_rounded_make(1, job->x->shape[1],
                           (uint8_t *)job->rounded.codes + (size_t)worker * products_apart_bytes(job));
}

void hg_products_run_chunk(void *arg, int64_t index, int worker)
{
    const hg_products *job = arg;
    int p = job->n_products - 1;
    while (index < job->begin[p])
        p--;
    const hg_product *product = &job->products[p];
    const hg_tensor *w = product->w;
    const int64_t x_blocks = products_blocks(job->x->shape[0], job->x_block), at = index - job->begin[p];
    products_chunk c = {
        .product = product, .first = at / x_blocks * job->block, .t = at % x_blocks * job->x_block};
    c.count = products_left(w->shape[0], c.first, job->block);
    c.n_t = products_left(job->x->shape[0], c.t, job->x_block);
    c.w = hg_tensor_at(w, c.first * w->stride[0]);
    c.x = products_x(job, c.t, worker);
    const hg_rounded rounded = products_rounded_x(job, worker);
    c.rounded = &rounded;
    c.y = product->y + c.t * product->ldy + c.first;
    void *scratch = job->scratch + (size_t)worker * job->scratch_each;
    if (job->rounds[p])
        products_rounded(job, &c, scratch);
    else if (job->bf16[p])
        products_bf16(job, &c, scratch);
    else if (job->x->shape[0] <= PRODUCTS_FEW)
        products_matvec(job, &c);
    else
        products_gemm(job, &c, scratch);
}

/* Elements between workers' rows: in cache lines of their own. */
static int64_t products_made_each(const hg_products *job)
{
    return (job->x->shape[1] + 31) / 32 * 32;
}

static bool products_promised(const hg_products *job)
{
    return job->rows != NULL && !hg_rows_are_there(job->rows);
}

/* The row of x, made if it is only promised. */
static const hg_real *products_row(const hg_products *job, int64_t row, int worker)
{
    if (!products_promised(job))
        return hg_tensor_real(job->x) + row * job->x->stride[0];
    hg_real *made = job->made + worker * products_made_each(job);
    job->rows->make(job->rows, row, made);
    return made;
}

static void products_beside(const hg_products *job, const hg_real *x, int64_t row)
{
    for (int i = 0; i < job->n_beside; i++) {
        const hg_product *p = &job->beside[i];
        job->ctx->kernels->matvec(p->w->dtype, p->w->shape[0], p->w->shape[1], p->w->data, p->w->stride[0], x,
                                  false, p->y + row * p->ldy);
    }
}

static void products_round_row(void *arg, int64_t row, int worker)
{
    const hg_products *job = arg;
    if (job->chain != NULL)
        job->chain->make(job->chain->arg, row);
    const hg_real *x = products_row(job, row, worker);
    const int64_t k = job->x->shape[1];
    products_beside(job, x, row);
    if (job->any_bf16)
        job->ctx->kernels->to_bf16(HG_DTYPE_REAL, k, x, job->bf16_rows + row * k);
    if (job->any_rounds && job->wide)
        job->ctx->kernels->round_wide(x, &job->wide_rows, row);
    else if (job->any_rounds)
        job->ctx->kernels->round(x, &job->rounded, row);
}

/* Scratch of product i, for one worker. */
static size_t products_need(const hg_products *job, int i)
{
    const int64_t t = job->x->shape[0], k = job->x->shape[1];
    if (job->rounds[i] && job->wide)
        return hg_wide_scratch(job->block, k) +
               (job->joined == NULL ? 0 : hg_wide_scratch(job->block, job->joined->x->shape[1]));
    if (job->rounds[i])
        return t > PRODUCTS_FEW_ROUNDED ? hg_rounded_scratch(k) : 0;
    if (job->bf16[i])
        return job->products[i].w->dtype == HG_DTYPE_BF16 ? 0 : (size_t)(job->block * k) * sizeof(uint16_t);
    const bool converts = t > PRODUCTS_FEW && job->products[i].w->dtype != HG_DTYPE_REAL;
    return converts ? (size_t)(job->block * k) * sizeof(hg_real) : 0;
}

/* Memory of the arena; NULL, and the context fails, when there is none. */
static uint8_t *products_take(hg_ctx *ctx, size_t bytes)
{
    uint8_t *memory = hg_arena_alloc(ctx->arena, bytes);
    if (memory == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (scratch of a product)");
    return memory;
}

bool hg_products_take_scratch(hg_products *job)
{
    for (int i = 0; i < job->n_products; i++) {
        const size_t need = products_need(job, i);
        job->scratch_each = need > job->scratch_each ? need : job->scratch_each;
    }
    job->scratch = products_take(job->ctx, job->scratch_each * (size_t)job->ctx->n_threads);
    return job->scratch != NULL;
}

/* Memory for x rounded, if the products need it. */
bool hg_products_take_rows(hg_products *job)
{
    const int64_t t = job->x->shape[0], k = job->x->shape[1];
    if (products_promised(job)) {
        job->made = hg_ctx_scratch(job->ctx, job->ctx->n_threads * products_made_each(job));
        if (job->made == NULL)
            return false;
    }
    if (job->any_bf16) {
        job->bf16_rows = (uint16_t *)(void *)products_take(job->ctx, (size_t)(t * k) * sizeof(uint16_t));
        if (job->bf16_rows == NULL)
            return false;
    }
    if (!job->any_rounds)
        return true;
    size_t bytes = job->wide ? hg_wide_bytes(t, k) : hg_rounded_bytes(t, k);
    if (job->apart)
        bytes = (size_t)job->ctx->n_threads * products_apart_bytes(job);
    uint8_t *rows = products_take(job->ctx, bytes);
    if (rows != NULL && job->wide)
        job->wide_rows = hg_wide_make(t, k, rows);
    else if (rows != NULL)
        job->rounded = hg_rounded_make(t, k, rows);
    return rows != NULL;
}

void hg_products_round(const hg_products *job, int n_threads)
{
    if (job->any_rounds || job->any_bf16)
        hg_parallel_for(n_threads, job->x->shape[0], products_round_row, (void *)(uintptr_t)job);
}

void hg_products_round_own(const hg_products *job, int worker)
{
    assert(job->apart);
    if (!job->any_rounds)
        return;
    const hg_rounded to = products_rounded_x(job, worker);
    job->ctx->kernels->round(products_x(job, 0, worker), &to, 0);
}

void hg_products_round_columns(const hg_products *job, int64_t begin, int64_t count)
{
    assert(job->x->shape[0] == 1 && !job->wide && !job->apart);
    if (!job->any_rounds)
        return;
    const hg_rounded columns = hg_rounded_columns(&job->rounded, begin, count);
    job->ctx->kernels->round(hg_tensor_real(job->x) + begin, &columns, 0);
}

bool hg_products_round_all(const hg_products *job)
{
    for (int i = 0; i < job->n_products; i++) {
        if (!job->rounds[i] && !job->bf16[i])
            return false;
    }
    return true;
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
        job->n_chunks +=
            products_blocks(job->products[i].w->shape[0], block) * products_blocks(job->x->shape[0], x_block);
    }
}

/* Weight rows a chunk for few rows of x: at least four chunks a thread, where there are rows for that. What
 * is converted before it is multiplied stays within its scratch. */
static int64_t products_few_block(const hg_products *job)
{
    const int64_t k = job->x->shape[1];
    const bool few = job->x->shape[0] <= PRODUCTS_FEW;
    int64_t rows = HG_PRODUCTS_ELEMENTS / (k > 0 ? k : 1);
    for (int i = 0; i < job->n_products; i++) {
        const int64_t share = job->products[i].w->shape[0] / (4 * job->ctx->n_threads);
        rows = products_least(rows, job->rounds[i] || few ? share : HG_PRODUCTS_SMALL);
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
    return job->any_rounds || products_most_rows(job) < HG_PRODUCTS_DENSE_LEAST ? HG_PRODUCTS_LARGE
                                                                                : HG_PRODUCTS_DENSE;
}

/* For wide runs: so many that x is read seldom and what is unpacked stays in a second-level cache, while each
 * thread has many chunks: they are long, and threads are not equally fast. */
static int64_t products_wide_block(const hg_products *job)
{
    const int64_t most = products_most_rows(job), chunks = PRODUCTS_WIDE_CHUNKS * job->ctx->n_threads;
    int64_t rows = job->ctx->kernels->wide_rows;
    while (rows > HG_WIDE_PANEL &&
           (rows * job->x->shape[1] > PRODUCTS_WIDE_BYTES || products_blocks(most, rows) < chunks))
        rows /= 2;
    return rows;
}

hg_products hg_products_begin(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products)
{
    assert(n_products >= 1 && n_products <= HG_PRODUCTS_MAX);
    int64_t t = x->shape[0];
    hg_products job = {.ctx = ctx, .x = x, .products = products, .n_products = n_products};
    const hg_tensor *largest = NULL; /* of the weights that x is rounded for, in one way for all */
    for (int i = 0; i < n_products; i++) {
        const hg_tensor *w = products[i].w;
        job.rounds[i] = products_may_round(ctx, w);
        job.bf16[i] = products_may_bf16(ctx, t, w);
        job.any_bf16 = job.any_bf16 || job.bf16[i];
        assert(!w->interleaved || job.rounds[i]); /* other ways read rows */
        job.work += t * hg_tensor_count(w);
        if (job.rounds[i] && (largest == NULL || hg_tensor_count(w) > hg_tensor_count(largest)))
            largest = w;
    }
    job.any_rounds = largest != NULL;
    job.wide = job.any_rounds && t >= HG_WIDE_ROWS && ctx->compute == HG_COMPUTE_INFER &&
               hg_kernels_widen(ctx->kernels, largest->dtype);
    const int64_t block = t <= PRODUCTS_FEW_ROUNDED ? products_few_block(&job)
                          : job.wide                ? products_wide_block(&job)
                                                    : products_many_block(&job);
    hg_products_cut(&job, block, t > 0 ? t : 1);
    return job;
}

int hg_products_round_threads(const hg_products *job)
{
    return hg_ctx_threads(job->ctx, (job->chain == NULL ? 4 : 16) * hg_tensor_count(job->x));
}

int hg_products_threads(const hg_products *job)
{
    return hg_ctx_threads(job->ctx, job->work);
}

void hg_products_run(hg_products *job)
{
    hg_arena_mark mark = hg_arena_get_mark(job->ctx->arena);
    if (hg_products_take_scratch(job) && hg_products_take_rows(job)) {
        hg_products_round(job, hg_products_round_threads(job));
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
