/* SPDX-License-Identifier: Apache-2.0
 *
 * op_cases.h: random cases of every operation, for the tests that check gradients and agreement. The same
 * source serves the double build (finite differences) and the float build (tiers and thread counts against
 * the reference).
 */
#ifndef HG_TESTS_OP_CASES_H
#define HG_TESTS_OP_CASES_H

#include "base/rng.h"
#include "ops/ops.h"

#define OP_CASE_LEAVES 6

typedef struct op_case {
    hg_tensor *leaf[OP_CASE_LEAVES]; /* contiguous, each with a gradient */
    int n_leaves;
    hg_tensor *(*run)(hg_ctx *ctx, struct op_case *c);
    /* What `run` needs: inputs (views of leaves, or frozen tensors) and parameters. */
    hg_tensor *in[4];
    hg_hlora plug;
    hg_real *mask;
    hg_attention how;
    hg_segments segments;
    int64_t bounds[4]; /* theirs */
    hg_prefix prefix[3];
    int64_t number[3];
    int32_t ids[8];
} op_case;

typedef struct op_cases {
    const char *op; /* the registry's name */
    int n_variants;
    /* Makes variant 0..n_variants-1 in the context's arena; sizes grow with `size`, 1 is the smallest. */
    void (*make)(hg_ctx *ctx, hg_rng *rng, int variant, int64_t size, op_case *c);
} op_cases;

size_t op_cases_count(void);
const op_cases *op_cases_get(size_t index);

#endif
