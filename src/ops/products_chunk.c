/* SPDX-License-Identifier: Apache-2.0
 *
 * products_chunk.c: a chunk of weight rows by rows of x, in five ways: few rows of x read the weights as they
 * are stored, many have them unpacked or converted first, to floats or to bf16; with block-quantised weights
 * both can go through rounded activations, and many rows through coarser ones (kernels/wide.h).
 */
#include "ops/bf16_row.h"
#include "ops/products.h"

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

/* Few rows, plain: weight rows begin to begin + count of a chunk. */
static void products_matvec_rows(const hg_products *job, const products_chunk *c, int64_t begin,
                                 int64_t count)
{
    const hg_tensor *w = c->product->w;
    hg_real result[HG_PRODUCTS_FEW * HG_PRODUCTS_LARGE];
    job->ctx->kernels->matvecs(w->dtype, count, w->shape[1],
                               hg_tensor_at(w, (c->first + begin) * w->stride[0]), w->stride[0], c->n_t, c->x,
                               job->x.tensor->stride[0], hg_prefetch_asks_rows(w->prefetch), result,
                               HG_PRODUCTS_LARGE);
    for (int64_t t = 0; t < c->n_t; t++) {
        const hg_real *from = result + t * HG_PRODUCTS_LARGE;
        hg_real *y = c->y + t * c->product->ldy + begin;
        for (int64_t i = 0; i < count; i++)
            y[i] = c->product->add ? from[i] + y[i] : from[i];
    }
}

static void products_matvec(const hg_products *job, const products_chunk *c)
{
    for (int64_t begin = 0; begin < c->count; begin += HG_PRODUCTS_LARGE)
        products_matvec_rows(job, c, begin, hg_products_least(c->count - begin, HG_PRODUCTS_LARGE));
}

/* Many rows, plain. */
static void products_gemm(const hg_products *job, const products_chunk *c, void *scratch)
{
    const hg_tensor *x = job->x.tensor, *w = c->product->w;
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
    kernels->gemm_bf16(&s, job->x.bf16_rows + c->t * k, rows, NULL, c->y);
}

/* Many rows of x with wide runs, and with them the product that is joined to this one. */
static void products_wide(const hg_products *job, const products_chunk *c, void *scratch)
{
    const hg_tensor *w = c->product->w;
    const hg_wide x = hg_wide_rows(&job->x.wide_rows, c->t, c->n_t);
    hg_wide_term terms[HG_WIDE_TERMS] = {{w->dtype, w->interleaved, c->w, w->stride[0], &x}};
    hg_wide z;
    int n_terms = 1;
    if (job->joined != NULL) {
        const hg_tensor *more = job->joined->products[0].w;
        z = hg_wide_rows(&job->joined->x.wide_rows, c->t, c->n_t);
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
    if (job->x.tensor->shape[0] <= HG_PRODUCTS_FEW_ROUNDED && w->interleaved)
        kernels->matvec_interleaved(w->dtype, c->count, c->w, w->prefetch, c->rounded, add, c->y, ldy);
    else if (job->x.tensor->shape[0] <= HG_PRODUCTS_FEW_ROUNDED)
        kernels->matvec_rounded(w->dtype, c->count, c->w, w->stride[0], c->rounded, add, c->y, ldy);
    else if (job->x.wide)
        products_wide(job, c, scratch);
    else if (w->interleaved)
        kernels->gemm_interleaved(w->dtype, c->count, c->w, c->rounded, add, c->y, ldy, scratch);
    else
        kernels->gemm_rounded(w->dtype, c->count, c->w, w->stride[0], c->rounded, add, c->y, ldy, scratch);
}

/* Which product chunk `index` belongs to, and what of it. */
static int products_find(const hg_products *job, int64_t index, products_chunk *c)
{
    int p = job->n_products - 1;
    while (index < job->begin[p])
        p--;
    const hg_product *product = &job->products[p];
    const hg_tensor *w = product->w;
    const int64_t n_t = job->x.tensor->shape[0], x_blocks = (n_t + job->x_block - 1) / job->x_block,
                  at = index - job->begin[p], first = at / x_blocks * job->block,
                  t = at % x_blocks * job->x_block;
    *c = (products_chunk){.product = product,
                          .first = first,
                          .count = hg_products_least(w->shape[0] - first, job->block),
                          .t = t,
                          .n_t = hg_products_least(n_t - t, job->x_block),
                          .w = hg_tensor_at(w, first * w->stride[0]),
                          .y = product->y + t * product->ldy + first};
    return p;
}

void hg_products_run_chunk(void *arg, int64_t index, int worker)
{
    const hg_products *job = arg;
    products_chunk c;
    const int p = products_find(job, index, &c);
    const hg_rounded rounded = hg_operand_rounded(&job->x, worker);
    c.x = hg_operand_row(&job->x, c.t, worker);
    c.rounded = &rounded;
    void *scratch = job->scratch + (size_t)worker * job->scratch_each;
    if (job->rounds[p])
        products_rounded(job, &c, scratch);
    else if (job->bf16[p])
        products_bf16(job, &c, scratch);
    else if (job->x.tensor->shape[0] <= HG_PRODUCTS_FEW)
        products_matvec(job, &c);
    else
        products_gemm(job, &c, scratch);
}
