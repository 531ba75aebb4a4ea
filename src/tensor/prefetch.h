/* SPDX-License-Identifier: Apache-2.0
 *
 * prefetch.h: how weights that a kernel reads once, front to back, are asked for before they are needed. It
 * changes no result; which way is fastest depends on the processor (ops/prefetch_trial.h).
 */
#ifndef HG_TENSOR_PREFETCH_H
#define HG_TENSOR_PREFETCH_H

#include <stdbool.h>

typedef enum hg_prefetch {
    HG_PREFETCH_UNTRIED, /* nobody knows: cached heads are asked for, as their kernels do it, weights are not
                          */
    HG_PREFETCH_NONE,    /* left to the processor, which sees one stream */
    HG_PREFETCH_3K,      /* so many bytes ahead, into the first-level cache */
    HG_PREFETCH_4K,
    HG_PREFETCH_6K
} hg_prefetch;

/* Whether kernels that know but one way of asking should ask: for keys and values, for rows of weights. */
static inline bool hg_prefetch_asks_heads(hg_prefetch prefetch)
{
    return prefetch != HG_PREFETCH_NONE;
}

static inline bool hg_prefetch_asks_rows(hg_prefetch prefetch)
{
    return prefetch != HG_PREFETCH_NONE && prefetch != HG_PREFETCH_UNTRIED;
}

#define HG_PREFETCH_COUNT 5

#endif
