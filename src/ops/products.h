/* SPDX-License-Identifier: Apache-2.0
 *
 * products.h: forward products of one x, cut into chunks of weight rows: what matmul.h's products and chains
 * are made of.
 */
#ifndef HG_OPS_PRODUCTS_H
#define HG_OPS_PRODUCTS_H

#include "ops/operand.h"

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

/* Up to this many rows of x the weights are read as they are stored: reading them is what costs. */
#define HG_PRODUCTS_FEW 4
#define HG_PRODUCTS_FEW_ROUNDED 8

typedef struct hg_products {
    hg_ctx *ctx;
    hg_operand x;
    const hg_product *products;
    int n_products;
    int64_t block;                  /* weight rows a chunk */
    int64_t x_block;                /* rows of x a chunk */
    int64_t begin[HG_PRODUCTS_MAX]; /* a product's first chunk */
    int64_t n_chunks;
    int64_t work;                 /* multiply-adds of all products */
    bool rounds[HG_PRODUCTS_MAX]; /* multiplied as bytes */
    bool bf16[HG_PRODUCTS_MAX];   /* multiplied in bf16 */
    uint8_t *scratch;             /* scratch_each bytes for each worker */
    size_t scratch_each;
    const struct hg_products *joined; /* its only product is added to the only one of this; both are wide */
} hg_products;

static inline int64_t hg_products_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Products of x in chunks of as many weight rows as few or many rows of x want, with all rows of x. */
hg_products hg_products_begin(hg_ctx *ctx, const hg_tensor *x, const hg_product *products, int n_products);

/* Other chunks: `block` weight rows by `x_block` rows of x, a multiple of HG_WIDE_ROWS. */
void hg_products_cut(hg_products *job, int64_t block, int64_t x_block);

/* Whether product i reads x but rounded, or in bf16. */
bool hg_products_rounds(const hg_products *job, int i);

/* Memory of the context's arena for scratch. False, and the context fails, when there is none. */
bool hg_products_take_scratch(hg_products *job);

/* As many threads as the products are worth. */
int hg_products_threads(const hg_products *job);

/* All of it: memory, which is given back, rounding, chunks. */
void hg_products_run(hg_products *job);

/* For hg_parallel_for: chunk `index` of the hg_products at `arg`. */
void hg_products_run_chunk(void *arg, int64_t index, int worker);

#endif
