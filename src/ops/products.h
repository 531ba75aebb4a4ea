/* SPDX-License-Identifier: Apache-2.0
 *
 * products.h: forward products of one x, cut into chunks of weight rows: what matmul.h's products and chains
 * are made of.
 */
#ifndef HG_OPS_PRODUCTS_H
#define HG_OPS_PRODUCTS_H

#include "ops/matmul.h"

/* Weight rows a chunk. Few rows of x: small, so that no thread waits long for the last one. Many: 64 rows of
 * 3,072 bytes with their scales stay in a second-level cache. Short rows: so many that a chunk has
 * HG_PRODUCTS_ELEMENTS, because taking one costs as much as multiplying some thousands of elements. */
#define HG_PRODUCTS_SMALL 32
#define HG_PRODUCTS_ELEMENTS 16384
#define HG_PRODUCTS_LARGE 64
/* Where oneDNN multiplies, for weights that leave enough chunks: it copies what it reads of x for each, and
 * is slow with fewer columns. */
#define HG_PRODUCTS_DENSE 128
#define HG_PRODUCTS_DENSE_LEAST 2048

typedef struct hg_products {
    hg_ctx *ctx;
    const hg_tensor *x;
    const hg_product *products;
    int n_products;
    int64_t block;                  /* weight rows a chunk */
    int64_t x_block;                /* rows of x a chunk */
    int64_t begin[HG_PRODUCTS_MAX]; /* a product's first chunk */
    int64_t n_chunks;
    int64_t work; /* multiply-adds of all products */
    bool rounds[HG_PRODUCTS_MAX];
    bool any_rounds;
    bool bf16[HG_PRODUCTS_MAX]; /* multiplied in bf16 */
    bool any_bf16;
    bool wide;           /* which of the two ways of rounding; may change before memory is taken */
    hg_rounded rounded;  /* x, when any product rounds */
    hg_wide wide_rows;   /* the same, when wide */
    uint16_t *bf16_rows; /* x (T, K) in bf16, when any product is */
    uint8_t *scratch;    /* scratch_each bytes for each worker */
    size_t scratch_each;
    /* Each worker has an x of its own, x->stride[0] behind the one's before, and rounds it for itself. */
    bool apart;
    /* x may be only promised, if every product rounds it; NULL: it is there. */
    const hg_rows *rows;
    hg_real *made; /* then a row for each worker */
    /* Products of x by weights of few rows, as floats, of which each row is made when x's is rounded. */
    const hg_product *beside;
    int n_beside;
    const hg_chain *chain;            /* makes x's rows, each before it is rounded; NULL: they are there */
    const struct hg_products *joined; /* its only product is added to the only one of this; both are wide */
} hg_products;

/* Products of x in chunks of as many weight rows as few or many rows of x want, with all rows of x. */
hg_products hg_products_begin(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products);

/* Other chunks: `block` weight rows by `x_block` rows of x, a multiple of HG_WIDE_ROWS. */
void hg_products_cut(hg_products *job, int64_t block, int64_t x_block);

/* Whether no product of these reads x but rounded, or in bf16. */
bool hg_products_round_all(const hg_products *job);

/* Memory of the context's arena for scratch, and for x rounded, as far as the products need them. False, and
 * the context fails, when there is none. */
bool hg_products_take_scratch(hg_products *job);
bool hg_products_take_rows(hg_products *job);

/* Rounds x where a product needs that: all of it, or columns begin to begin + count of its only row,
 * multiples of HG_ROUNDED_RUN, or the x of a worker. */
void hg_products_round(const hg_products *job, int n_threads);
void hg_products_round_columns(const hg_products *job, int64_t begin, int64_t count);
void hg_products_round_own(const hg_products *job, int worker);

/* As many threads as rounding x, and as the products, are worth. */
int hg_products_round_threads(const hg_products *job);
int hg_products_threads(const hg_products *job);

/* All of it: memory, which is given back, rounding, chunks. */
void hg_products_run(hg_products *job);

/* For hg_parallel_for: chunk `index` of the hg_products at `arg`. */
void hg_products_run_chunk(void *arg, int64_t index, int worker);

#endif
