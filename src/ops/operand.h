/* SPDX-License-Identifier: Apache-2.0
 *
 * operand.h: the x of some products (products.h): where its rows come from, and what they are made to before
 * they are multiplied.
 */
#ifndef HG_OPS_OPERAND_H
#define HG_OPS_OPERAND_H

#include "ops/matmul.h"

typedef struct hg_operand {
    hg_ctx *ctx;
    const hg_tensor *tensor; /* (T, K); without data while its rows are only promised */

    /* What the products want, known before memory is taken: rows as bytes, in wide runs (kernels/wide.h) or
     * in those of kernels/rounded.h, and rows in bf16. */
    bool rounds, wide, bf16;

    /* Each worker has a row of its own, stride[0] behind the one's before, and rounds it for itself. */
    bool apart;

    /* Where a row comes from when it is rounded: it is there, or promised, or made by a chain. NULL: it is
     * there. */
    const hg_rows *rows;
    const hg_chain *chain;

    /* Products by weights of few rows, as floats, of which each row is made when x's is rounded. */
    const hg_product *beside;
    int n_beside;

    /* Memory of the context's arena: a promised row for each worker, and what the products want. */
    hg_real *made;
    hg_rounded rounded;
    hg_wide wide_rows;
    uint16_t *bf16_rows; /* (T, K) */
} hg_operand;

/* Memory, as far as it is needed. False, and the context fails, when there is none. */
bool hg_operand_take(hg_operand *o);

/* Makes what the products want: of all rows, of columns begin to begin + count of the only row, multiples of
 * HG_ROUNDED_RUN, or of the row of a worker. */
void hg_operand_round(const hg_operand *o, int n_threads);
void hg_operand_round_columns(const hg_operand *o, int64_t begin, int64_t count);
void hg_operand_round_own(const hg_operand *o, int worker);

/* As many threads as the first is worth. */
int hg_operand_threads(const hg_operand *o);

/* Row t, or a worker's only one, as floats; NULL while they are promised. */
const hg_real *hg_operand_row(const hg_operand *o, int64_t t, int worker);

/* All of it, or a worker's row, in the runs of kernels/rounded.h. */
hg_rounded hg_operand_rounded(const hg_operand *o, int worker);

#endif
