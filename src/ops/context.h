/* SPDX-License-Identifier: Apache-2.0
 *
 * context.h: what an operation runs with: memory, kernels, threads, and the tape when gradients are wanted.
 *
 * Operations run at once and return a tensor in the context's arena. The first failure sticks: later
 * operations return NULL without doing anything, so a model is written as plain formulas and its caller looks
 * at the context once, at the end.
 */
#ifndef HG_OPS_CONTEXT_H
#define HG_OPS_CONTEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

#include <stdbool.h>

struct hg_tape;

/* How products with frozen weights are made. The plain way is exact to float32. Rounded activations
 * (kernels/rounded.h) and bf16 are faster on some processors and lose some of their bits. */
typedef enum hg_compute {
    HG_COMPUTE_INFER, /* block-quantised weights with rounded activations, unless there is a tape */
    HG_COMPUTE_EXACT, /* plain, with and without a tape */
    HG_COMPUTE_BF16,  /* training: rounded activations forward, with a tape too; bf16 backward */
    HG_COMPUTE_INT8   /* the same, and backward through block-quantised weights 8 bits (kernels/turned.h) */
} hg_compute;

typedef struct hg_ctx {
    hg_arena *arena; /* results and scratch; the caller resets it */
    const hg_kernels *kernels;
    int n_threads;
    struct hg_tape *tape; /* NULL: inference, nothing is recorded */
    hg_compute compute;
    bool bf16; /* HG_COMPUTE_INFER: many rows by weights that are not quantised are multiplied in bf16, where
                  that is faster */
    hg_error error; /* code HG_STATUS_OK until the first failure */
} hg_ctx;

void hg_ctx_init(hg_ctx *ctx, hg_arena *arena, const hg_kernels *kernels, int n_threads);

bool hg_ctx_failed(const hg_ctx *ctx);

/* The sticky failure as a status; copies its text to `err`. */
hg_status hg_ctx_status(const hg_ctx *ctx, hg_error *err);

/* Sets the failure unless there is one already; returns NULL for `return hg_ctx_fail(...)`. */
hg_tensor *hg_ctx_fail(hg_ctx *ctx, hg_status code, const char *format, ...) HG_PRINTF(3, 4);

/* A new contiguous activation tensor, uninitialised; with a zeroed gradient when `with_grad`. NULL on
 * failure. */
hg_tensor *hg_ctx_tensor(hg_ctx *ctx, int n_dims, const int64_t *shape, bool with_grad);

/* A copy of the descriptor `view` in the arena, so that views can be passed on like results. */
hg_tensor *hg_ctx_view(hg_ctx *ctx, hg_tensor view);

/* Sets n activations to zero, on all threads when they are many. */
void hg_ctx_zero(const hg_ctx *ctx, hg_real *p, int64_t n);

/* n activations of scratch from the arena, uninitialised; NULL on failure. */
hg_real *hg_ctx_scratch(hg_ctx *ctx, int64_t n);

/* Threads worth starting for `work` multiply-adds (or as much): 1 when waking the others would take longer
 * than the work. How the work is cut does not depend on it, so neither do results. */
int hg_ctx_threads(const hg_ctx *ctx, int64_t work);

/* Whether products in training are made one of the fast ways. */
bool hg_ctx_reduces(const hg_ctx *ctx);

/* Whether a result that depends on `t` needs a gradient: there is a tape and `t` (may be NULL) has one. */
bool hg_ctx_wants_grad(const hg_ctx *ctx, const hg_tensor *t);

#endif
